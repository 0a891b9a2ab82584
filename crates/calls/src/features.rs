//! How some moments of a call sounded, and what their distress score was made of.

use samovar_acoustics::VoiceFigures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How some moments sounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Their end, in seconds from the beginning of the call.
    pub at_s: f64,
    /// Seconds that they stand for.
    pub duration_s: f64,
    /// Figures by name, each in its own unit.
    pub values: BTreeMap<String, f64>,
    /// What the figure `distress` is made of; none where nobody was heard, and in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distress: Option<Distress>,
}

/// A score and what it was made of when it was told: weights may change with a version, what was told stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distress {
    /// 0 to 1: the sum of the contributions.
    pub score: f64,
    /// The parts, those that contributed most first.
    pub parts: Vec<DistressPart>,
}

/// One part of a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistressPart {
    /// The figure's name.
    pub figure: String,
    /// The figure's value.
    pub value: f64,
    /// What it was in the caller's first voiced seconds, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<f64>,
    /// What it added to the score: 0 to `weight`.
    pub contribution: f64,
    /// The most that it could add.
    pub weight: f64,
}

impl From<&VoiceFigures> for Features {
    fn from(figures: &VoiceFigures) -> Self {
        Self {
            at_s: figures.at_s,
            duration_s: figures.duration_s,
            values: figures.values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            distress: figures.distress.as_ref().map(Distress::from),
        }
    }
}

impl From<&samovar_acoustics::Distress> for Distress {
    fn from(distress: &samovar_acoustics::Distress) -> Self {
        Self { score: distress.score, parts: distress.parts.iter().map(DistressPart::from).collect() }
    }
}

impl From<&samovar_acoustics::DistressPart> for DistressPart {
    fn from(part: &samovar_acoustics::DistressPart) -> Self {
        let samovar_acoustics::DistressPart { figure, value, usual, contribution, weight } = *part;
        Self { figure: figure.to_owned(), value, usual, contribution, weight }
    }
}
