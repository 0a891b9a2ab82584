//! `samovar models`: the configured models, each with its version, its plan and what stands in its way.

use crate::config::{ConfigFile, EngineName, ModelSection};
use crate::failure::{CliError, Exit};
use crate::models_command::ModelFacts;
use crate::{here, plan, stdout};
use comfy_table::{Table, presets};
use samovar_engines::{Locations, survey};
use samovar_runtime::{Plan, PlanStore};

/// One configured model.
struct Listed<'a> {
    name: &'a str,
    section: &'a ModelSection,
    facts: Result<ModelFacts, CliError>,
    /// The engine that is tried first.
    engine: String,
    /// The newest plan that is kept for it.
    plan: Option<Plan>,
}

/// Tells every configured model.
///
/// # Errors
/// Where stdout cannot be written to. A model that cannot serve is a line, and exit code 1.
pub fn list(file: &ConfigFile, json: bool) -> Result<Exit, CliError> {
    let models = listed(file);
    if json {
        let rows: Vec<serde_json::Value> = models.iter().map(Listed::json).collect();
        stdout::print_json(&serde_json::json!({ "models": rows }))?;
    } else if models.is_empty() {
        stdout::print(
            "no model is configured; a single file needs no configuration: samovar serve --model FILE.onnx\n",
        )?;
    } else {
        stdout::print(&table(&models))?;
    }
    Ok(if models.iter().any(|model| model.problem().is_some()) { Exit::Failure } else { Exit::Ok })
}

fn listed(file: &ConfigFile) -> Vec<Listed<'_>> {
    let present = here::engine_names(&survey(&Locations::from_environment()));
    let first = present.first().copied().unwrap_or_default();
    let plans = PlanStore::open(here::plans_folder(&file.config)).list();
    let engine_of = |section: &ModelSection| match section.engine {
        EngineName::Auto => first,
        named => named.word(),
    };
    let models = file.config.models.iter().map(|(name, section)| Listed {
        name,
        section,
        facts: ModelFacts::read(name, section),
        engine: engine_of(section).to_owned(),
        plan: plans.iter().find(|plan| plan.model == *name).cloned(),
    });
    models.collect()
}

impl Listed<'_> {
    fn problem(&self) -> Option<&CliError> {
        self.facts.as_ref().map_or_else(Some, ModelFacts::problem)
    }

    fn json(&self) -> serde_json::Value {
        let plan = self.plan.as_ref().map(plan::short);
        match &self.facts {
            Ok(facts) => {
                let mut value = serde_json::to_value(facts).unwrap_or_default();
                // Names and metadata are what `models show` is for.
                for long in ["metadata", "inputs", "outputs", "data_files"] {
                    value.as_object_mut().map(|value| value.remove(long));
                }
                value["labels"] = facts.class_count().into();
                value["engine_used"] = self.engine.as_str().into();
                value["preload"] = self.section.preload.into();
                value["plan"] = plan.into();
                value["problem"] = serde_json::json!(facts.problem());
                value
            }
            Err(error) => {
                serde_json::json!({ "name": self.name, "path": self.section.path, "plan": plan, "problem": error })
            }
        }
    }

    fn row(&self) -> [String; 9] {
        let facts = self.facts.as_ref().ok();
        let told = |tell: &dyn Fn(&ModelFacts) -> String| facts.map_or_else(|| "?".to_owned(), tell);
        [
            self.name.to_owned(),
            told(&|facts| facts.family().unwrap_or("?").to_owned()),
            told(&ModelFacts::sizes),
            told(&|facts| facts.class_count().to_string()),
            self.engine.clone(),
            self.section.precision.word().to_owned(),
            told(&|facts| facts.version().map_or_else(|| "-".to_owned(), |version| version.to_string())),
            self.plan.as_ref().map_or_else(|| "-".to_owned(), plan::short),
            self.section.path.display().to_string(),
        ]
    }
}

fn table(models: &[Listed<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["name", "family", "input", "classes", "engine", "precision", "version", "plan", "file"]);
    for model in models {
        table.add_row(model.row());
    }
    let problem = |model: &Listed<'_>| Some(format!("{}: {}\n", model.name, model.problem()?));
    format!("{}\n{}", table.trim_fmt(), models.iter().filter_map(problem).collect::<String>())
}
