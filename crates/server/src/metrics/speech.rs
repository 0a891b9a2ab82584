//! What is heard: requests by surface and outcome, seconds of audio, how fast, and how full the decoder's steps are.

use super::labels::ModelLabels;
use super::{Counts, Metrics, Times, add};
use crate::error::ApiError;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use samovar_models::whisper::StepCounts;
use samovar_service::speech::PlaceCounts;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// What is heard, counted.
pub(crate) struct SpeechMetrics {
    requests: Counts<RequestLabels>,
    audio_seconds: Family<SurfaceLabels, Counter<f64, AtomicU64>>,
    real_time_factor: Times<SurfaceLabels>,
    recordings: Family<StateLabels, Gauge>,
    decoder_steps: Counts<ModelLabels>,
    decoder_windows: Counts<ModelLabels>,
    /// What the models themselves had counted when the page was last asked for; by model, and so bounded by the configuration.
    counted: Mutex<HashMap<String, StepCounts>>,
}

/// The surfaces by which recordings and calls come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpeechSurface {
    /// `POST /v1/audio/transcriptions`
    Transcriptions,
    /// `POST /v1/audio/translations`
    Translations,
    /// `POST /asr/transcribe`
    Asr,
}

/// A recording that is asked about. One that is dropped without an end was left by its client.
pub(crate) struct SpeechRequest {
    metrics: Arc<Metrics>,
    surface: SpeechSurface,
    /// When all of it was there.
    received: Option<Instant>,
    has_ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    surface: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SurfaceLabels {
    surface: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

const ANSWERED: &str = "answered";
const REFUSED: &str = "refused";
const FAILED: &str = "failed";
const LEFT: &str = "left";

impl SpeechSurface {
    const ALL: [Self; 3] = [Self::Transcriptions, Self::Translations, Self::Asr];

    const fn name(self) -> &'static str {
        match self {
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Asr => "asr",
        }
    }
}

impl SpeechMetrics {
    pub(super) fn register(into: &mut Registry) -> Self {
        let metrics = Self {
            requests: add(into, "samovar_speech_requests", "Recordings, by surface and outcome.", Counts::default()),
            audio_seconds: add(into, "samovar_speech_audio_seconds", "Seconds of audio heard.", Family::default()),
            real_time_factor: add(
                into,
                "samovar_speech_real_time_factor",
                "Time from a recording's arrival to its transcript, as a part of its length.",
                factors(),
            ),
            recordings: add(into, "samovar_speech_recordings", "Recordings at present, by state.", Family::default()),
            decoder_steps: add(into, "samovar_speech_decoder_steps", "Runs of a decoder, by model.", Counts::default()),
            decoder_windows: add(
                into,
                "samovar_speech_decoder_windows",
                "Windows that took part in the runs of a decoder: by the runs, how full they are.",
                Counts::default(),
            ),
            counted: Mutex::default(),
        };
        metrics.know();
        metrics
    }

    /// Puts a model's counts on the page, at zero.
    pub(super) fn know_model(&self, model: &str) {
        drop(self.decoder_steps.get_or_create(&ModelLabels::new(model)));
        drop(self.decoder_windows.get_or_create(&ModelLabels::new(model)));
    }

    /// Goes on to what a model's decoder batches have counted. A copy that was loaded anew counts from zero.
    pub(crate) fn stepped(&self, model: &str, counts: StepCounts) {
        let mut counted = self.counted.lock();
        let before = counted.insert(model.to_owned(), counts).unwrap_or_default();
        let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        self.decoder_steps.get_or_create(&ModelLabels::new(model)).inc_by(more(counts.steps, before.steps));
        self.decoder_windows.get_or_create(&ModelLabels::new(model)).inc_by(more(counts.windows, before.windows));
    }

    /// How many recordings have a place at this moment, and how many wait for one.
    pub(crate) fn present(&self, counts: PlaceCounts) {
        for (state, count) in [("heard", counts.heard), ("waiting", counts.waiting)] {
            self.recordings.get_or_create(&StateLabels { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn know(&self) {
        for surface in SpeechSurface::ALL.map(SpeechSurface::name) {
            for outcome in [ANSWERED, REFUSED, FAILED, LEFT] {
                drop(self.requests.get_or_create(&RequestLabels { surface, outcome }));
            }
            drop(self.audio_seconds.get_or_create(&SurfaceLabels { surface }));
            drop(self.real_time_factor.get_or_create(&SurfaceLabels { surface }));
        }
    }
}

impl SpeechRequest {
    /// One that begins.
    pub(crate) fn begin(metrics: &Arc<Metrics>, surface: SpeechSurface) -> Self {
        Self { metrics: Arc::clone(metrics), surface, received: None, has_ended: false }
    }

    /// All of the recording is there.
    pub(crate) fn received(&mut self) {
        self.received = Some(Instant::now());
    }

    /// It has its transcript, of so many seconds of audio.
    pub(crate) fn answered(mut self, duration_s: f64) {
        let labels = SurfaceLabels { surface: self.surface.name() };
        let (speech, took) = (&self.metrics.speech, self.received.map(|received| received.elapsed().as_secs_f64()));
        speech.audio_seconds.get_or_create(&labels).inc_by(duration_s.max(0.0));
        if let Some(took) = took.filter(|_| duration_s > 0.0) {
            speech.real_time_factor.get_or_create(&labels).observe(took / duration_s);
        }
        self.end(ANSWERED);
    }

    /// It has this error.
    pub(crate) fn failing(mut self, error: ApiError) -> ApiError {
        self.end(if error.status().is_server_error() { FAILED } else { REFUSED });
        error
    }

    fn end(&mut self, outcome: &'static str) {
        self.has_ended = true;
        let labels = RequestLabels { surface: self.surface.name(), outcome };
        self.metrics.speech.requests.get_or_create(&labels).inc();
    }
}

impl Drop for SpeechRequest {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end(LEFT);
        }
    }
}

/// A thousandth of the recording's length to 8 times.
fn factors() -> Times<SurfaceLabels> {
    Times::new_with_constructor(|| Histogram::new(exponential_buckets(1e-3, 2.0, 14)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_on_over_loads() {
        let metrics = Metrics::new();
        let steps = || metrics.speech.decoder_steps.get_or_create(&ModelLabels::new("whisper")).get();
        for (now, all) in [(0, 0), (10, 10), (10, 10), (15, 15), (4, 19), (6, 21)] {
            metrics.speech.stepped("whisper", StepCounts { steps: now, windows: 2 * now, forms: 0 });
            assert_eq!(steps(), all, "{now}");
        }
        assert_eq!(metrics.speech.decoder_windows.get_or_create(&ModelLabels::new("whisper")).get(), 42);
    }
}
