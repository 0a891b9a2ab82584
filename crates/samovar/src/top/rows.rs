//! One line of each table.

use super::bar::{bar, clean, ms, percent, size, time};
use super::rates::ModelRate;
use super::reading::{Job, Model, Pool, Stream};
use super::section::{Mood, Row};

/// Longest name that is shown whole.
const NAME_MAX: usize = 28;
const BAR: usize = 12;

/// A model.
pub fn model(model: &Model, rate: Option<ModelRate>) -> Row {
    let Model { id, state, failure, serving, work } = model;
    let state_text = failure
        .as_ref()
        .filter(|_| serving.is_none())
        .map_or_else(|| state.clone(), |it| format!("{state}: {}", it.code));
    let served = |text: fn(&super::reading::Serving) -> String| serving.as_ref().map_or_else(dash, text);
    let rated = |text: fn(ModelRate) -> String| rate.map_or_else(dash, text);
    Row {
        cells: vec![
            clean(id, NAME_MAX),
            state_text,
            served(|it| it.engine.clone()),
            served(|it| it.precision.clone()),
            rated(|it| percent(it.busy_share)),
            rated(|it| format!("{:.1}", it.runs_per_s)),
            rated(|it| format!("{:.1}", it.rows_per_s)),
            format!("{:.1}", work.queue_ms),
            ms(work.inference_p50_ms),
            ms(work.inference_p99_ms),
            served(|it| size(it.memory_bytes)),
        ],
        load: rate.map_or(0.0, |it| it.busy_share),
        slowness: work.inference_p99_ms.unwrap_or(0.0),
        mood: match state.as_str() {
            "ready" => Mood::Well,
            "failed" => Mood::Bad,
            "absent" => Mood::Plain,
            _ => Mood::Busy,
        },
    }
}

/// A stream.
pub fn stream(stream: &Stream) -> Row {
    let figures = &stream.figures;
    let state = stream.reason.as_ref().map_or_else(|| stream.state.clone(), |why| format!("{}: {why}", stream.state));
    Row {
        cells: vec![
            // As much of an id as tells it apart from others on a screen.
            clean(stream.source.as_deref().unwrap_or_else(|| stream.id.get(..8).unwrap_or(&stream.id)), NAME_MAX),
            stream.kind.clone(),
            state,
            format!("{:.1}", figures.fps_in),
            format!("{:.1}", figures.fps),
            ms(figures.latency_p50_ms),
            ms(figures.latency_p99_ms),
            (figures.dropped.overloaded + figures.dropped.not_ready).to_string(),
            figures.events.to_string(),
            time(figures.open_s),
            clean(&stream.models.join(", "), NAME_MAX),
        ],
        load: figures.fps,
        slowness: figures.latency_p99_ms.unwrap_or(0.0),
        mood: match stream.state.as_str() {
            "live" => Mood::Well,
            "waiting" => Mood::Bad,
            _ => Mood::Busy,
        },
    }
}

/// A job.
pub fn job(job: &Job, frames_per_s: Option<f64>) -> Row {
    let (progress, task) = (job.progress, job.task.as_ref());
    let named = |text: fn(&super::reading::Task) -> &str| task.map_or_else(dash, |task| clean(text(task), NAME_MAX));
    let state =
        job.failure.as_ref().map_or_else(|| job.state.clone(), |failure| format!("{}: {}", job.state, failure.code));
    let left_s = progress.total.zip(frames_per_s.filter(|&rate| rate > 0.0));
    let left_s = left_s.map(|(total, rate)| total.saturating_sub(progress.done) as f64 / rate);
    Row {
        cells: vec![
            job.id.get(..8).unwrap_or(&job.id).to_owned(),
            named(|task| &task.name),
            named(|task| &task.model),
            state,
            progress.share.map_or_else(String::new, |share| bar(share, BAR)),
            progress.total.map_or_else(|| progress.done.to_string(), |total| format!("{}/{total}", progress.done)),
            ms(frames_per_s),
            left_s.map_or_else(dash, time),
            job.attempts.to_string(),
        ],
        load: frames_per_s.unwrap_or(0.0),
        slowness: left_s.unwrap_or(0.0),
        mood: match job.state.as_str() {
            "running" => Mood::Well,
            "failed" => Mood::Bad,
            _ => Mood::Plain,
        },
    }
}

/// A pool.
pub fn pool(pool: &Pool) -> Row {
    let share = pool.in_use as f64 / pool.capacity.max(1) as f64;
    Row {
        cells: vec![
            pool.pool.clone(),
            bar(share, BAR),
            pool.in_use.to_string(),
            pool.in_use_max.to_string(),
            pool.capacity.to_string(),
            pool.takes.to_string(),
            pool.misses.to_string(),
            pool.waits.to_string(),
        ],
        load: pool.takes as f64,
        slowness: pool.waits as f64,
        mood: if pool.misses > 0 { Mood::Busy } else { Mood::Plain },
    }
}

fn dash() -> String {
    "-".to_owned()
}
