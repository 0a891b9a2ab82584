//! Where time goes: what runs spent in each stage, by the class of work that they did.

use super::add;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use samovar_runtime::Class;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Time in each stage, and rows, by class.
pub(super) struct Stages {
    seconds: Family<StageLabels, Counter<f64, AtomicU64>>,
    rows: Family<ClassLabels, Counter>,
}

/// What one class has taken since the process began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClassFigures {
    /// Which.
    pub(crate) class: Class,
    /// Rows that ran.
    pub(crate) rows: u64,
    /// Seconds in each of [`STAGES`].
    pub(crate) seconds: [f64; 4],
}

/// The stages of a batch, in their order: the longest wait of a row, writing the rows, the engine's run, reading the rows.
pub(crate) const STAGES: [&str; 4] = ["queue", "prepare", "infer", "finish"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabels {
    class: &'static str,
}

impl Stages {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            seconds: add(into, "samovar_stage_seconds", "Time in each stage of batches, by class.", Family::default()),
            rows: add(into, "samovar_rows", "Rows that ran, by class.", Family::default()),
        }
    }

    /// Puts everything on the page, at zero.
    pub(super) fn know(&self) {
        let _all_made = self.figures();
    }

    /// A batch ran, and took so long in each of [`STAGES`].
    pub(super) fn ran(&self, class: Class, rows: usize, times: [Duration; 4]) {
        self.rows.get_or_create(&ClassLabels { class: class.name() }).inc_by(rows as u64);
        for (stage, time) in STAGES.into_iter().zip(times) {
            self.seconds.get_or_create(&StageLabels { stage, class: class.name() }).inc_by(time.as_secs_f64());
        }
    }

    /// What each class has taken.
    pub(super) fn figures(&self) -> [ClassFigures; 3] {
        Class::ALL.map(|class| ClassFigures {
            class,
            rows: self.rows.get_or_create(&ClassLabels { class: class.name() }).get(),
            seconds: STAGES.map(|stage| self.seconds.get_or_create(&StageLabels { stage, class: class.name() }).get()),
        })
    }
}
