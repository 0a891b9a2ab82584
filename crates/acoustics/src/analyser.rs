//! The analyser of one stream of voice: samples in, figures out once a second.

use crate::breathing::Breathing;
use crate::distress::{Distress, DistressScale};
use crate::error::AcousticsError;
use crate::figures;
use crate::frames::{HOP, HOPS_PER_SECOND, MARGIN};
use crate::intake::{Intake, SAMPLE_RATE};
use crate::second::SecondAnalysis;
use crate::window::{WINDOW_SECONDS_MAX, Window};
use std::collections::BTreeMap;

/// Measures one voice as it comes in. What it tells depends on the samples alone, bit for bit, however they are cut into pieces; its memory
/// is bounded by the window's length: some 12 kB per second, and 150 kB beside.
pub struct VoiceAnalyser {
    intake: Intake,
    /// The second that fills up, with [`MARGIN`] samples before it; measured once it has as many after it.
    block: Vec<f32>,
    /// Samples since the last measured second, and the clipped ones among them.
    taken: usize,
    clipped: usize,
    /// Hops that were measured.
    hops: usize,
    analysis: SecondAnalysis,
    window: Window,
    breathing: Breathing,
    scale: DistressScale,
}

/// What a window sounds like.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceFigures {
    /// The window's end, in seconds from the first sample.
    pub at_s: f64,
    /// The window's length in seconds; shorter at the beginning of a stream.
    pub duration_s: f64,
    /// The figures that can be told, by their names in [`crate::FIGURES`]; all finite. What cannot be told, as the pitch of silence, is
    /// absent.
    pub values: BTreeMap<&'static str, f64>,
    /// What the figure `distress` is made of; none where nobody is heard.
    pub distress: Option<Distress>,
}

impl VoiceAnalyser {
    /// An analyser whose figures are those of the last three seconds.
    pub fn new() -> Self {
        Self::of_seconds(WINDOW_SECONDS)
    }

    /// An analyser whose figures are those of the last `seconds`, 1 to 60.
    ///
    /// # Errors
    /// [`AcousticsError::Window`] for any other length.
    pub fn with_window(seconds: usize) -> Result<Self, AcousticsError> {
        if (1..=WINDOW_SECONDS_MAX).contains(&seconds) {
            Ok(Self::of_seconds(seconds))
        } else {
            Err(AcousticsError::Window(seconds))
        }
    }

    /// Takes in samples, 16 kHz mono, −1 to 1, as many as there are, and gives the figures of each second that became full with them: it is
    /// told when 27 ms more have come in. Samples that are no numbers count as silence.
    pub fn push(&mut self, samples: &[f32]) -> Vec<VoiceFigures> {
        let mut told = Vec::new();
        for &sample in samples {
            let clean = self.intake.next(sample);
            self.block.push(clean.value);
            self.taken += 1;
            self.clipped += usize::from(clean.clipped);
            if self.block.len() == BLOCK {
                told.push(self.measure(HOPS_PER_SECOND));
            }
        }
        told
    }

    /// Ends the stream, and gives the figures of the window at its end where something was not told yet: what remained of the last second
    /// counts as a second, and less than a hop of 10 ms is dropped.
    pub fn finish(mut self) -> Option<VoiceFigures> {
        let hops = (self.block.len() - MARGIN) / HOP;
        self.block.resize(hops * HOP + 2 * MARGIN, 0.0);
        (hops > 0).then(|| self.measure(hops))
    }

    fn of_seconds(seconds: usize) -> Self {
        let mut block = Vec::with_capacity(BLOCK);
        block.resize(MARGIN, 0.0);
        Self {
            intake: Intake::default(),
            block,
            taken: 0,
            clipped: 0,
            hops: 0,
            analysis: SecondAnalysis::new(),
            window: Window::new(seconds),
            breathing: Breathing::default(),
            scale: DistressScale::default(),
        }
    }

    /// Measures the hops at the block's beginning, and lets them go.
    fn measure(&mut self, hops: usize) -> VoiceFigures {
        let mut second = self.analysis.measure(&self.block, hops);
        second.samples = std::mem::take(&mut self.taken);
        second.clipped = std::mem::take(&mut self.clipped);
        self.block.drain(..hops * HOP);
        self.hops += hops;
        self.window.push(second);
        self.tell(hops)
    }

    /// The figures of the window, whose last hops are new.
    fn tell(&mut self, hops: usize) -> VoiceFigures {
        let frames = self.window.frames();
        self.breathing.add(&frames[frames.len() - hops..], &frames);
        let mut values = self.window.figures(&frames);
        values.extend(self.breathing.per_minute().map(|rate| (figures::BREATHS_PER_MINUTE, rate)));
        let distress = self.scale.judge(&values);
        values.extend(distress.as_ref().map(|distress| (figures::DISTRESS, distress.score)));
        let at_s = (self.hops * HOP) as f64 / SAMPLE_RATE as f64;
        VoiceFigures { at_s, duration_s: self.window.duration_s(), values, distress }
    }
}

impl Default for VoiceAnalyser {
    fn default() -> Self {
        Self::new()
    }
}

/// A window's usual length.
const WINDOW_SECONDS: usize = 3;

/// Samples of a second with what its outer frames reach beyond it.
const BLOCK: usize = SAMPLE_RATE + 2 * MARGIN;
