//! Takes jobs from the queue, keeps their leases alive while they run, and records what came of them.

mod attempt;
mod figures;
mod options;
mod settlement;
mod shared;
mod sweeps;
mod takes;

pub use figures::{WorkerEvent, WorkerFigures};
pub use options::WorkerOptions;
pub use takes::Worker;
