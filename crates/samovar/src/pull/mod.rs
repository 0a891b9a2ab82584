//! `samovar models pull` and `samovar models list`: models from the Hugging Face Hub, by name.

mod arguments;
mod command;
mod listing;
mod plan;
mod report;

pub use arguments::{ListArguments, PULL_EXAMPLES, PullArguments};
pub use command::pull;
pub use listing::list;
