//! The distress score: a weighted sum of what often goes with an agitated voice, each part shown with its value and what it contributes.
//!
//! It claims no medical or emotional truth. Its parts are figures of sound against the caller's own first seconds and against fixed
//! bounds; the weights and bounds are choices, written in one table, and were not fitted to any collection of calls. People in the worst
//! distress may speak low and evenly, and score nothing.

use crate::figures;
use std::collections::BTreeMap;

/// A score and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Distress {
    /// 0 to 1: the sum of the contributions.
    pub score: f64,
    /// The parts whose figures could be told, those that contribute most first.
    pub parts: Vec<DistressPart>,
}

/// One part of a score.
#[derive(Debug, Clone, PartialEq)]
pub struct DistressPart {
    /// The figure's name in [`crate::FIGURES`].
    pub figure: &'static str,
    /// The figure's value.
    pub value: f64,
    /// What it was in the caller's first voiced seconds; none until those are over, or where it could not be told in them.
    pub usual: Option<f64>,
    /// What it adds to the score: 0 to `weight`.
    pub contribution: f64,
    /// The most that it can add.
    pub weight: f64,
}

/// Judges the windows of one stream, one after another, and learns what is usual from the first.
#[derive(Default)]
pub(crate) struct DistressScale {
    /// Voiced windows that were learnt from.
    windows: usize,
    /// Sum and count of each figure in them.
    sums: BTreeMap<&'static str, (f64, usize)>,
}

impl DistressScale {
    /// The score of a window with these figures; none where nobody is heard.
    pub(crate) fn judge(&mut self, values: &BTreeMap<&'static str, f64>) -> Option<Distress> {
        let voiced = *values.get(figures::VOICED_SHARE)?;
        if voiced < VOICED_MIN {
            return None;
        }
        let mut parts: Vec<_> = RULES.iter().filter_map(|rule| self.part(rule, *values.get(rule.figure)?)).collect();
        parts.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        if self.windows < WINDOWS_USUAL && voiced >= VOICED_USUAL {
            self.learn(values);
        }
        let score = parts.iter().map(|part| part.contribution).sum::<f64>().clamp(0.0, 1.0);
        Some(Distress { score, parts })
    }

    fn part(&self, rule: &Rule, value: f64) -> Option<DistressPart> {
        let usual = self.usual(rule.figure);
        let rise = rule.rise.zip(usual).map(|(rise, usual)| rise.degree(value, usual));
        let height = rule.bounds.map(|bounds| ramp(value, bounds));
        let degree = rise.unwrap_or(0.0).max(height.unwrap_or(0.0));
        let contribution = rule.weight * degree;
        Some(DistressPart { figure: rule.figure, value, usual, contribution, weight: rule.weight })
    }

    fn usual(&self, figure: &str) -> Option<f64> {
        let &(sum, count) = self.sums.get(figure).filter(|_| self.windows == WINDOWS_USUAL)?;
        Some(sum / count as f64)
    }

    fn learn(&mut self, values: &BTreeMap<&'static str, f64>) {
        self.windows += 1;
        for rule in RULES {
            if let Some(value) = values.get(rule.figure) {
                let (sum, count) = self.sums.entry(rule.figure).or_default();
                *sum += value;
                *count += 1;
            }
        }
    }
}

/// How one figure counts: the larger of what its rise above the usual and what its height says, each 0 at `[0]` and 1 at `[1]`.
struct Rule {
    figure: &'static str,
    weight: f64,
    rise: Option<Rise>,
    bounds: Option<[f64; 2]>,
}

/// A rise above the usual, and how it is measured.
#[derive(Clone, Copy)]
enum Rise {
    /// In semitones.
    Semitones([f64; 2]),
    /// In the figure's own unit.
    Difference([f64; 2]),
    /// As a multiple of the usual.
    Ratio([f64; 2]),
}

impl Rise {
    /// 0 to 1.
    fn degree(self, value: f64, usual: f64) -> f64 {
        let degree = match self {
            Self::Semitones(bounds) => ramp(12.0 * (value / usual).log2(), bounds),
            Self::Difference(bounds) => ramp(value - usual, bounds),
            Self::Ratio(bounds) => ramp(value / usual, bounds),
        };
        if degree.is_nan() { 0.0 } else { degree }
    }
}

/// 0 up to the first bound, 1 from the second, evenly between.
fn ramp(value: f64, bounds: [f64; 2]) -> f64 {
    ((value - bounds[0]) / (bounds[1] - bounds[0])).clamp(0.0, 1.0)
}

/// The parts. The weights add up to 1.
const RULES: &[Rule] = &[
    Rule { figure: figures::SCREAM_SHARE, weight: 0.25, rise: None, bounds: Some([0.05, 0.4]) },
    Rule {
        figure: figures::PITCH_HZ,
        weight: 0.2,
        rise: Some(Rise::Semitones([3.0, 10.0])),
        bounds: Some([300.0, 500.0]),
    },
    Rule {
        figure: figures::ROUGHNESS,
        weight: 0.2,
        rise: Some(Rise::Difference([0.1, 0.4])),
        bounds: Some([0.3, 0.6]),
    },
    Rule {
        figure: figures::LOUDNESS_DBFS,
        weight: 0.15,
        rise: Some(Rise::Difference([6.0, 18.0])),
        bounds: Some([-12.0, -4.0]),
    },
    Rule {
        figure: figures::JITTER,
        weight: 0.05,
        rise: Some(Rise::Difference([0.01, 0.03])),
        bounds: Some([0.035, 0.07]),
    },
    Rule { figure: figures::PITCH_SPREAD, weight: 0.05, rise: Some(Rise::Difference([4.0, 10.0])), bounds: None },
    Rule {
        figure: figures::SPEECH_RATE_HZ,
        weight: 0.05,
        rise: Some(Rise::Ratio([1.3, 2.0])),
        bounds: Some([6.0, 9.0]),
    },
    Rule {
        figure: figures::BREATHS_PER_MINUTE,
        weight: 0.05,
        rise: Some(Rise::Difference([8.0, 24.0])),
        bounds: Some([24.0, 45.0]),
    },
];

/// Windows with less voice are not judged; what is usual is learnt from the first five with this much.
const VOICED_MIN: f64 = 0.05;
const VOICED_USUAL: f64 = 0.3;
const WINDOWS_USUAL: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_add_up() {
        assert!((RULES.iter().map(|rule| rule.weight).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_rise_counts_once_the_usual_is_known() {
        let values = |hz| BTreeMap::from([(figures::VOICED_SHARE, 0.6), (figures::PITCH_HZ, hz)]);
        let mut scale = DistressScale::default();
        for _ in 0..WINDOWS_USUAL {
            let calm = scale.judge(&values(110.0)).unwrap();
            assert_eq!((calm.score, calm.parts[0].usual), (0.0, None));
        }
        let raised = scale.judge(&values(220.0)).unwrap();
        assert!((raised.parts[0].usual.unwrap() - 110.0).abs() < 1e-9);
        assert!((raised.score - 0.2).abs() < 1e-9, "an octave counts in full: {raised:?}");
        assert_eq!(scale.judge(&BTreeMap::from([(figures::VOICED_SHARE, 0.0)])), None);
    }
}
