//! The queue and the worker as others use them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod rules;
mod support;
