//! A realtime session that has been asked for.

use super::live::RealtimeLive;
use super::session::RealtimeSession;
use crate::call_live::{model_names, permitted};
use crate::calls::OpenCall;
use crate::error::{ApiError, Refusal};
use crate::stream_kind::{Readiness, StreamOpening};
use crate::stream_link::StreamText;
use crate::streams::{StreamFacts, StreamKind};
use http::HeaderMap;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use parking_lot::Mutex;
use samovar_pipelines::{CallModels, CallOptions};
use samovar_runtime::ModelHandle;
use serde::Deserialize;
use std::num::NonZeroU16;
use std::time::Duration;
use utoipa::IntoParams;

/// What a client may choose by its address. Other names are passed over: OpenAI's clients send some.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RealtimeQuery {
    /// `transcription`, which is all that there is here.
    #[param(example = "transcription")]
    intent: Option<String>,
    /// The model's configured name; `session.update` may name another. Without it the configured one, or the only Whisper.
    #[param(example = "whisper")]
    pub(crate) model: Option<String>,
}

/// A realtime session that has been asked for. It begins at once, as calls do.
pub(crate) struct RealtimeOpening {
    pub(crate) models: CallModels,
    /// Whether its client speaks the older form.
    pub(crate) is_old: bool,
    /// What it is kept as, until it begins.
    pub(crate) kept: Mutex<Option<OpenCall>>,
}

impl RealtimeQuery {
    /// Refuses what is no transcription.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let fits = self.intent.as_deref().is_none_or(|intent| intent == "transcription");
        let error = || ApiError::new(Refusal::Query, "sessions here only transcribe: ask for `intent=transcription`");
        fits.then_some(()).ok_or_else(error)
    }
}

impl RealtimeOpening {
    /// Whether these are the headers of a client of the older form.
    pub(crate) fn is_old(headers: &HeaderMap) -> bool {
        let says = |name: &str, word: &str| {
            headers.get_all(name).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(word)))
        };
        says("openai-beta", "realtime=v1") || says(SEC_WEBSOCKET_PROTOCOL.as_str(), "openai-beta.realtime-v1")
    }
}

impl StreamOpening for RealtimeOpening {
    type Live = RealtimeLive;

    fn facts(&self) -> StreamFacts {
        StreamFacts { kind: StreamKind::Call, models: model_names(&self.models), source: None, weight: NonZeroU16::MIN }
    }

    fn handles(&self) -> Vec<&ModelHandle> {
        Vec::new()
    }

    fn open_time(&self, limit: Duration) -> Duration {
        limit
    }

    fn ready(&self, readiness: &Readiness<'_>) -> Result<(RealtimeLive, StreamText), ApiError> {
        let session = RealtimeSession::new(self.models.transcriber.handle().name().to_owned(), self.is_old);
        permitted(&self.models, &session.options(CallOptions::new(readiness.key)))?;
        let mut live = RealtimeLive::new(session, self.models.clone(), self.kept.lock().take(), readiness);
        let created = live.created();
        Ok((live, created))
    }
}
