//! What a client may choose about detections, by query or by control message.

use crate::error::{ApiError, Refusal};
use crate::stream_kind::{FrameFormat, single, weight};
use crate::wire::{ClassName, Control};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use samovar_models::{DetectOptions, DetectionModel};
use serde::Deserialize;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;
use utoipa::IntoParams;

/// What a client may choose. Unknown names are refused: a threshold that is misspelt must not be ignored.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetectQuery {
    /// The model's configured name. May be left out where there is only one.
    #[param(example = "person")]
    pub(crate) model: Option<String>,
    /// Only what scores above this is reported, 0 to 1.
    #[param(example = 0.25)]
    score_min: Option<f32>,
    /// Two boxes of a class that overlap by more than this count as one object, 0 to 1.
    #[param(example = 0.7)]
    iou_max: Option<f32>,
    /// Classes to report, by name or index, separated by commas. All of them where left out.
    #[param(example = "person,bus")]
    classes: Option<String>,
    /// The most objects to report, 1 to 3,000.
    #[param(example = 300)]
    detections_max: Option<usize>,
    /// How long the answer may take, in milliseconds; it only lowers the server's own limit. On a stream: how long the model
    /// may take to be ready.
    #[param(example = 1000)]
    timeout_ms: Option<u64>,
    /// On a stream: its share under overload, 1 to 100; 1 where left out.
    #[param(example = 2)]
    weight: Option<u16>,
    /// On a stream: what its binary messages are; `pictures` where left out.
    format: Option<FrameFormat>,
}

impl DetectQuery {
    /// The time for this request: what it asks for, within the server's limit.
    pub(crate) fn timeout(&self, limit: Duration) -> Duration {
        self.timeout_ms.map_or(limit, |asked| Duration::from_millis(asked).min(limit))
    }

    /// The stream's share.
    pub(crate) fn weight(&self) -> Result<NonZeroU16, ApiError> {
        weight(self.weight)
    }

    /// What the stream's binary messages are.
    pub(crate) fn format(&self) -> FrameFormat {
        self.format.unwrap_or_default()
    }

    /// Refuses what has no meaning for a single picture.
    pub(crate) fn check_single(&self) -> Result<(), ApiError> {
        single(self.weight.is_none() && self.format.is_none())
    }

    /// Whether the values can be right for any model at all.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        self.weight()?;
        Ok(self.thresholds().validate()?)
    }

    /// The options for this model.
    pub(crate) fn options(&self, model: &DetectionModel) -> Result<DetectOptions, ApiError> {
        let names = self.classes.iter().flat_map(|classes| classes.split(',')).map(str::trim);
        let names: Vec<_> = names.filter(|name| !name.is_empty()).map(ClassName::from).collect();
        let options = DetectOptions { classes: classes(&names, model)?, ..self.thresholds() };
        model.check(&options)?;
        Ok(options)
    }

    fn thresholds(&self) -> DetectOptions {
        let default = DetectOptions::default();
        DetectOptions {
            score_min: self.score_min.unwrap_or(default.score_min),
            iou_max: self.iou_max,
            detections_max: self.detections_max.unwrap_or(default.detections_max),
            classes: None,
        }
    }
}

/// The options after a control message: what it leaves out stays.
pub(crate) fn changed(
    options: &DetectOptions,
    control: Control,
    model: &DetectionModel,
) -> Result<DetectOptions, ApiError> {
    let Control::Options { score_min, iou_max, detections_max, classes: names } = control;
    let options = DetectOptions {
        score_min: score_min.unwrap_or(options.score_min),
        iou_max: iou_max.or(options.iou_max),
        detections_max: detections_max.unwrap_or(options.detections_max),
        classes: names.map_or_else(|| Ok(options.classes.clone()), |names| classes(&names, model))?,
    };
    model.check(&options)?;
    Ok(options)
}

/// Indices of the classes; none where no class is named, which means all of them.
pub(crate) fn classes(names: &[ClassName], model: &DetectionModel) -> Result<Option<Arc<[u32]>>, ApiError> {
    let class = |name: &ClassName| match name {
        ClassName::Index(index) => Ok(*index),
        ClassName::Name(name) => Ok(model.classes_named(std::slice::from_ref(name))?[0]),
    };
    let classes: Vec<u32> = names.iter().map(class).collect::<Result<_, ApiError>>()?;
    Ok((!classes.is_empty()).then(|| classes.into()))
}

impl From<&str> for ClassName {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Index)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DetectQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<Self>::from_request_parts(parts, state).await.map_err(unreadable)?;
        query.check()?;
        Ok(query)
    }
}

fn unreadable(_: QueryRejection) -> ApiError {
    let detail = "the query takes model, score_min, iou_max, classes, detections_max and timeout_ms, on a stream also weight and format, \
        each at most once";
    ApiError::new(Refusal::Query, detail)
}
