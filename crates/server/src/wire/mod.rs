//! The JSON forms: what is sent and received, apart from the inner types.

mod detection;
mod event;
mod health;
mod model;
mod problem;

pub(crate) use detection::DetectAnswer;
pub(crate) use event::{ClassName, Control, OptionsBody, StreamEventBody, StreamProblem};
pub(crate) use health::{HealthBody, ModelHealth, ProbeBody, UnreadyModel, WaitingBody};
pub(crate) use model::{ModelBody, ModelDetail, ModelList, WarmUpRequest};
pub(crate) use problem::Problem;

use std::time::Duration;

/// Milliseconds with three decimals: a microsecond is the finest that means anything here.
pub(crate) fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
