//! A decision in words: how urgent, about what, and everything that triggered it.

use samovar_triage::{Decision, Reason};
use std::fmt::Write;

/// How urgent and about what in the first line, then a line for each reason.
pub fn decision_text(decision: &Decision) -> String {
    let mut text = format!("{} {}\n", decision.priority, decision.category);
    if decision.reasons.is_empty() {
        text.push_str("  no rule holds: this is the default\n");
    }
    // Writing into a string cannot fail.
    decision.reasons.iter().for_each(|reason| _ = writeln!(text, "  {}", line(reason)));
    decision.negated.iter().for_each(|reason| _ = writeln!(text, "  not counted, negated: {}", line(reason)));
    text
}

fn line(reason: &Reason) -> String {
    let effect = match (reason.priority, reason.raise) {
        (Some(priority), _) => format!("{priority} {}", reason.category.as_deref().unwrap_or_default()),
        (None, steps) => format!("{steps} more urgent"),
    };
    let cause = match (&reason.feature, reason.value) {
        (Some(feature), Some(value)) => format!("{feature} {value:.2}"),
        _ => format!("\"{}\"", reason.quote.as_deref().unwrap_or_default()),
    };
    format!("{}: {effect}, {cause}", reason.rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_triage::Priority;

    #[test]
    fn a_figure_is_told_with_its_value() {
        let reason = Reason {
            rule: "sounds-distressed".to_owned(),
            category: None,
            priority: None,
            raise: 1,
            quote: None,
            feature: Some("distress".to_owned()),
            value: Some(0.8125),
            start_s: 3.0,
            end_s: 6.0,
        };
        let decision = Decision {
            priority: Priority::P3,
            category: "other".to_owned(),
            reasons: vec![reason],
            negated: Vec::new(),
        };
        assert_eq!(decision_text(&decision), "P3 other\n  sounds-distressed: 1 more urgent, distress 0.81\n");
    }
}
