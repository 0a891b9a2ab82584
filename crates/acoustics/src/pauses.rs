//! Pauses: stretches of at least a quarter of a second (Goldman-Eisler's bound) that are far quieter than what is loud around them.

use crate::frames::{FrameFigures, HOP_S};
use crate::loudness::{decibels, percentile};

/// The pauses of a window.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pauses {
    /// The share of time that is pause, 0 to 1.
    pub(crate) share: f64,
    /// The longest one, in seconds.
    pub(crate) longest_s: f64,
}

impl Pauses {
    /// The pauses among frames. Steady noise is no pause: it takes something louder to tell one.
    pub(crate) fn of(frames: &[FrameFigures]) -> Option<Self> {
        let levels: Vec<f64> = frames.iter().map(|frame| decibels(frame.power)).collect();
        let threshold = (percentile(levels.clone(), LOUD)? - BELOW_LOUD_DB).max(QUIET_DBFS);
        let stretches = levels.split(|&level| level > threshold).map(<[f64]>::len).filter(|&hops| hops >= HOPS_MIN);
        let (all, longest) = stretches.fold((0, 0), |(all, longest), hops| (all + hops, longest.max(hops)));
        Some(Self { share: all as f64 / frames.len() as f64, longest_s: longest as f64 * HOP_S })
    }
}

/// What is loud: the 0.95 quantile of the hops; a pause is this much below it, or below −55 dBFS at all.
const LOUD: f64 = 0.95;
const BELOW_LOUD_DB: f64 = 25.0;
const QUIET_DBFS: f64 = -55.0;

/// 250 ms.
const HOPS_MIN: usize = 25;
