//! Calls that were heard: what was said, how it sounded and how urgent it was, kept, searched and deleted.
//!
//! The store never asks a clock: the time is an argument. Names no wire and no model. What is in here is personal: none of it is
//! logged, and what is deleted is overwritten in the file.
#![forbid(unsafe_code)]

mod call;
mod call_id;
mod call_time;
mod entry;
mod error;
mod features;
mod filter;
mod limits;
mod sqlite;
mod store;

pub use call::{AudioKept, Call, CallDetail, CallEnd, CallOrigin, CallState, NewCall};
pub use call_id::{CallId, CallName};
pub use call_time::CallTime;
pub use entry::{Decided, Entry, Segment};
pub use error::{CallError, CallErrorKind};
pub use features::{Distress, DistressPart, Features};
pub use filter::CallFilter;
pub use limits::StoreLimits;
pub use sqlite::SqliteCalls;
pub use store::{CallFuture, CallStore};
