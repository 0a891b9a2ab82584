//! Recorded media as jobs: where they are kept, and what a worker does with one. The queue itself, and who takes from it, is the crate `jobs`.

mod artifacts;
mod attempt;
mod failure;
mod house;
mod job_log;
mod machine_use;
mod runner;
mod settings;
mod video_place;

pub use house::{JobHouse, jobs_folder, queue_file};
pub use job_log::JobLog;
pub use runner::VideoRunner;
pub use settings::worker_options;
