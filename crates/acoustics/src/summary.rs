//! What a whole stream sounded like: mean, lowest and highest of every figure, in memory that does not grow with it.

use crate::analyser::VoiceFigures;
use std::collections::BTreeMap;

/// Sums up the windows of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    figures: BTreeMap<&'static str, FigureSummary>,
}

/// What the windows said of one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigureSummary {
    /// The mean over the windows that told it.
    pub mean: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// When it was highest: the end of the first such window, in seconds from the beginning.
    pub high_at_s: f64,
    /// How many windows told it.
    pub windows: usize,
}

impl Summary {
    /// Takes in a window.
    pub fn add(&mut self, window: &VoiceFigures) {
        for (&name, &value) in &window.values {
            let first = FigureSummary { mean: value, low: value, high: value, high_at_s: window.at_s, windows: 0 };
            self.figures.entry(name).or_insert(first).add(value, window.at_s);
        }
    }

    /// The figures that any window told, by name.
    pub const fn figures(&self) -> &BTreeMap<&'static str, FigureSummary> {
        &self.figures
    }
}

impl FigureSummary {
    fn add(&mut self, value: f64, at_s: f64) {
        self.windows += 1;
        self.mean += (value - self.mean) / self.windows as f64;
        self.low = self.low.min(value);
        if value > self.high {
            (self.high, self.high_at_s) = (value, at_s);
        }
    }
}
