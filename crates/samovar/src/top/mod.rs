//! `samovar top`: a running server on a terminal, from second to second.

mod arguments;
mod bar;
mod command;
mod draw;
mod header;
mod history;
mod keys;
mod layout;
mod plain;
mod rates;
mod reader;
mod reading;
mod rows;
mod screen;
mod section;
mod view;

pub use arguments::{TOP_EXAMPLES, TopArguments};
pub use command::top;
