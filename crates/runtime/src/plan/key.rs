//! What a plan holds for: these weights, this hardware, this configuration. Its hash names the plan's file.

use super::digest::of_text;
use crate::{EngineChoice, Family, ModelSpec, PrecisionChoice};
use std::fmt::Write;

/// Names a plan: 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlanKey(String);

/// Everything that another plan would be needed for when it changes. The engines that are present stand inside the plan.
pub(crate) struct KeyParts<'a> {
    /// sha256 of every file of the model and of its reference, in a fixed order.
    pub(crate) weights: &'a [String],
    pub(crate) device: &'a samovar_engine_api::Device,
    pub(crate) cpu: &'a str,
    pub(crate) cores: usize,
    pub(crate) spec: &'a ModelSpec,
    pub(crate) family: &'a dyn Family,
}

/// Counts up when plans are measured in another way, so that those of before are not used any more.
const MEASURED_BY: u32 = 2;

impl PlanKey {
    pub(crate) fn of(parts: &KeyParts<'_>) -> Self {
        let KeyParts { weights, device, cpu, cores, spec, family } = parts;
        let mut text = format!("measured by {MEASURED_BY}\ndevice {device}\ncpu {cpu}\ncores {cores}\n");
        let engine = match &spec.engine {
            EngineChoice::Auto => "auto".to_owned(),
            EngineChoice::Named(name) => format!("only {name}"),
        };
        let precision = match spec.precision {
            PrecisionChoice::Auto => "auto",
            PrecisionChoice::Fixed(precision) => precision.name(),
        };
        let lines = [
            format!("engine {engine}"),
            format!("precision {precision}"),
            format!("optimize {}", spec.optimize.name()),
            format!("batch {:?} of {}", spec.batch_max, family.batch_max()),
            format!("tolerance {}", spec.tolerance.relative),
            format!("family {} {:?}", family.name(), family.lanes()),
        ];
        for line in lines.iter().chain(*weights) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        }
        Self(of_text(&text))
    }

    /// The key that `text` spells; none where it is not 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let spelled = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        spelled.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PlanKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_spell_a_key() {
        assert!(PlanKey::parse(&"a1".repeat(32)).is_some());
        for text in ["", "../../etc/passwd", &"A1".repeat(32), &"a1".repeat(31)] {
            assert_eq!(PlanKey::parse(text), None, "{text}");
        }
    }
}
