//! Traces of requests, sent over OTLP: one span for the request, and below it queue, batch, prepare, infer and finish of every run that
//! it waited for.
//!
//! Spans wait in a bounded queue for a task that sends them; where the collector is slow or gone they are dropped and counted, and no
//! request waits for it.

mod exporter;
mod request_trace;
mod spans;
mod traceparent;

use crate::metrics::HttpLabels;
use crate::request_id::RequestId;
use crate::{Metrics, ServerError};
use exporter::Exporter;
use http::HeaderMap;
use opentelemetry::trace::{SpanContext, TraceFlags, TraceState};
use opentelemetry::{SpanId, TraceId};
use request_trace::RequestTrace;
use std::sync::Arc;
use traceparent::Traceparent;

/// Where traces are sent, and which.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetrySettings {
    /// The collector's address for OTLP over gRPC: `http://127.0.0.1:4317`.
    pub endpoint: String,
    /// What this server is called there.
    pub service_name: String,
    /// The share of requests that are traced, from 0 to 1, where the client does not say.
    pub sample_ratio: f64,
}

/// Makes traces of requests and has them sent.
pub(crate) struct Telemetry {
    exporter: Exporter,
    sample_ratio: f64,
}

impl Telemetry {
    /// Must be called within a Tokio runtime. The collector need not be there.
    ///
    /// # Errors
    /// An address that is none.
    pub(crate) fn start(settings: &TelemetrySettings, metrics: &Arc<Metrics>) -> Result<Self, ServerError> {
        let exporter = Exporter::start(settings, Arc::clone(metrics))?;
        Ok(Self { exporter, sample_ratio: settings.sample_ratio })
    }

    /// A request has come; none: it is not traced. A client that has decided is followed.
    pub(crate) fn begin(&self, headers: &HeaderMap) -> Option<RequestTrace> {
        let parent = Traceparent::of(headers);
        let chance = crate::random_id::random_bytes::<24>();
        let drawn = || share(&chance[16..]) < self.sample_ratio;
        if !parent.map_or_else(drawn, |parent| parent.sampled) {
            return None;
        }
        let trace = parent.map_or_else(|| TraceId::from_bytes(first(&chance)), |parent| parent.trace);
        let context = SpanContext::new(
            trace,
            SpanId::from_bytes(first(&chance[16..])),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        Some(RequestTrace::new(context, parent.map(|parent| parent.span)))
    }

    /// The request has been answered.
    pub(crate) fn end(&self, trace: &RequestTrace, labels: &HttpLabels, id: &RequestId) {
        spans::of(trace, labels, id).into_iter().for_each(|span| self.exporter.take(span));
    }

    /// Sends what is left, within a short while.
    pub(crate) async fn finish(&self) {
        self.exporter.finish().await;
    }
}

/// The first bytes of more.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    first.copy_from_slice(&bytes[..N]);
    first
}

/// Eight random bytes as a number from 0 to 1, 1 left out.
fn share(bytes: &[u8]) -> f64 {
    const STEPS: f64 = (1_u64 << 53) as f64;
    (u64::from_le_bytes(first(bytes)) >> 11) as f64 / STEPS
}
