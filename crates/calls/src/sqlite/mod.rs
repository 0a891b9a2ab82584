//! Calls in one SQLite file.

mod calls;
mod delete;
mod fault;
mod open;
mod read;
mod row;
mod schema;
mod write;

pub use calls::SqliteCalls;
