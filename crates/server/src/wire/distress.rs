//! A distress score and its parts as JSON, wherever one is told.

use samovar_acoustics as heard;
use samovar_calls as kept;
use serde::Serialize;
use utoipa::ToSchema;

/// A score, and what it is made of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DistressBody {
    /// 0 to 1: the sum of the contributions.
    score: f64,
    /// The parts, those that contribute most first.
    parts: Vec<DistressPartBody>,
}

/// One part of a score.
#[derive(Debug, Serialize, ToSchema)]
struct DistressPartBody {
    /// The figure's name.
    #[schema(example = "pitch_hz")]
    figure: String,
    /// Its value.
    value: f64,
    /// What it was in the caller's first voiced seconds.
    usual: Option<f64>,
    /// What it adds to the score.
    contribution: f64,
    /// The most that it can add.
    weight: f64,
}

impl From<&heard::Distress> for DistressBody {
    fn from(distress: &heard::Distress) -> Self {
        kept::Distress::from(distress).into()
    }
}

impl From<kept::Distress> for DistressBody {
    fn from(distress: kept::Distress) -> Self {
        Self { score: distress.score, parts: distress.parts.into_iter().map(DistressPartBody::from).collect() }
    }
}

impl From<kept::DistressPart> for DistressPartBody {
    fn from(part: kept::DistressPart) -> Self {
        let kept::DistressPart { figure, value, usual, contribution, weight } = part;
        Self { figure, value, usual, contribution, weight }
    }
}
