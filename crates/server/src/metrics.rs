//! What is counted. Made before the registry, whose observer it is, and handed to the server, which adds its own counts.
//!
//! Every label comes from a closed set: configured models, the classes, drop reasons, states, routes as they are written
//! in the router, known methods. Names carry their unit. What is known at start stands on the page from the start, at
//! zero: a rate needs a first value.

mod calls;
mod evidence;
mod jobs;
mod labels;
mod levels;
mod life;
mod live_calls;
mod machine;
mod observer;
mod page_format;
mod pools;
mod sinks;
mod sources;
mod speech;
mod stages;
mod tensors;
mod texts;
mod work;

pub(crate) use calls::CallLoss;
pub(crate) use jobs::{JobInputKind, JobMetrics};
pub(crate) use labels::{HttpLabels, method_name};
pub use levels::{DiskSpace, Moment};
pub use page_format::PageFormat;
pub(crate) use speech::{SpeechRequest, SpeechSurface};

use calls::CallMetrics;
use evidence::EvidenceMetrics;
use labels::WarmLabels;
use levels::MomentLevels;
use life::Life;
use live_calls::LiveCallMetrics;
use parking_lot::Mutex;
use pools::Pools;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use sinks::SinkMetrics;
use sources::SourceMetrics;
use speech::SpeechMetrics;
pub(crate) use stages::{ClassFigures, STAGES};
use std::time::Duration;
use tensors::Tensors;
use texts::Texts;
use work::Work;
pub(crate) use work::WorkFigures;

