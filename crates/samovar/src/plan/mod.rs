//! `samovar tune` and `samovar plan`: measure how models run best here, and tell or forget what was measured.

mod arguments;
mod command;
mod record;
mod table;
mod tune;
mod writable;

pub use arguments::{PlanCommand, TUNE_EXAMPLES, TuneArguments};
pub use command::run;
pub use table::{ago, short};
pub use tune::tune;
pub use writable::check_writable;
