//! Plans: the measured best way to run one model on this machine, kept from one process to the next.

mod background;
mod bursts;
mod candidate;
mod choice;
mod contender;
mod cpu;
mod digest;
mod duel;
mod failure;
mod file;
mod in_use;
mod key;
mod quiet;
mod record;
mod reference;
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
pub use tuner::TuneProgress;
pub use tuning::TuneOptions;

pub(crate) use background::Background;
pub(crate) use in_use::{Check, PlanInUse};
pub(crate) use sample::Sample;
pub(crate) use shelf::{Found, Plans};
pub(crate) use tuning::MeasuredFiles;
