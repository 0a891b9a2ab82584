//! The runtime against the fake engine: the life of models, the work they do, and what goes wrong on the way.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails, and some faults are panics")]

mod budget;
mod drift;
mod faults;
mod house;
mod life;
mod place;
mod plan;
mod plan_background;
mod plan_default;
mod plan_foreign;
mod plan_parts;
mod precision;
mod preload;
mod queue;
mod real;
mod storm;
mod stream;
mod support;
mod versions;
mod work;
