//! Keys: made, read from the configuration and from their file, and read again when that changes.

mod arguments;
mod command;
mod settings;

pub use arguments::{KEYS_EXAMPLES, KeysCommand};
pub use command::run;
pub use settings::{access, watched};
