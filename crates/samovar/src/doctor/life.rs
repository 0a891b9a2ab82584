//! What the life of models depends on here: plans, the memory limit, modes.

use super::finding::Finding;
use crate::config::{Config, ConfigFile, EngineName};
use crate::failure::CliError;
use crate::here;
use crate::models_command::ModelFacts;
use crate::plan::{ago, check_writable};
use samovar_engines::Surveyed;
use samovar_models::FamilyKind;
use samovar_runtime::{Plan, PlanStore, memory_estimate};
use std::time::SystemTime;

/// Looks at everything that is there or configured.
pub fn look(file: &ConfigFile, surveyed: &[Surveyed], memory_bytes: u64) -> Vec<Finding> {
    let config = &file.config;
    let mut findings = vec![plans(config, surveyed)];
    findings.extend(here::memory_limit(config).map(|limit| memory_limit(limit, memory_bytes, config)));
    findings.extend(modes(config));
    findings
}

fn plans(config: &Config, surveyed: &[Surveyed]) -> Finding {
    if let Err(CliError { message, cure, .. }) = check_writable(config) {
        let detail = format!("{message}; every start measures again, or runs by default");
        return Finding::problem("plans", detail, cure.unwrap_or_default());
    }
    let folder = here::plans_folder(config);
    let shown = folder.display();
    let kept = PlanStore::open(&folder).list();
    let stale: Vec<String> =
        kept.iter().filter(|plan| is_stale(plan, config, surveyed)).map(|plan| plan.model.clone()).collect();
    let newest = kept.first().map_or_else(String::new, |plan| {
        let age = SystemTime::now().duration_since(plan.measured_at).unwrap_or_default();
        format!(", the newest {} old", ago(age))
    });
    let detail = format!("{} in {shown}{newest}", crate::run::plural(kept.len() as u64, "plan"));
    if stale.is_empty() {
        return Finding::ok("plans", detail);
    }
    let cure = "samovar tune, or let the next server measure in the background";
    Finding::note("plans", format!("{detail}; of other engines than are here now: {}", stale.join(", ")), cure)
}

/// Whether the engines that a plan chose from are others than it would choose from now.
fn is_stale(plan: &Plan, config: &Config, surveyed: &[Surveyed]) -> bool {
    let here = |name: &str| surveyed.iter().find(|one| one.name == name).and_then(|one| one.info.as_ref());
    let same = plan.engines.iter().all(|(name, version)| here(name).is_some_and(|info| info.version == *version));
    let chooses = config.models.get(&plan.model).is_some_and(|model| model.engine == EngineName::Auto);
    !same || (chooses && plan.engines.len() != here::engine_names(surveyed).len())
}

fn memory_limit(limit: u64, machine: u64, config: &Config) -> Finding {
    let mib = |bytes: u64| bytes >> 20;
    let wanted = wanted_at_start(config);
    if limit >= machine {
        let detail = format!("{} MiB, but the machine has {} MiB: it never applies", mib(limit), mib(machine));
        return Finding::note("memory limit", detail, "set `memory.limit` to what models may take of it");
    }
    if wanted > limit {
        let detail = format!("{} MiB, and the models that load at start may take {} MiB", mib(limit), mib(wanted));
        return Finding::note("memory limit", detail, "raise `memory.limit`, or set `preload = false` for some");
    }
    let detail =
        format!("{} MiB of the machine's {} MiB, about {} MiB for the start", mib(limit), mib(machine), mib(wanted));
    Finding::ok("memory limit", detail)
}

/// What first loads reserve for the models that load at start.
fn wanted_at_start(config: &Config) -> u64 {
    let preloaded = config.models.iter().filter(|(_, section)| section.preload);
    let sizes = preloaded.filter_map(|(name, section)| Some(ModelFacts::read(name, section).ok()?.size_bytes()));
    sizes.map(memory_estimate).sum()
}

fn modes(config: &Config) -> Option<Finding> {
    let modes: Vec<(&str, &str)> = config.modes.segment.configured().collect();
    let listed: Vec<String> = modes.iter().map(|(mode, model)| format!("{mode} = {model}")).collect();
    let listed = (!listed.is_empty()).then(|| listed.join(", "))?;
    let fits = |model: &str| {
        let facts = config.models.get(model).map(|section| ModelFacts::read(model, section));
        // A model that cannot be read is a finding of its own.
        facts.is_none_or(|facts| facts.is_ok_and(|facts| facts.family() == Some(FamilyKind::Segmentation.name())))
    };
    let wrong: Vec<&str> = modes.iter().filter(|(_, model)| !fits(model)).map(|(_, model)| *model).collect();
    Some(match wrong.as_slice() {
        [] => Finding::ok("modes segment", listed),
        wrong => Finding::problem(
            "modes segment",
            format!("{listed}; no segmentation model: {}", wrong.join(", ")),
            "name segmentation models in `[modes.segment]`; `samovar models` tells each one's family",
        ),
    })
}
