//! The queue and the worker as others use them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails, and some faults are panics")]

mod crash;
mod model;
mod processes;
mod random;
mod rules;
mod simulation;
mod storage;
mod support;
mod system_calls;
mod worker;
