//! What a run of a video took, as the end of its journal tells it.

use crate::record::ms;
use samovar_media::PoolStats;
use samovar_pipelines::VideoFigures;
use serde_json::{Value, json};

/// The figures of one run. After an interruption they are those of the part that came after it: `frames` tells how many that is.
pub(crate) fn performance(figures: &VideoFigures, frames: &PoolStats) -> Value {
    let seconds = figures.elapsed.as_secs_f64();
    json!({
        "frames": figures.frames,
        "elapsed_ms": ms(figures.elapsed),
        // To a thousandth: what is read back from a journal is then what was written, to the last bit.
        "frames_per_second": if seconds > 0.0 { (1e3 * figures.frames as f64 / seconds).round() / 1e3 } else { 0.0 },
        "stages": {
            "decode_cpu_ms": figures.decode_cpu.map(ms),
            "decode_wait_ms": ms(figures.decode_wait),
            "queue_wait_ms": ms(figures.queue_wait),
            "queued_ms": ms(figures.queued),
            "prepare_ms": ms(figures.prepare),
            "inference_ms": ms(figures.infer),
            "finish_ms": ms(figures.finish),
        },
        "batch_rows_max": figures.batch_rows_max,
        "queue": { "limit": figures.in_flight_limit, "in_use_max": figures.in_flight_max },
        "pools": { "frames": pool(frames), "detections": pool(&figures.detections) },
    })
}

fn pool(stats: &PoolStats) -> Value {
    json!({
        "capacity": stats.capacity,
        "in_use_max": stats.in_use_max,
        "allocations": stats.allocations,
        "misses": stats.misses,
        "waits": stats.waits,
    })
}
