//! What the server says of itself, asked over HTTP as any client would: `/v1/models` and `/metrics`.

use super::http;
use serde::Serialize;
use serde_json::Value;
use std::net::SocketAddr;

/// What the server says of itself at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerFigures {
    /// Every model.
    pub models: Vec<ModelFigures>,
    /// Memory of the process.
    pub resident_bytes: u64,
    /// Panics caught.
    pub panics: u64,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFigures {
    /// The configured name.
    pub model: String,
    /// `ready`, `loading`, …
    pub state: String,
    /// The engine that runs it; empty until it is loaded, like the precision.
    pub engine: String,
    /// The arithmetic it runs in.
    pub precision: String,
    /// How often it was loaded.
    pub loads: u64,
    /// The last load, its warm-up left out.
    pub load_ms: f64,
    /// How often it was warmed up.
    pub warm_ups: u64,
    /// The last warm-up.
    pub warm_up_ms: f64,
    /// Opens that found it warm.
    pub warm_ups_skipped: u64,
    /// What the process grew by when it was loaded.
    pub memory_bytes: u64,
}

impl ServerFigures {
    /// Asks the server at this address; none where it does not answer as it should.
    pub async fn ask(address: SocketAddr) -> Option<Self> {
        let models = http::get(address, "/v1/models").await?;
        let metrics = http::get(address, "/metrics").await?;
        Some(Self::read(&serde_json::from_str(&models).ok()?, &Metrics(&metrics)))
    }

    fn read(models: &Value, metrics: &Metrics<'_>) -> Self {
        let models = models["data"].as_array().into_iter().flatten();
        Self {
            models: models.map(|model| ModelFigures::read(model, metrics)).collect(),
            resident_bytes: metrics.value("samovar_process_resident_bytes"),
            panics: metrics.value("samovar_panics_total"),
        }
    }
}

impl ModelFigures {
    fn read(model: &Value, metrics: &Metrics<'_>) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let serving = &model["serving"];
        let name = text(&model["id"]);
        let count = |metric: &str| metrics.value(&format!("{metric}_total{{model=\"{name}\"}}"));
        Self {
            state: text(&model["state"]),
            engine: text(&serving["engine"]),
            precision: text(&serving["precision"]),
            loads: count("samovar_loads"),
            load_ms: serving["load_ms"].as_f64().unwrap_or_default(),
            warm_ups: count("samovar_warmup"),
            warm_up_ms: serving["warm_up"]["took_ms"].as_f64().unwrap_or_default(),
            warm_ups_skipped: count("samovar_warmup_skipped"),
            memory_bytes: serving["memory_bytes"].as_u64().unwrap_or_default(),
            model: name,
        }
    }
}

/// A page of metrics.
struct Metrics<'a>(&'a str);

impl Metrics<'_> {
    /// The whole number behind this name and labels, written as on the page; 0 where it is not there.
    fn value(&self, name: &str) -> u64 {
        let value = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pages_are_put_together() {
        let models = serde_json::json!({ "data": [
            { "id": "a", "state": "ready", "serving": {
                "engine": "rten", "precision": "f32", "load_ms": 38.5, "memory_bytes": 64_000_000,
                "warm_up": { "took_ms": 21.25 },
            } },
            { "id": "b", "state": "absent" },
        ] });
        let metrics = "# HELP samovar_loads Models loaded\nsamovar_loads_total{model=\"a\"} 1\n\
            samovar_warmup_total{model=\"a\"} 1\nsamovar_warmup_skipped_total{model=\"a\"} 3\n\
            samovar_process_resident_bytes 90000000\nsamovar_panics_total 0\n# EOF\n";
        let figures = ServerFigures::read(&models, &Metrics(metrics));
        assert_eq!((figures.resident_bytes, figures.panics), (90_000_000, 0));
        let [a, b] = figures.models.as_slice() else { panic!("{figures:?}") };
        assert_eq!((a.loads, a.warm_ups, a.warm_ups_skipped, a.memory_bytes), (1, 1, 3, 64_000_000));
        assert_eq!((a.engine.as_str(), a.load_ms, a.warm_up_ms), ("rten", 38.5, 21.25));
        assert_eq!((b.state.as_str(), b.loads, b.engine.as_str()), ("absent", 0, ""));
    }
}
