//! What is true at the moment in which the page is asked for: states, generations, memory, readiness.

use super::labels::{ModelLabels, StateLabels};
use super::machine::Machine;
use super::{Levels, add};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use samovar_monitor::MachineSample;
use samovar_runtime::{Class, MemoryStats, ModelStatus};

/// What the page tells about the moment it is asked for in, beside what was counted.
#[derive(Clone, Default)]
pub struct Moment<'a> {
    /// Every configured model.
    pub models: &'a [ModelStatus],
    /// Whether requests may be sent here, as `/health/ready` tells.
    pub ready: bool,
    /// What all models together take and may take.
    pub memory: MemoryStats,
    /// Batches that can run at the same time.
    pub slots: usize,
    /// Work that waits, in the order of [`Class::ALL`].
    pub waiting: [usize; 3],
    /// The machine, the process and its children.
    pub machine: MachineSample,
    /// Room for what the server keeps.
    pub disks: Vec<DiskSpace>,
}

/// What can still be written to a folder that the server keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// What is kept there: `evidence` or `jobs`.
    pub folder: &'static str,
    /// In bytes.
    pub free_bytes: u64,
}

pub(super) struct MomentLevels {
    ready: Gauge,
    model_state: Levels<StateLabels>,
    model_generation: Levels<ModelLabels>,
    model_version: Levels<ModelLabels>,
    model_memory_bytes: Levels<ModelLabels>,
    model_peak_bytes: Levels<ModelLabels>,
    memory_held_bytes: Gauge,
    memory_limit_bytes: Gauge,
    slots: Gauge,
    queue_waiting: Levels<ClassLabels>,
    disk_free_bytes: Levels<FolderLabels>,
    machine: Machine,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabels {
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FolderLabels {
    folder: &'static str,
}

/// Every name that a model's state has.
const STATES: [&str; 6] = ["absent", "loading", "warming", "ready", "draining", "failed"];

impl MomentLevels {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            ready: add(into, "samovar_ready", "1 while requests may be sent here.", Gauge::default()),
            model_state: add(into, "samovar_model_state", "1 for the state a model is in.", Levels::default()),
            model_generation: add(
                into,
                "samovar_model_generation",
                "The copy of a model that serves, counted from 1; 0 where none does.",
                Levels::default(),
            ),
            model_version: add(
                into,
                "samovar_model_version",
                "The version that serves; 0 where the model has none or does not serve.",
                Levels::default(),
            ),
            model_memory_bytes: add(into, "samovar_model_memory_bytes", "Growth by a model's load.", Levels::default()),
            model_peak_bytes: add(
                into,
                "samovar_model_peak_bytes",
                "The most that a model's load and warm-up took at once.",
                Levels::default(),
            ),
            memory_held_bytes: add(
                into,
                "samovar_memory_held_bytes",
                "What all models together take, loads in progress by their estimates.",
                Gauge::default(),
            ),
            memory_limit_bytes: add(
                into,
                "samovar_memory_limit_bytes",
                "What all models together may take; 0 where nothing limits them.",
                Gauge::default(),
            ),
            slots: add(into, "samovar_slots", "Batches that can run at the same time.", Gauge::default()),
            queue_waiting: add(into, "samovar_queue_waiting", "Work that waits, by class.", Levels::default()),
            disk_free_bytes: add(
                into,
                "samovar_disk_free_bytes",
                "What can still be written to a folder of the server.",
                Levels::default(),
            ),
            machine: Machine::register(into),
        }
    }

    pub(super) fn set(&self, moment: &Moment<'_>) {
        self.ready.set(i64::from(moment.ready));
        self.memory_held_bytes.set(whole(moment.memory.held_bytes));
        self.memory_limit_bytes.set(whole(moment.memory.limit_bytes.unwrap_or(0)));
        self.slots.set(count(moment.slots));
        for (class, waiting) in Class::ALL.into_iter().zip(moment.waiting) {
            self.queue_waiting.get_or_create(&ClassLabels { class: class.name() }).set(count(waiting));
        }
        for &DiskSpace { folder, free_bytes } in &moment.disks {
            self.disk_free_bytes.get_or_create(&FolderLabels { folder }).set(whole(free_bytes));
        }
        self.machine.set(moment.machine.clone());
        for model in moment.models {
            self.set_model(model);
        }
    }

    fn set_model(&self, ModelStatus { name, state, .. }: &ModelStatus) {
        for name_of_state in STATES {
            let labels = StateLabels { model: name.clone(), state: name_of_state };
            self.model_state.get_or_create(&labels).set(i64::from(state.name() == name_of_state));
        }
        let serving = state.generation();
        let figures = serving.map(|generation| generation.figures()).unwrap_or_default();
        let set = |levels: &Levels<ModelLabels>, value: u64| {
            levels.get_or_create(&ModelLabels::new(name)).set(whole(value));
        };
        set(&self.model_generation, serving.map_or(0, |generation| generation.number));
        set(&self.model_version, serving.and_then(|generation| generation.version).unwrap_or(0));
        set(&self.model_memory_bytes, figures.memory_bytes);
        set(&self.model_peak_bytes, figures.peak_bytes);
    }
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
