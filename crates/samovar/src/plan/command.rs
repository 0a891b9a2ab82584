//! `samovar plan show` and `samovar plan clear`: what is kept, without loading a model.

use super::arguments::PlanCommand;
use super::record::PlanRecord;
use super::table;
use crate::config::{Config, ConfigFile};
use crate::failure::{CliError, Exit};
use crate::{here, stdout};
use samovar_runtime::{Plan, PlanStore};
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// The configuration, or a model that has no plan.
pub fn run(command: &PlanCommand, config: Option<&Path>) -> Result<Exit, CliError> {
    let config = ConfigFile::find(config)?.config;
    let store = PlanStore::open(here::plans_folder(&config));
    match command {
        PlanCommand::Show { model, json } => show(&plans(store.list(), model.as_deref(), &config)?, *json, &config),
        PlanCommand::Clear { model, json } => clear(&store, model.as_deref(), &config, *json),
    }
}

/// Of `all` the plans of one model or all of them; the newest of each first.
fn plans(all: Vec<Plan>, model: Option<&str>, config: &Config) -> Result<Vec<Plan>, CliError> {
    let Some(name) = model else { return Ok(all) };
    let mut known: Vec<String> = all.iter().map(|plan| plan.model.clone()).collect();
    let plans: Vec<Plan> = all.into_iter().filter(|plan| plan.model == name).collect();
    if !plans.is_empty() {
        return Ok(plans);
    }
    known.sort();
    known.dedup();
    let cure = match known.as_slice() {
        _ if config.models.contains_key(name) => format!("samovar tune {name}"),
        [] => format!("samovar tune {name}"),
        known => format!("there are plans for {}", known.join(", ")),
    };
    Err(CliError::new("plan_not_found", format!("no plan is kept for a model called `{name}`")).cure(cure))
}

fn show(plans: &[Plan], json: bool, config: &Config) -> Result<Exit, CliError> {
    if json {
        let records: Vec<PlanRecord> = plans.iter().map(PlanRecord::new).collect();
        let folder = here::plans_folder(config).display().to_string();
        stdout::print_json(&serde_json::json!({ "folder": folder, "plans": records }))?;
    } else if plans.is_empty() {
        let folder = here::plans_folder(config);
        stdout::print(&format!(
            "no plans are kept in {}; a server makes them in the background, `samovar tune` at once\n",
            folder.display()
        ))?;
    } else {
        stdout::print(&plans.iter().map(table::text).collect::<String>())?;
    }
    Ok(Exit::Ok)
}

fn clear(store: &PlanStore, model: Option<&str>, config: &Config, json: bool) -> Result<Exit, CliError> {
    let unwritable = |error: std::io::Error| {
        let folder = here::plans_folder(config);
        CliError::new("plans_unwritable", format!("the plans in {} cannot be removed: {error}", folder.display()))
            .cure("see who may write there")
    };
    let removed = match model {
        // What cannot be read has no model's name.
        None => store.clear().map_err(unwritable)?,
        Some(_) => {
            let plans = plans(store.records(), model, config)?;
            plans.iter().try_for_each(|plan| store.remove(&plan.key).map(drop)).map_err(unwritable)?;
            plans.len()
        }
    };
    if json {
        stdout::print_json(&serde_json::json!({ "removed": removed }))?;
    } else {
        stdout::print(&format!("{} removed\n", crate::run::plural(removed as u64, "plan")))?;
    }
    Ok(Exit::Ok)
}
