//! The server's memory over a long time with streams that come and go as cameras do: always there.

use super::player::{Play, Together};
use crate::bench::server_process::ServerProcess;
use crate::bench::statistics::{median, percentile};
use crate::failure::CliError;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Memory over time.
#[derive(Clone, Debug, Serialize)]
pub struct Soak {
    pub minutes: f64,
    pub samples: usize,
    /// Of the second half.
    pub first_bytes: u64,
    pub last_bytes: u64,
    pub max_minus_median_bytes: f64,
    /// Theil-Sen slope of the second half.
    pub slope_bytes_per_15_min: f64,
    pub together: Together,
}

const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Measures: plays `play` and reads the server's memory beside it.
///
/// # Errors
/// Where a stream breaks off.
pub async fn soak(server: Arc<ServerProcess>, play: &Play) -> Result<Soak, CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    let sampler = {
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        std::thread::Builder::new().name("memory-sampler".to_owned()).spawn(move || sample(&server, &stop))
    };
    let sampler = sampler.map_err(|_| CliError::new("internal", "the system gives no thread"))?;
    let heard = play.run(|| stop.store(true, Ordering::Relaxed)).await?;
    let samples = sampler.join().map_err(|_| CliError::new("internal", "the sampler failed"))?;
    let half = &samples[samples.len() / 2..];
    let bytes: Vec<f64> = half.iter().map(|(_, bytes)| *bytes).collect();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0.0);
    Ok(Soak {
        minutes: play.time.as_secs_f64() / 60.0,
        samples: samples.len(),
        first_bytes: at(0) as u64,
        last_bytes: at(bytes.len().saturating_sub(1)) as u64,
        max_minus_median_bytes: percentile(&bytes, 1.0) - median(&bytes),
        slope_bytes_per_15_min: theil_sen(half) * 900.0,
        together: Together::new(play, &heard),
    })
}

/// (second, bytes) until told to stop.
fn sample(server: &ServerProcess, stop: &AtomicBool) -> Vec<(f64, f64)> {
    let (began, mut samples) = (Instant::now(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        samples.push((began.elapsed().as_secs_f64(), server.resident_bytes().unwrap_or(0) as f64));
        std::thread::sleep(SAMPLE_EVERY);
    }
    samples
}

/// The median of the slopes between all pairs of points (Theil 1950, Sen 1968): a few outliers change nothing.
fn theil_sen(points: &[(f64, f64)]) -> f64 {
    let pairs = points.iter().enumerate().flat_map(|(index, a)| points[index + 1..].iter().map(move |b| (a, b)));
    let slopes: Vec<f64> = pairs.map(|(a, b)| (b.1 - a.1) / (b.0 - a.0)).filter(|slope| slope.is_finite()).collect();
    median(&slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_a_line_with_an_outlier() {
        let mut points: Vec<(f64, f64)> = (0..20).map(|x| (f64::from(x), 3.0 * f64::from(x) + 7.0)).collect();
        points[5].1 = 1e6;
        assert!((theil_sen(&points) - 3.0).abs() < 1e-9);
        assert_eq!(theil_sen(&[]), 0.0);
    }
}