type Counts<L> = Family<L, Counter>;
type Levels<L> = Family<L, Gauge>;
type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// Everything that is counted in this process. One value, made at start.
pub struct Metrics {
    registry: Mutex<Registry>,
    life: Life,
    work: Work,
    texts: Texts,
    tensors: Tensors,
    moment: MomentLevels,
    stream_open_seconds: Times<WarmLabels>,
    http_requests: Counts<HttpLabels>,
    /// How configured sources do.
    pub(crate) sources: SourceMetrics,
    /// What becomes of events on their way to sinks.
    pub(crate) sinks: SinkMetrics,
    /// Calls that are kept.
    pub(crate) calls: CallMetrics,
    /// What is kept of anomalies.
    pub(crate) evidence: EvidenceMetrics,
    /// Recorded media that clients hand in.
    pub(crate) jobs: JobMetrics,
    /// What is heard.
    pub(crate) speech: SpeechMetrics,
    /// How live calls do.
    pub(crate) live_calls: LiveCallMetrics,
    /// Open live streams.
    pub(crate) streams: Gauge,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Connections refused because a limit was reached.
    pub(crate) connections_refused: Counter,
    /// Bytes of request bodies that are held.
    pub(crate) body_bytes: Gauge,
    /// Bodies for which there was no room.
    pub(crate) bodies_refused: Counter,
    /// Connections cut because the client was too slow.
    connections_cut: Counter,
    /// Connections that the system could not hand over.
    pub(crate) accept_errors: Counter,
    /// Times that a stream's client sent more messages than are read.
    pub(crate) streams_paced: Counter,
    /// Results that a client did not take in time.
    pub(crate) stream_events_lost: Counter,
    /// 1 where the server listens beyond this machine although nobody has to prove who they are.
    pub(crate) insecure: Gauge,
    pub(crate) spans_dropped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Everything at zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let into = &mut registry;
        let metrics = Self {
            life: Life::register(into),
            work: Work::register(into),
            texts: Texts::register(into),
            tensors: Tensors::register(into),
            moment: MomentLevels::register(into),
            sources: SourceMetrics::register(into),
            sinks: SinkMetrics::register(into),
            calls: CallMetrics::register(into),
            evidence: EvidenceMetrics::register(into),
            jobs: JobMetrics::register(into),
            speech: SpeechMetrics::register(into),
            live_calls: LiveCallMetrics::register(into),
            stream_open_seconds: add(into, "samovar_stream_open_seconds", "From a stream's request to ready.", quick()),
            http_requests: add(into, "samovar_http_requests", "Requests, by route and status.", Counts::default()),
            streams: add(into, "samovar_streams", "Open live streams.", Gauge::default()),
            connections: add(into, "samovar_connections", "Open connections.", Gauge::default()),
            connections_refused: add(into, "samovar_connections_refused", "Over a limit.", Counter::default()),
            body_bytes: add(into, "samovar_body_bytes", "Bytes of request bodies held.", Gauge::default()),
            bodies_refused: add(into, "samovar_bodies_refused", "Bodies without room.", Counter::default()),
            connections_cut: add(into, "samovar_connections_cut", "Clients too slow.", Counter::default()),
            accept_errors: add(into, "samovar_accept_errors", "Connections not handed over.", Counter::default()),
            streams_paced: add(
                into,
                "samovar_streams_paced",
                "Waits of clients that send too many messages.",
                Counter::default(),
            ),
            stream_events_lost: add(
                into,
                "samovar_stream_events_lost",
                "Results not taken in time.",
                Counter::default(),
            ),
            spans_dropped: add(into, "samovar_trace_spans_dropped", "Spans not sent.", Counter::default()),
            insecure: add(into, "samovar_insecure", "1 where anybody on the network is served.", Gauge::default()),
            registry: Mutex::new(Registry::default()),
        };
        Pools::register(into);
        *metrics.registry.lock() = registry;
        metrics
    }

    /// Puts what is counted for these models on the page, at zero.
    pub fn know<'a>(&self, models: impl IntoIterator<Item = &'a str>) {
        for model in models {
            self.life.know(model);
            self.work.know(model);
            self.texts.know(model);
            self.tensors.know(model);
            self.speech.know_model(model);
        }
        self.calls.know();
        self.work.know_classes();
        for warm in [false, true] {
            drop(self.stream_open_seconds.get_or_create(&WarmLabels::new(warm)));
        }
    }

    /// The same for pairs of towers, whose texts are counted together.
    pub(crate) fn know_pairs<'a>(&self, pairs: impl IntoIterator<Item = &'a str>) {
        pairs.into_iter().for_each(|pair| self.texts.know(pair));
    }

    /// The page that Prometheus reads, with the levels of this moment.
    pub fn page(&self, moment: &Moment<'_>, format: PageFormat) -> String {
        let mut page = String::new();
        let registry = self.registry.lock();
        self.moment.set(moment);
        encode(&mut page, &registry).expect("a string takes everything");
        drop(registry);
        format.write(page)
    }

    /// Counts a panic that was caught outside of the runtime.
    pub(crate) fn panicked(&self) {
        self.work.panics.inc();
    }

    /// What a model has done, and how long it took lately.
    pub(crate) fn work_of(&self, model: &str) -> WorkFigures {
        self.work.recent(model)
    }

    /// What each class of work has taken.
    pub(crate) fn classes(&self) -> [ClassFigures; 3] {
        self.work.classes()
    }

    pub(crate) fn stream_opened(&self, warm: bool, took: Duration) {
        self.stream_open_seconds.get_or_create(&WarmLabels::new(warm)).observe(took.as_secs_f64());
    }

    pub(crate) fn cut_connection(&self) {
        self.connections_cut.inc();
    }

    pub(crate) fn http_request(&self, labels: &HttpLabels) {
        self.http_requests.get_or_create(labels).inc();
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help.trim_end_matches('.'), metric.clone());
    metric
}

/// 100 µs to 13 s.
fn quick<L: Clone + std::hash::Hash + Eq>() -> Times<L> {
    Times::new_with_constructor(|| Histogram::new(exponential_buckets(1e-4, 2.0, 18)))
}

/// 10 ms to 5 minutes.
fn slow<L: Clone + std::hash::Hash + Eq>() -> Times<L> {
    Times::new_with_constructor(|| Histogram::new(exponential_buckets(1e-2, 2.0, 16)))
}

/// 1 to 128 rows.
fn sizes<L: Clone + std::hash::Hash + Eq>() -> Times<L> {
    Times::new_with_constructor(|| Histogram::new(exponential_buckets(1.0, 2.0, 8)))
}
