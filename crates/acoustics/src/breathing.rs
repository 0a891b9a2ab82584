//! Audible breaths: quiet, broadband, unvoiced stretches with the length of a breath.
//!
//! A heuristic of Samovar's own, and no measurement of breathing: breaths that the microphone does not hear are not counted, and other
//! hissing of that length is (a long fricative, wind, cloth on the microphone).

use crate::frames::{FrameFigures, HOP_S};
use crate::loudness::{decibels, percentile};
use std::collections::VecDeque;

/// Counts breaths over the last half minute.
#[derive(Default)]
pub(crate) struct Breathing {
    /// Hops since the beginning.
    hops: usize,
    /// Hops from the first breathy one to the last, and hops since that one.
    run: usize,
    gap: usize,
    /// When breaths ended, in hops; those of the last half minute.
    breaths: VecDeque<usize>,
}

/// The levels in dBFS that a breath lies between.
#[derive(Clone, Copy)]
struct Levels {
    low: f64,
    high: f64,
}

impl Breathing {
    /// Takes in the newest frames; `window` has them and some before, from which is told what is quiet here.
    pub(crate) fn add(&mut self, newest: &[FrameFigures], window: &[FrameFigures]) {
        let levels = levels(window);
        for frame in newest {
            self.hops += 1;
            if levels.is_some_and(|levels| is_breathy(frame, levels)) {
                self.run += self.gap + 1;
                self.gap = 0;
            } else if self.run > 0 {
                self.gap += 1;
                self.end_run(frame.is_voiced());
            }
        }
        while self.breaths.front().is_some_and(|&end| end + SPAN < self.hops) {
            self.breaths.pop_front();
        }
    }

    /// Breaths per minute; none before enough was heard.
    pub(crate) fn per_minute(&self) -> Option<f64> {
        let heard_s = self.hops.min(SPAN) as f64 * HOP_S;
        (self.hops >= HEARD_MIN).then(|| self.breaths.len() as f64 * 60.0 / heard_s)
    }

    /// Ends a stretch once the gap is too long to belong to it, or the voice sets in.
    fn end_run(&mut self, is_voiced: bool) {
        if self.gap <= GAP_MAX && !is_voiced {
            return;
        }
        if BREATH.contains(&self.run) {
            self.breaths.push_back(self.hops);
        }
        (self.run, self.gap) = (0, 0);
    }
}

/// What lies between the quietest here and the voice; none where nobody spoke, or the two are too near each other.
fn levels(window: &[FrameFigures]) -> Option<Levels> {
    let level = |frame: &FrameFigures| decibels(frame.power);
    let voice = percentile(window.iter().filter(|frame| frame.is_voiced()).map(level).collect(), 0.5)?;
    let floor = percentile(window.iter().map(level).collect(), 0.05)?;
    let levels = Levels { low: floor + ABOVE_FLOOR_DB, high: voice - BELOW_VOICE_DB };
    (levels.low < levels.high).then_some(levels)
}

fn is_breathy(frame: &FrameFigures, levels: Levels) -> bool {
    let level = decibels(frame.power);
    let is_broad = frame.spectrum.is_some_and(|spectrum| spectrum.flatness > FLAT);
    !frame.is_voiced() && is_broad && level > levels.low && level < levels.high
}

/// How much quieter than the voice, and louder than the quietest, a breath is.
const BELOW_VOICE_DB: f64 = 10.0;
const ABOVE_FLOOR_DB: f64 = 6.0;

/// From this flatness a spectrum is broad.
const FLAT: f64 = 0.1;

/// A breath lasts 0.25 to 2 s, with gaps of at most 40 ms.
const BREATH: std::ops::RangeInclusive<usize> = 25..=200;
const GAP_MAX: usize = 4;

/// Hops that breaths are counted over (30 s), and that are needed at least (10 s).
const SPAN: usize = 3_000;
const HEARD_MIN: usize = 1_000;
