//! What a server tells at one look. The fields are those of its answers, as its API page explains them.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a server tells at one look.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The machine, the queue and the pools.
    pub machine: Machine,
    /// Every model.
    pub models: Vec<Model>,
    /// Every open stream.
    pub streams: Vec<Stream>,
    /// Jobs: those that run first, then some that wait, then some that were given up.
    pub jobs: Vec<Job>,
    /// All of it, word for word.
    pub json: Value,
}

/// `GET /v1/machine`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Machine {
    pub version: String,
    pub status: String,
    pub up_s: f64,
    pub machine: Hardware,
    pub process: Process,
    pub children: Process,
    pub children_count: usize,
    pub gpus: Vec<Gpu>,
    pub slots: usize,
    pub classes: Vec<Class>,
    pub jobs: Option<JobCounts>,
    pub pools: Vec<Pool>,
    pub disk_free_bytes: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Hardware {
    pub cores: usize,
    pub cpu_share: Option<f64>,
    pub memory_bytes: u64,
    pub memory_available_bytes: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Process {
    pub cores_busy: Option<f64>,
    pub resident_bytes: u64,
    pub resident_max_bytes: u64,
    pub threads: u64,
    pub open_files: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Gpu {
    pub index: u32,
    pub name: String,
    pub share: f64,
    pub memory_used_bytes: u64,
    pub memory_bytes: u64,
}

/// Work of one class since the server began.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Class {
    pub class: String,
    pub waiting: usize,
    pub rows: u64,
    pub stages_s: BTreeMap<String, f64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct JobCounts {
    pub queued: u64,
    pub running: u64,
    pub done: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub oldest_queued_s: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Pool {
    pub pool: String,
    pub capacity: u64,
    pub in_use: u64,
    pub in_use_max: u64,
    pub takes: u64,
    pub misses: u64,
    pub waits: u64,
}

/// One of `GET /v1/models`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Model {
    pub id: String,
    pub state: String,
    pub failure: Option<Failure>,
    pub serving: Option<Serving>,
    pub work: Work,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Failure {
    pub code: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Serving {
    pub engine: String,
    pub precision: String,
    pub memory_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Work {
    pub runs: u64,
    pub rows: u64,
    pub queue_ms: f64,
    pub inference_p50_ms: Option<f64>,
    pub inference_p99_ms: Option<f64>,
    pub busy_s: f64,
}

/// One of `GET /v1/streams`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Stream {
    pub id: String,
    pub kind: String,
    pub state: String,
    pub reason: Option<String>,
    pub source: Option<String>,
    pub models: Vec<String>,
    pub figures: StreamFigures,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct StreamFigures {
    pub open_s: f64,
    pub fps_in: f64,
    pub fps: f64,
    pub latency_p50_ms: Option<f64>,
    pub latency_p99_ms: Option<f64>,
    pub dropped: Dropped,
    pub events: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Dropped {
    pub overloaded: u64,
    pub not_ready: u64,
}

/// One of `GET /v1/jobs`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Job {
    pub id: String,
    pub state: String,
    pub attempts: u32,
    pub task: Option<Task>,
    pub failure: Option<Failure>,
    pub progress: Progress,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Task {
    pub name: String,
    pub model: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub share: Option<f64>,
}

impl Reading {
    /// From the answers, each list with its `data`.
    ///
    /// # Errors
    /// Where they are not those of a server of this version.
    pub fn new(machine: Value, models: Value, streams: Value, jobs: Vec<Value>) -> serde_json::Result<Self> {
        let data = |mut list: Value| list["data"].take();
        let (models, streams) = (data(models), data(streams));
        let jobs: Vec<Value> = jobs
            .into_iter()
            .flat_map(|list| match data(list) {
                Value::Array(jobs) => jobs,
                _ => Vec::new(),
            })
            .collect();
        let mut json = json!({ "models": models, "streams": streams, "jobs": jobs });
        json["machine"] = machine;
        Ok(Self {
            machine: Machine::deserialize(&json["machine"])?,
            models: Vec::deserialize(&json["models"])?,
            streams: Vec::deserialize(&json["streams"])?,
            jobs: Vec::deserialize(&json["jobs"])?,
            json,
        })
    }
}
