//! What is counted. Made before the registry, whose observer it is, and handed to the server, which adds its own counts.
//!
//! Every label comes from a closed set: configured models, the classes, drop reasons, states, routes as they are written
//! in the router, known methods. Names carry their unit.

mod labels;
mod observer;

pub(crate) use labels::{HttpLabels, method_name};

use labels::{DropLabels, FailureLabels, ModelLabels, StateLabels, WarmLabels};
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use samovar_runtime::{ModelState, ModelStatus, resident_bytes};
use std::time::Duration;

type Counts<L> = Family<L, Counter>;
type Levels<L> = Family<L, Gauge>;
type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// Everything that is counted in this process. One value, made at start.
pub struct Metrics {
    registry: Mutex<Registry>,
    loads: Counts<ModelLabels>,
    load_failures: Counts<FailureLabels>,
    load_seconds: Times<ModelLabels>,
    warm_ups: Counts<ModelLabels>,
    warm_ups_skipped: Counts<ModelLabels>,
    warm_up_seconds: Times<ModelLabels>,
    swaps: Counts<ModelLabels>,
    unloads: Counts<ModelLabels>,
    queue_wait_seconds: Times<ModelLabels>,
    batch_size: Times<ModelLabels>,
    prepare_seconds: Times<ModelLabels>,
    inference_seconds: Times<ModelLabels>,
    finish_seconds: Times<ModelLabels>,
    dropped: Counts<DropLabels>,
    run_failures: Counts<ModelLabels>,
    model_state: Levels<StateLabels>,
    model_memory_bytes: Levels<ModelLabels>,
    resident_bytes: Gauge,
    stream_open_seconds: Times<WarmLabels>,
    http_requests: Counts<HttpLabels>,
    /// Panics caught anywhere.
    pub(crate) panics: Counter,
    /// Open live streams.
    pub(crate) streams: Gauge,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Connections refused because a limit was reached.
    pub(crate) connections_refused: Counter,
    /// Connections cut because the client was too slow.
    connections_cut: Counter,
    /// Connections that the system could not hand over.
    pub(crate) accept_errors: Counter,
    /// Results that a client did not take in time.
    pub(crate) stream_events_lost: Counter,
    /// 1 where the server listens beyond this machine although nobody has to prove who they are.
    pub(crate) insecure: Gauge,
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
            loads: add(into, "samovar_loads", "Models loaded.", Counts::default()),
            load_failures: add(into, "samovar_load_failures", "Loads that failed, by code.", Counts::default()),
            load_seconds: add(into, "samovar_load_seconds", "Loading a model, warm-up not included.", slow()),
            warm_ups: add(into, "samovar_warmup", "Warm-ups run to their end.", Counts::default()),
            warm_ups_skipped: add(
                into,
                "samovar_warmup_skipped",
                "Opens that found the model warm.",
                Counts::default(),
            ),
            warm_up_seconds: add(into, "samovar_warmup_duration_seconds", "Warming a model up.", slow()),
            swaps: add(into, "samovar_swaps", "Generations that took over from an older one.", Counts::default()),
            unloads: add(into, "samovar_unloads", "Generations that left memory.", Counts::default()),
            queue_wait_seconds: add(into, "samovar_queue_wait_seconds", "Longest wait in a batch.", quick()),
            batch_size: add(into, "samovar_batch_size", "Rows in a batch.", sizes()),
            prepare_seconds: add(into, "samovar_prepare_seconds", "Writing a batch's rows.", quick()),
            inference_seconds: add(into, "samovar_inference_seconds", "The engine's run of a batch.", quick()),
            finish_seconds: add(into, "samovar_finish_seconds", "Reading a batch's rows.", quick()),
            dropped: add(into, "samovar_dropped", "Work that was not started, by class and reason.", Counts::default()),
            run_failures: add(into, "samovar_run_failures", "Runs that failed in the engine.", Counts::default()),
            model_state: add(into, "samovar_model_state", "1 for the state a model is in.", Levels::default()),
            model_memory_bytes: add(into, "samovar_model_memory_bytes", "Growth by a model's load.", Levels::default()),
            resident_bytes: add(into, "samovar_process_resident_bytes", "Memory of the process.", Gauge::default()),
            stream_open_seconds: add(into, "samovar_stream_open_seconds", "From a stream's request to ready.", quick()),
            http_requests: add(into, "samovar_http_requests", "Requests, by route and status.", Counts::default()),
            panics: add(into, "samovar_panics", "Panics caught.", Counter::default()),
            streams: add(into, "samovar_streams", "Open live streams.", Gauge::default()),
            connections: add(into, "samovar_connections", "Open connections.", Gauge::default()),
            connections_refused: add(into, "samovar_connections_refused", "Over a limit.", Counter::default()),
            connections_cut: add(into, "samovar_connections_cut", "Clients too slow.", Counter::default()),
            accept_errors: add(into, "samovar_accept_errors", "Connections not handed over.", Counter::default()),
            stream_events_lost: add(
                into,
                "samovar_stream_events_lost",
                "Results not taken in time.",
                Counter::default(),
            ),
            insecure: add(into, "samovar_insecure", "1 where anybody on the network is served.", Gauge::default()),
            registry: Mutex::new(Registry::default()),
        };
        *metrics.registry.lock() = registry;
        metrics
    }

    /// The page that Prometheus reads (OpenMetrics text). The models' levels are those of this moment.
    pub fn page(&self, models: &[ModelStatus]) -> String {
        self.resident_bytes.set(i64::try_from(resident_bytes()).unwrap_or(i64::MAX));
        for model in models {
            self.set_levels(model);
        }
        let mut page = String::new();
        encode(&mut page, &self.registry.lock()).expect("a string takes everything");
        page
    }

    pub(crate) fn stream_opened(&self, warm: bool, took: Duration) {
        self.stream_open_seconds.get_or_create(&WarmLabels { warm: warm.to_string() }).observe(took.as_secs_f64());
    }

    pub(crate) fn cut_connection(&self) {
        self.connections_cut.inc();
    }

    pub(crate) fn http_request(&self, labels: &HttpLabels) {
        self.http_requests.get_or_create(labels).inc();
    }

    fn set_levels(&self, model: &ModelStatus) {
        for state in STATES {
            let labels = StateLabels { model: model.name.clone(), state };
            self.model_state.get_or_create(&labels).set(i64::from(model.state.name() == state));
        }
        let bytes = match &model.state {
            ModelState::Ready(generation) => generation.figures().memory_bytes,
            _ => 0,
        };
        let level = self.model_memory_bytes.get_or_create_owned(&ModelLabels { model: model.name.clone() });
        level.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// Every name that [`ModelState::name`] gives.
const STATES: [&str; 6] = ["absent", "loading", "warming", "ready", "draining", "failed"];

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
