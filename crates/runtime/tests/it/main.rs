//! The runtime against the fake engine: the life of models, the work they do, and what goes wrong on the way.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod life;
mod precision;
mod queue;
mod support;
mod work;
