//! What a client may choose about segmentations, by query or by control message.

use crate::error::{ApiError, Refusal};
use crate::stream_kind::{single, weight};
use crate::wire::{MapSizeName, MaskForm, MaskRequest};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use samovar_models::SegmentOptions;
use serde::Deserialize;
use std::num::NonZeroU16;
use std::time::Duration;
use utoipa::IntoParams;

/// What a client may choose. Unknown names are refused.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SegmentQuery {
    /// The model's configured name. Not together with `mode`. Without either: the fastest mode, or the only segmentation model.
    #[param(example = "segment-fast")]
    pub(crate) model: Option<String>,
    /// A configured mode; on a stream also `auto`, which leaves the choice to the server.
    #[param(example = "fast")]
    pub(crate) mode: Option<String>,
    /// The form of the masks; `rle` where left out.
    pub(crate) mask: Option<MaskForm>,
    /// The size of the masks; the picture's own where left out.
    map: Option<MapSizeName>,
    /// How far polygons may leave the edges of pixels, in pixels, 0 to 100; 1 where left out.
    #[param(example = 1.0)]
    simplify_px: Option<f32>,
    /// On a stream in `auto`: how long a frame may take before a faster mode is taken, 1 to 60,000 ms. The usual time between two
    /// frames where left out or 0.
    #[param(example = 100)]
    deadline_ms: Option<u64>,
    /// How long the answer may take, in milliseconds; it only lowers the server's own limit. On a stream: how long the model
    /// may take to be ready.
    #[param(example = 1000)]
    timeout_ms: Option<u64>,
    /// On a stream: its share under overload, 1 to 100; 1 where left out.
    #[param(example = 2)]
    weight: Option<u16>,
}

impl SegmentQuery {
    /// The time for this request: what it asks for, within the server's limit.
    pub(crate) fn timeout(&self, limit: Duration) -> Duration {
        self.timeout_ms.map_or(limit, |asked| Duration::from_millis(asked).min(limit))
    }

    /// The stream's share.
    pub(crate) fn weight(&self) -> Result<NonZeroU16, ApiError> {
        weight(self.weight)
    }

    /// Refuses what has no meaning for a single picture.
    pub(crate) fn check_single(&self) -> Result<(), ApiError> {
        single(self.weight.is_none())
    }

    /// What was chosen, with defaults in place of what was not.
    pub(crate) fn choice(&self) -> Result<SegmentChoice, ApiError> {
        SegmentChoice::default().changed(self.mask, self.map, (self.simplify_px, self.deadline_ms))
    }
}

/// What is in force of what a client may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SegmentChoice {
    pub(crate) mask: MaskForm,
    pub(crate) map: MapSizeName,
    pub(crate) simplify_px: f32,
    /// None: the usual time between two frames.
    pub(crate) deadline: Option<Duration>,
}

impl Default for SegmentChoice {
    fn default() -> Self {
        Self { mask: MaskForm::default(), map: MapSizeName::default(), simplify_px: 1.0, deadline: None }
    }
}

impl SegmentChoice {
    /// The choice with other values where there are some.
    pub(crate) fn changed(
        self,
        mask: Option<MaskForm>,
        map: Option<MapSizeName>,
        (simplify_px, deadline_ms): (Option<f32>, Option<u64>),
    ) -> Result<Self, ApiError> {
        if simplify_px.is_some_and(|pixels| !(0.0..=100.0).contains(&pixels)) {
            return Err(ApiError::new(Refusal::Option, "`simplify_px` must be from 0 to 100"));
        }
        if deadline_ms.is_some_and(|deadline| deadline > 60_000) {
            return Err(ApiError::new(Refusal::Option, "`deadline_ms` must be from 0 to 60000"));
        }
        let asked = deadline_ms.map(|deadline| (deadline > 0).then(|| Duration::from_millis(deadline)));
        Ok(Self {
            mask: mask.unwrap_or(self.mask),
            map: map.unwrap_or(self.map),
            simplify_px: simplify_px.unwrap_or(self.simplify_px),
            deadline: asked.unwrap_or(self.deadline),
        })
    }

    /// For the model.
    pub(crate) fn options(&self) -> SegmentOptions {
        SegmentOptions { at: self.map.into() }
    }

    /// For the wire, where no more than `bytes_max` may go.
    pub(crate) const fn request(&self, bytes_max: usize) -> MaskRequest {
        MaskRequest { form: self.mask, simplify_px: self.simplify_px, bytes_max }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SegmentQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<Self>::from_request_parts(parts, state).await.map_err(unreadable)?;
        query.choice()?;
        query.weight()?;
        Ok(query)
    }
}

fn unreadable(_: QueryRejection) -> ApiError {
    let detail = "the query takes model or mode, mask (rle, polygons, png or none), map (source or model), simplify_px, \
        deadline_ms and timeout_ms, on a stream also weight, each at most once";
    ApiError::new(Refusal::Query, detail)
}
