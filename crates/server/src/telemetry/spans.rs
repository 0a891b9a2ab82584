//! The spans of one request.

use super::first;
use super::request_trace::RequestTrace;
use crate::metrics::HttpLabels;
use crate::random_id::random_bytes;
use crate::request_id::RequestId;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, SpanId};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use samovar_runtime::TracedRun;
use std::borrow::Cow;
use std::time::{Instant, SystemTime};

/// The request's span and those below it.
pub(super) fn of(trace: &RequestTrace, labels: &HttpLabels, id: &RequestId) -> Vec<SpanData> {
    let runs = trace.runs();
    let children = runs.iter().flat_map(|run| stages(trace, run));
    std::iter::once(request(trace, labels, id)).chain(children).collect()
}

fn request(trace: &RequestTrace, labels: &HttpLabels, id: &RequestId) -> SpanData {
    let attributes = vec![
        KeyValue::new("http.request.method", labels.method),
        KeyValue::new("http.route", labels.route.clone()),
        KeyValue::new("http.response.status_code", i64::from(labels.status)),
        KeyValue::new("samovar.request_id", id.to_string()),
    ];
    let name = format!("{} {}", labels.method, labels.route);
    let failed = labels.status >= 500;
    SpanData {
        parent_span_id: trace.parent.unwrap_or(SpanId::INVALID),
        parent_span_is_remote: trace.parent.is_some(),
        span_kind: SpanKind::Server,
        status: if failed { Status::error(Cow::Borrowed("")) } else { Status::Unset },
        attributes,
        ..span(trace.context.clone(), name.into(), trace.began(), trace.wall(Instant::now()))
    }
}

/// What one run went through. Only its beginning, its end and the length of each stage are known: what is missing between them is the
/// wait for the batch, and is told as if it had come before the row was written.
fn stages(trace: &RequestTrace, run: &TracedRun) -> Vec<SpanData> {
    let timings = &run.timings;
    let before = |moment: Instant, length| moment.checked_sub(length).unwrap_or(moment);
    let queued = (run.asked + timings.queued).min(run.done);
    // Each is measured by itself, so that together they may be a moment too long: none begins before the one ahead of it.
    let read_from = before(run.done, timings.read).max(queued);
    let ran_from = before(read_from, timings.ran).max(queued);
    let wrote_from = before(ran_from, timings.wrote).max(queued);
    let rows = i64::try_from(timings.batch_rows).unwrap_or(i64::MAX);
    let stages = [
        ("queue", run.asked, queued),
        ("batch", queued, wrote_from),
        ("prepare", wrote_from, ran_from),
        ("infer", ran_from, read_from),
        ("finish", read_from, run.done),
    ];
    let stage = |(name, from, to): (&'static str, Instant, Instant)| {
        let id = SpanId::from_bytes(first(&random_bytes::<8>()));
        let context = SpanContext::new(trace.context.trace_id(), id, TraceFlags::SAMPLED, false, TraceState::NONE);
        SpanData {
            parent_span_id: trace.context.span_id(),
            attributes: vec![KeyValue::new("samovar.batch_rows", rows)],
            ..span(context, name.into(), trace.wall(from), trace.wall(to))
        }
    };
    stages.map(stage).into()
}

fn span(context: SpanContext, name: Cow<'static, str>, start_time: SystemTime, end_time: SystemTime) -> SpanData {
    SpanData {
        span_context: context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name,
        start_time,
        end_time,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("samovar").build(),
    }
}
