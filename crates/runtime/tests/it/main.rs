//! The runtime against the fake engine: the life of models, the work they do, and what goes wrong on the way.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails, and some faults are panics")]

mod drift;
mod faults;
mod life;
mod precision;
mod queue;
mod storm;
mod support;
mod work;
