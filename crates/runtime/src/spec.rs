//! What is configured about one model, in ready form.

use crate::fingerprint::Fingerprint;
use crate::source::Stamp;
use crate::{Binder, ModelSource, Tolerance};
use samovar_engine_api::{ModelFiles, Precision};
use std::path::PathBuf;
use std::time::Duration;

/// One configured model.
#[derive(Clone)]
pub struct ModelSpec {
    /// The name that everybody uses.
    pub name: String,
    /// Where its bytes are.
    pub source: ModelSource,
    /// The same model in f32, for a quantised file: it is used only if it agrees with this one on the warm-up input. None: a precision
    /// below f32 is held against the file itself in f32.
    pub reference: Option<ModelFiles>,
    /// Files beside the source that belong to the model, such as the decoder of a Whisper: what changes in them is a change of the model.
    /// Those that are absent count for nothing.
    pub companions: Vec<PathBuf>,
    /// The name of the adapter that its family folds into it, as it is shown; none where it runs as it is.
    pub adapter: Option<String>,
    /// Binds its family to the signature that is found.
    pub binder: Binder,
    /// The word for its family, where that is known before it is loaded: who names no model is told by it which one is meant. What the
    /// binder finds goes before it.
    pub family: Option<&'static str>,
    /// Which engine runs it.
    pub engine: EngineChoice,
    /// Which arithmetic it uses.
    pub precision: PrecisionChoice,
    /// How far it may differ from its reference on the warm-up input.
    pub tolerance: Tolerance,
    /// Rows in one run at most. None: 1 on a CPU, where batches of pictures only cost time and memory; the family's most elsewhere.
    pub batch_max: Option<usize>,
    /// How long the first row of a batch waits for others.
    pub batch_delay: Duration,
    /// Load at start, and count for readiness.
    pub preload: bool,
    /// What its plan is measured for.
    pub optimize: Optimize,
    /// Never evicted to make room for another model.
    pub pinned: bool,
    /// How long it may be unused before it is unloaded. None: for ever.
    pub idle_ttl: Option<Duration>,
    /// Reload it when its file changes or a newer version appears.
    pub watch: bool,
}

impl ModelSpec {
    /// A model with every default: any engine, the fastest precision that agrees with f32, loaded at start.
    pub fn new(name: impl Into<String>, source: ModelSource, binder: Binder) -> Self {
        Self {
            name: name.into(),
            source,
            reference: None,
            companions: Vec::new(),
            adapter: None,
            binder,
            family: None,
            engine: EngineChoice::Auto,
            precision: PrecisionChoice::Auto,
            tolerance: Tolerance::default(),
            batch_max: None,
            batch_delay: Duration::ZERO,
            preload: true,
            optimize: Optimize::default(),
            pinned: false,
            idle_ttl: None,
            watch: false,
        }
    }

    /// How `files` of the source look at present, with what belongs to them; none while they cannot be looked at.
    pub(crate) fn fingerprint(&self, files: &ModelFiles) -> Option<Fingerprint> {
        Some(Fingerprint::of(files)?.with_files(&self.companions))
    }

    /// How the best candidate looks at present; none while it cannot be looked at.
    pub(crate) fn stamp(&self, chosen: Option<u64>) -> Option<Stamp> {
        let version = *self.source.candidates(chosen).ok()?.first()?;
        let fingerprint = self.fingerprint(&self.source.files(version).ok()?)?;
        Some(Stamp { version, fingerprint })
    }
}

/// What a plan is measured for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Optimize {
    /// The most rows a second when the device is busy.
    #[default]
    Throughput,
    /// The shortest run when the device is idle.
    Latency,
}

impl Optimize {
    /// The word in configuration and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
        }
    }
}

/// Which engine runs a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The first of the present engines that can run it.
    #[default]
    Auto,
    /// This one or none.
    Named(String),
}

/// Which arithmetic a model uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// The fastest that the hardware has and that agrees with f32 on the warm-up input.
    #[default]
    Auto,
    /// This one; below f32 it must still agree with f32.
    Fixed(Precision),
}
