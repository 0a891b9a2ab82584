//! A condition on how a call sounds: a figure of the voice that stays within bounds for some time.

use crate::Measurement;
use serde::{Deserialize, Serialize};

/// A figure of the voice that stays within bounds for some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcousticRule {
    /// Which figure: `distress`, `pitch_hz` …
    pub feature: String,
    /// At least this, in the figure's own unit.
    #[serde(default)]
    pub min: Option<f64>,
    /// At most this.
    #[serde(default)]
    pub max: Option<f64>,
    /// For so many seconds without a break.
    #[serde(default)]
    pub for_s: f64,
}

/// When a condition held first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    pub start_s: f64,
    pub end_s: f64,
    /// The value farthest within the bounds.
    pub value: f64,
}

impl AcousticRule {
    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        let finite = [self.min, self.max, Some(self.for_s)].into_iter().flatten().all(f64::is_finite);
        match (self.min, self.max) {
            _ if !finite => Some(format!("the bounds of {:?} are numbers", self.feature)),
            (None, None) => Some(format!("{:?} needs `min` or `max`", self.feature)),
            (Some(min), Some(max)) if min > max => Some(format!("`min` of {:?} is above its `max`", self.feature)),
            _ if self.for_s < 0.0 => Some("`for_s` is not negative".to_owned()),
            _ => None,
        }
    }

    /// When it held first: at least `for_s` seconds of measurements within the bounds, none of them outside and none missing.
    pub fn held(&self, measurements: &[Measurement]) -> Option<Held> {
        let mut run: Option<Held> = None;
        for one in measurements.iter().filter(|one| one.feature == self.feature) {
            if !self.is_within(one.value) {
                run = None;
                continue;
            }
            let end_s = one.at_s + one.duration_s;
            run = match run {
                Some(held) if one.at_s <= held.end_s + GAP_MAX_S => {
                    Some(Held { end_s: end_s.max(held.end_s), value: self.farther(held.value, one.value), ..held })
                }
                _ => Some(Held { start_s: one.at_s, end_s, value: one.value }),
            };
            if let Some(held) = run.filter(|held| held.end_s - held.start_s >= self.for_s - ROUNDING_S) {
                return Some(held);
            }
        }
        None
    }

    fn is_within(&self, value: f64) -> bool {
        value.is_finite() && self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }

    const fn farther(&self, a: f64, b: f64) -> f64 {
        if self.min.is_some() { a.max(b) } else { a.min(b) }
    }
}

/// Seconds without a measurement that do not break a run.
const GAP_MAX_S: f64 = 0.5;
/// Sums of seconds are rounded.
const ROUNDING_S: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(values: &[f64]) -> Vec<Measurement> {
        let at = (0_u32..).map(f64::from);
        at.zip(values)
            .map(|(at_s, &value)| Measurement { at_s, duration_s: 1.0, feature: "distress".to_owned(), value })
            .collect()
    }

    fn rule(for_s: f64) -> AcousticRule {
        AcousticRule { feature: "distress".to_owned(), min: Some(0.7), max: None, for_s }
    }

    #[test]
    fn a_condition_holds_where_it_lasts() {
        let held = rule(2.0).held(&measured(&[0.1, 0.8, 0.2, 0.75, 0.9, 0.9])).unwrap();
        assert_eq!((held.start_s, held.end_s, held.value), (3.0, 5.0, 0.9));
        assert!(rule(2.0).held(&measured(&[0.8, 0.1, 0.8])).is_none());
        assert!(rule(0.0).held(&measured(&[0.8])).is_some());
    }

    #[test]
    fn what_is_no_number_breaks_a_run() {
        assert!(rule(2.0).held(&measured(&[0.8, f64::NAN, 0.8])).is_none());
        assert!(rule(1.0).held(&measured(&[f64::INFINITY])).is_none());
    }

    #[test]
    fn what_can_never_hold_is_a_fault() {
        assert!(AcousticRule { min: None, ..rule(1.0) }.fault().is_some());
        assert!(AcousticRule { max: Some(0.1), ..rule(1.0) }.fault().is_some());
        assert!(AcousticRule { for_s: -1.0, ..rule(1.0) }.fault().is_some());
        assert!(AcousticRule { min: Some(f64::NAN), ..rule(1.0) }.fault().is_some());
        assert!(rule(1.0).fault().is_none());
    }
}
