//! The rules that tell how urgent a call is: read, watched, tested and explained.

mod arguments;
mod command;
mod decision_text;
mod explain;
mod files;
mod test;

pub use arguments::{TRIAGE_EXAMPLES, TriageCommand};
pub use command::run;
pub use decision_text::decision_text;
pub use files::{rules, watched};
