//! The life of models: registry, load, warm-up, device slots, and the queue that they serve.
//!
//! Every model is loaded once and warmed once; everybody who wants a result submits a [`Task`] through a
//! [`ModelHandle`], and a device slot's own thread writes the task's row into the batch, runs the engine and reads the
//! row back. Nothing here names an engine, a wire or a family.

#![forbid(unsafe_code)]

mod agreement;
mod budget;
mod call;
mod clock;
mod cores;
mod device;
mod drift;
mod errand;
mod error;
mod event;
mod family;
mod fingerprint;
#[cfg(test)]
mod fixture;
mod generation;
mod handle;
mod hold;
mod keeper;
mod lifecycle;
mod load;
mod load_figures;
mod loading;
mod lone;
mod making;
mod memory;
mod operations;
mod part;
mod part_form;
mod pending;
mod pinned;
mod plan;
mod registry;
mod row_costs;
mod rows;
mod run_trace;
mod scratch;
mod slot;
mod source;
mod spec;
mod state;
mod stint;
mod task;
mod threads;
mod turn;
mod unqueued;
mod versions;
mod warm_up;
mod warming;
mod work;

pub use agreement::{Agreement, Disagreement, Snapshot, Tolerance};
pub use budget::{MemoryStats, estimate as memory_estimate};
pub use call::{Call, Class, ClientKey, StreamKey};
pub use clock::{Clock, ManualClock};
pub use device::{Device, DeviceOptions, DeviceStats};
pub use drift::{Drift, SettledRun};
pub use error::{RunError, RunErrorKind};
pub use event::{DropReason, Event, Observer};
pub use family::{AdapterError, Binder, ContractError, Family, PartRunners, WarmUpRow};
pub use generation::Generation;
pub use handle::{ModelHandle, Opened};
pub use hold::Hold;
pub use load_figures::LoadFigures;
pub use memory::resident_bytes;
pub use part::PartSource;
pub use pending::{Completed, Pending, Timings};
pub use pinned::PinnedModel;
pub use plan::{
    Candidate, Figures, Plan, PlanKey, PlanSource, PlanStore, Tried, TuneFailure, TuneFailureKind, TuneOptions,
    TuneProgress,
};
pub use registry::{ModelStatus, OnPreloadFailure, PlanOptions, PreloadFailure, Registry, RegistryOptions};
pub use rows::{InputRow, OutputRow, RowShape, RowShapes};
pub use run_trace::{RunTrace, TracedRun};
pub use samovar_engine_api::{Dim, ElementType, MemoryShare, Port, Precision, Signature};
pub use samovar_schedule::Backoff;
pub use scratch::Scratch;
pub use source::{ModelSource, VersionChoice};
pub use spec::{EngineChoice, ModelSpec, Optimize, PrecisionChoice};
pub use state::{Failure, FailureKind, ModelState};
pub use stint::Stint;
pub use task::{Task, TaskError};
