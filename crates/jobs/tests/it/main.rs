//! The queue and the worker as others use them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails, and some faults are panics")]

mod rules;
mod support;
mod worker;
