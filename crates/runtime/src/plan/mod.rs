//! Plans: the measured best way to run one model on this machine, kept from one process to the next.

mod background;
mod candidate;
mod choice;
mod cpu;
mod digest;
mod failure;
mod file;
mod in_use;
mod key;
mod quiet;
mod record;
mod sample;
mod session;
mod shelf;
mod store;
mod tuner;
mod tuning;

pub use candidate::Candidate;
pub use failure::{TuneFailure, TuneFailureKind};
pub use key::PlanKey;
pub use record::{Figures, Plan, PlanSource, Tried};
pub use store::PlanStore;
pub use tuner::{TuneProgress, TuneStep};
pub use tuning::TuneOptions;

pub(crate) use background::Background;
pub(crate) use in_use::{Check, PlanInUse};
pub(crate) use sample::Sample;
pub(crate) use shelf::{Found, Plans};
