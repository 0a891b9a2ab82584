//! The queue in one SQLite file beside the server.
//!
//! Whoever writes leaves a request; one of them becomes the leader, runs all that wait in one transaction and answers each after the
//! commit (group commit: one `fsync` for many). Reads have connections of their own, which WAL lets read while somebody writes.

mod asked;
mod checkpoints;
mod claim;
mod enqueue;
mod fault;
mod limits;
mod open;
mod read;
mod readers;
mod request;
mod row;
mod schema;
mod settle;
mod store;
mod sweep;
mod writer;

pub use limits::SqliteLimits;
pub use store::SqliteQueue;
