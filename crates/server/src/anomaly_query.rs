//! What a client may choose about an anomaly stream, by query or by control message.

use crate::app::AnomalyNames;
use crate::error::{ApiError, Refusal};
use crate::stream_kind::{FrameFormat, weight};
use crate::wire::AnomalyControlOptions;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use samovar_pipelines::AnomalyOptions;
use serde::Deserialize;
use std::num::NonZeroU16;
use std::time::Duration;
use utoipa::IntoParams;

/// What a client may choose. Unknown names are refused. Zones, the schedule and everything else come by control message.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnomalyQuery {
    /// The pose model's configured name. The configuration's where left out, or the only one that there is.
    #[param(example = "pose")]
    pose: Option<String>,
    /// The configured name of the model that scores movements. The configuration's where left out, or the only one that there is.
    #[param(example = "movement")]
    sequence: Option<String>,
    /// The detector's configured name. The configuration's where left out; where there is none, or this is empty, the pose model's
    /// own boxes serve and one run a frame is enough.
    detector: Option<String>,
    /// The re-identification model's configured name. The configuration's where left out; none where this is empty.
    appearance: Option<String>,
    /// Score from which a box begins to be followed as a person, 0 to 1.
    #[param(example = 0.25)]
    person_score_min: Option<f32>,
    /// An anomaly begins when the smoothed score reaches this.
    #[param(example = 3.0)]
    score_start: Option<f32>,
    /// It ends when the smoothed score falls below this.
    #[param(example = 1.5)]
    score_end: Option<f32>,
    /// For how long the score must stay up before an anomaly is told, and down before it is told as ended, in milliseconds.
    #[param(example = 500)]
    duration_min_ms: Option<u64>,
    /// How often an anomaly that goes on is told again, in milliseconds.
    #[param(example = 1000)]
    update_every_ms: Option<u64>,
    /// Span of the smoothing of scores along time, in milliseconds.
    #[param(example = 500)]
    smoothing_ms: Option<u64>,
    /// The stream's share under overload, 1 to 100; 1 where left out.
    #[param(example = 2)]
    weight: Option<u16>,
    /// What its binary messages are; `pictures` where left out.
    format: Option<FrameFormat>,
    /// Keep a picture and a clip of each anomaly, where the server keeps evidence; without it nothing is kept. Of H.264 a picture alone.
    evidence: Option<bool>,
    /// How long the models may take to be ready, in milliseconds.
    #[param(example = 60000)]
    timeout_ms: Option<u64>,
}

impl AnomalyQuery {
    /// The models that are named.
    pub(crate) fn names(&self) -> AnomalyNames<'_> {
        AnomalyNames {
            detector: self.detector.as_deref(),
            pose: self.pose.as_deref(),
            sequence: self.sequence.as_deref(),
            appearance: self.appearance.as_deref(),
        }
    }

    /// The options that the stream begins with: what was asked for, over the server's own.
    ///
    /// # Errors
    /// The first that is out of its bounds.
    pub(crate) fn options(&self, own: &AnomalyOptions) -> Result<AnomalyOptions, ApiError> {
        let asked = AnomalyControlOptions {
            person_score_min: self.person_score_min,
            score_start: self.score_start,
            score_end: self.score_end,
            duration_min_ms: self.duration_min_ms,
            update_every_ms: self.update_every_ms,
            smoothing_ms: self.smoothing_ms,
            ..AnomalyControlOptions::default()
        };
        changed(own, asked)
    }

    /// The stream's share.
    pub(crate) fn weight(&self) -> Result<NonZeroU16, ApiError> {
        weight(self.weight)
    }

    /// What its binary messages are.
    pub(crate) fn format(&self) -> FrameFormat {
        self.format.unwrap_or_default()
    }

    /// Whether its anomalies are to be kept.
    pub(crate) fn keeps_evidence(&self) -> bool {
        self.evidence.unwrap_or(false)
    }

    /// How long the models may take to be ready, within the server's limit.
    pub(crate) fn timeout(&self, limit: Duration) -> Duration {
        self.timeout_ms.map_or(limit, |asked| Duration::from_millis(asked).min(limit))
    }
}

/// The options after a change.
///
/// # Errors
/// The first that is out of its bounds.
pub(crate) fn changed(options: &AnomalyOptions, asked: AnomalyControlOptions) -> Result<AnomalyOptions, ApiError> {
    let changed = asked.over(options);
    changed.validate().map_err(|error| ApiError::new(Refusal::Option, error.to_string()))?;
    Ok(changed)
}

impl<S: Send + Sync> FromRequestParts<S> for AnomalyQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<Self>::from_request_parts(parts, state).await.map_err(unreadable)?;
        query.weight()?;
        Ok(query)
    }
}

fn unreadable(_: QueryRejection) -> ApiError {
    let detail = "the query takes pose, sequence, detector, appearance, person_score_min, score_start, score_end, \
        duration_min_ms, update_every_ms, smoothing_ms, weight, format (pictures or h264), evidence and timeout_ms, each at most once";
    ApiError::new(Refusal::Query, detail)
}
