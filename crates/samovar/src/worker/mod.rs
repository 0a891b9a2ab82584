//! `samovar worker`: works on jobs outside of a server, from the same queue.

mod arguments;
mod command;

pub use arguments::{WORKER_EXAMPLES, WorkerArguments};
pub use command::run;
