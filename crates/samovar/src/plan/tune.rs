//! `samovar tune`: measures models in this process, one after the other, with nothing else to do meanwhile.

use super::arguments::TuneArguments;
use super::record::PlanRecord;
use super::table;
use super::writable::check_writable;
use crate::config::{Config, ConfigFile};
use crate::failure::{CliError, Exit};
use crate::model_choice::{self, NamedModel};
use crate::{here, signals, stderr, stdout};
use samovar_runtime::{Plan, Registry, TuneFailure, TuneFailureKind, TuneOptions, TuneProgress};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs the command.
///
/// # Errors
/// What keeps every model from being measured; of several, one that fails does not stop the others.
pub fn tune(arguments: &TuneArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let config = ConfigFile::find(config)?.config;
    let models = models(arguments, &config)?;
    check_writable(&config)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let specs = models.iter().map(model_choice::spec).collect::<Result<_, CliError>>()?;
    let registry = here::registry(&config, specs, None)?;
    let tuning = Tuning { arguments, config: &config, registry: &registry, cancel: Arc::default() };
    let exit = runtime.block_on(tuning.all(&models));
    registry.close();
    exit
}

/// The models that were typed, else all that are configured, each with the goal that was typed.
fn models(arguments: &TuneArguments, config: &Config) -> Result<Vec<NamedModel>, CliError> {
    let names: Vec<&String> = match arguments.models.as_slice() {
        [] => config.models.keys().collect(),
        names => names.iter().collect(),
    };
    if names.is_empty() {
        return Err(CliError::new("no_model", "there is no model to measure")
            .cure("samovar tune FILE.onnx, or a configuration with `[models.NAME]`")
            .exit(Exit::Usage));
    }
    let one = |name: &&String| {
        let (name, mut section) = model_choice::file_or_name(name, config, &arguments.choices)?;
        section.optimize = arguments.optimize.unwrap_or(section.optimize);
        Ok((name, section))
    };
    names.iter().map(one).collect()
}

struct Tuning<'a> {
    arguments: &'a TuneArguments,
    config: &'a Config,
    registry: &'a Registry,
    /// Set by Ctrl-C.
    cancel: Arc<AtomicBool>,
}

/// A model's plan, and whether it was measured now.
struct Tuned {
    plan: Arc<Plan>,
    measured: bool,
}

impl Tuning<'_> {
    async fn all(&self, models: &[NamedModel]) -> Result<Exit, CliError> {
        let stop = signals::cancel_on_signal()?;
        let cancel = Arc::clone(&self.cancel);
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.cancelled().await;
            cancel.store(true, Ordering::Relaxed);
        });
        let (mut done, mut failed) = (Vec::new(), 0);
        for (name, _) in models {
            match self.one(name).await {
                Ok(tuned) => {
                    self.tell(&tuned)?;
                    done.push(PlanRecord::new(&tuned.plan).measured(tuned.measured));
                }
                Err(_) if stop.is_cancelled() => break,
                Err(error) if models.len() == 1 => return Err(error),
                Err(error) => {
                    failed += 1;
                    stderr::line(&format!("{name}: {error}"));
                }
            }
        }
        self.end(&done, failed, stop.is_cancelled())
    }

    /// The plan that there is, else one that is measured now.
    async fn one(&self, name: &str) -> Result<Tuned, CliError> {
        self.registry.load(name).await??;
        let kept = self.registry.plan(name)?.filter(|_| !self.arguments.force);
        let tuned = match kept {
            Some(plan) => Ok(Tuned { plan, measured: false }),
            None => self.measure(name).await.map(|plan| Tuned { plan, measured: true }),
        };
        // The next one is measured with the machine to itself.
        self.registry.unload(name).await?;
        tuned
    }

    async fn measure(&self, name: &str) -> Result<Arc<Plan>, CliError> {
        let budget_s = self.arguments.budget.map_or(self.config.plans.budget_s, Into::into);
        let options = TuneOptions {
            budget: Duration::from_secs(budget_s),
            cancel: Arc::clone(&self.cancel),
            progress: if std::io::stderr().is_terminal() { Arc::new(show) } else { Arc::new(|_| ()) },
        };
        Ok(self.registry.tune(name, options).await??)
    }

    fn tell(&self, Tuned { plan, measured }: &Tuned) -> Result<(), CliError> {
        if self.arguments.json {
            return Ok(());
        }
        if !measured {
            stdout::print(&format!("{} has a plan; --force measures it again\n", plan.model))?;
        }
        stdout::print(&table::text(plan))
    }

    fn end(&self, done: &[PlanRecord], failed: usize, stopped: bool) -> Result<Exit, CliError> {
        let folder = here::plans_folder(self.config);
        if self.arguments.json {
            stdout::print_json(&serde_json::json!({ "folder": folder.display().to_string(), "plans": done }))?;
        } else if !done.is_empty() {
            stdout::print(&format!("kept in {}; used from the next start on\n", folder.display()))?;
        }
        Ok(match (stopped, failed, done.len()) {
            (true, ..) => Exit::Interrupted,
            (false, 0, _) => Exit::Ok,
            (false, _, 0) => Exit::Failure,
            (false, ..) => Exit::Partial,
        })
    }
}

/// A line for each way that was measured.
fn show(progress: &TuneProgress<'_>) {
    let Some(outcome) = progress.outcome else { return };
    let outcome = match outcome {
        Ok(figures) => {
            format!("{:.1} rows/s, {:.2} ms a run", figures.rows_per_s, figures.latency.as_secs_f64() * 1e3)
        }
        Err(reason) => reason.clone(),
    };
    stderr::line(&format!("  {}: {}: {outcome}", progress.model, progress.candidate));
}

impl From<TuneFailure> for CliError {
    fn from(failure: TuneFailure) -> Self {
        let cure = match failure.kind {
            TuneFailureKind::Load(kind) => kind.cure(),
            TuneFailureKind::NothingWorks => "`samovar bench engine --model FILE` tells how each engine fails",
            TuneFailureKind::Busy => "stop what else works on this machine, and measure again",
            TuneFailureKind::Stopped => "measure again, and let it end",
        };
        Self::new(failure.kind.code(), failure.reason).cure(cure)
    }
}
