//! The one state value of a model: what everybody who asks is told.

use crate::Generation;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a model is in its life. `Absent → Loading → Warming → Ready → Draining → Absent`, or `Failed`.
#[derive(Clone, Default)]
pub enum ModelState {
    /// Configured, not in memory.
    #[default]
    Absent,
    /// Weights are being read.
    Loading {
        /// Since when.
        since: Instant,
    },
    /// Loaded; representative input runs until the latency has settled.
    Warming {
        /// Since when.
        since: Instant,
    },
    /// Warm: this generation serves.
    Ready(Arc<Generation>),
    /// Accepted work is finished, then the weights are freed.
    Draining,
    /// The last load failed.
    Failed(Failure),
}

impl ModelState {
    /// The name in answers and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Loading { .. } => "loading",
            Self::Warming { .. } => "warming",
            Self::Ready(_) => "ready",
            Self::Draining => "draining",
            Self::Failed(_) => "failed",
        }
    }

    /// The generation that serves, if one does.
    pub const fn generation(&self) -> Option<&Arc<Generation>> {
        match self {
            Self::Ready(generation) => Some(generation),
            _ => None,
        }
    }
}

/// Why a load failed and when it is tried again.
#[derive(Clone, Debug)]
pub struct Failure {
    /// For programs.
    pub kind: FailureKind,
    /// For people who run the server; may name files. Never sent to clients of other kinds.
    pub reason: String,
    /// Failed attempts since the last success.
    pub attempts: u32,
    /// When the load is tried again; none when only a person can mend it.
    pub retry_at: Option<Instant>,
}

impl Failure {
    /// How long from now until the next attempt; a minute where none is planned.
    pub fn retry_after(&self) -> Duration {
        const NOT_PLANNED: Duration = Duration::from_secs(60);
        self.retry_at.map_or(NOT_PLANNED, |at| at.saturating_duration_since(Instant::now()).max(Duration::from_secs(1)))
    }
}

/// What failed, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The file is absent or cannot be read.
    File,
    /// The version that was asked for is not there.
    Version,
    /// The file is not a model or is damaged.
    Model,
    /// The model does not fit its family.
    Contract,
    /// The configured engine is not on this machine.
    EngineUnavailable,
    /// The adapter that is to be folded into it does not fit, or cannot be read.
    Adapter,
    /// No engine on this machine can run it.
    Unsupported,
    /// What was asked for does not agree with f32 on the warm-up input.
    Disagrees,
    /// Warm-up failed.
    WarmUp,
    /// It does not fit into the memory that models may take.
    Memory,
    /// The code failed (a caught panic).
    Internal,
}

impl FailureKind {
    /// Every kind: metrics stand at zero before one happens.
    pub const ALL: [Self; 11] = [
        Self::File,
        Self::Version,
        Self::Model,
        Self::Contract,
        Self::Adapter,
        Self::EngineUnavailable,
        Self::Unsupported,
        Self::Disagrees,
        Self::WarmUp,
        Self::Memory,
        Self::Internal,
    ];

    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::File => "model_file_unreadable",
            Self::Version => "version_not_found",
            Self::Model => "model_file_damaged",
            Self::Contract => "model_contract",
            Self::Adapter => "adapter_refused",
            Self::EngineUnavailable => "engine_unavailable",
            Self::Unsupported => "model_unsupported",
            Self::Disagrees => "precision_disagrees",
            Self::WarmUp => "warm_up_failed",
            Self::Memory => "memory_limit",
            Self::Internal => "internal",
        }
    }

    /// What a person can do about it.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::File => "check that the path is right and that the file can be read",
            Self::Version => {
                "ask for a version that is there: a folder of that number in the model's folder, with an .onnx file in it"
            }
            Self::Model => "fetch the file again and compare its sha256",
            Self::Contract => {
                "set `family`, put the files that came with the model beside it, or export it in a layout that docs/models.md lists"
            }
            Self::Adapter => {
                "take the adapter that was trained for this model, or leave `adapter` out; docs/models.md says what can be folded"
            }
            Self::EngineUnavailable => "run `samovar engine list` and install the engine, or set `engine = \"auto\"`",
            Self::Unsupported => "install another engine: `samovar engine install openvino` or `onnxruntime`",
            Self::Disagrees => {
                "set `precision = \"auto\"`, or a larger `tolerance` where the differences are small enough for you"
            }
            Self::WarmUp => {
                "try `samovar run` with this model and another engine (`--engine rten`) to see whether the file is at fault"
            }
            Self::Memory => {
                "raise `limit` in `[memory]`, unload another model, or let models that are idle go with `idle_ttl_s`"
            }
            Self::Internal => "please report it with the log",
        }
    }
}
