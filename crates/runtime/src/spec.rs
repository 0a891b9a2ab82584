//! What is configured about one model, in ready form.

use crate::{Binder, Tolerance};
use samovar_engine_api::{ModelFiles, Precision};
use std::time::Duration;

/// One configured model.
#[derive(Clone)]
pub struct ModelSpec {
    /// The name that everybody uses.
    pub name: String,
    /// Where its bytes are.
    pub files: ModelFiles,
    /// The same model in f32, for a quantised file: it is used only if it agrees with this one on the warm-up input. None: a precision
    /// below f32 is held against the file itself in f32.
    pub reference: Option<ModelFiles>,
    /// Binds its family to the signature that is found.
    pub binder: Binder,
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
