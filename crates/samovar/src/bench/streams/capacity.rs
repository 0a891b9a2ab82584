//! The most streams that the server answers without dropping a frame, and what becomes of three times as many.

use super::player::{Play, Together};
use crate::failure::CliError;
use crate::stderr;
use serde::Serialize;

/// What the server is able to do.
#[derive(Clone, Debug, Serialize)]
pub struct Capacity {
    /// Frames a second of the pose model on the engine alone, on all slots.
    pub engine_frames_per_second: f64,
    /// The most streams without a dropped frame.
    pub full: Together,
    /// Its frames a second as a share of the engine's.
    pub share_of_limit: f64,
    /// Three times as many streams.
    pub overload: Together,
    /// Results a second under overload as a share of the engine's.
    pub overload_share_of_limit: f64,
    /// p99 under overload divided by that of the full server.
    pub p99_ratio: f64,
}

/// Measures.
///
/// # Errors
/// Where a stream does not open or breaks off.
pub async fn capacity(play: &Play, engine_frames_per_second: f64) -> Result<Capacity, CliError> {
    let full = most(play, engine_frames_per_second).await?;
    let overload = together(play, 3 * full.streams).await?;
    Ok(Capacity {
        engine_frames_per_second,
        share_of_limit: full.results_per_s / engine_frames_per_second,
        overload_share_of_limit: overload.results_per_s / engine_frames_per_second,
        p99_ratio: overload.p99_ms / full.p99_ms.max(1e-9),
        full,
        overload,
    })
}

/// The most streams without a drop, searched from what the engine alone would do.
async fn most(play: &Play, limit: f64) -> Result<Together, CliError> {
    let mut streams = ((limit / play.fps) as usize).max(1);
    let mut best: Option<Together> = None;
    loop {
        let tried = together(play, streams).await?;
        let fine = tried.dropped + tried.failed == 0;
        match (fine, best.take()) {
            (true, _) if streams < STREAMS_MAX => {
                best = Some(tried);
                streams += 1;
            }
            (true, _) => return Ok(tried),
            // One more was too many.
            (false, Some(best)) => return Ok(best),
            (false, None) if streams > 1 => {
                streams -= 1;
                let fewer = together(play, streams).await?;
                if fewer.dropped + fewer.failed == 0 {
                    return Ok(fewer);
                }
                streams = (streams - 1).max(1);
            }
            (false, None) => return Ok(tried),
        }
    }
}

/// No search goes on for ever.
const STREAMS_MAX: usize = 400;

async fn together(play: &Play, streams: usize) -> Result<Together, CliError> {
    let play = Play { streams, ..play.clone() };
    let together = Together::new(&play, &play.run(|| {}).await?);
    stderr::line(&format!(
        "{streams} streams × {} frames/s: {:.1} results/s, {} dropped, p99 {:.0} ms",
        play.fps, together.results_per_s, together.dropped, together.p99_ms
    ));
    Ok(together)
}
