//! `samovar triage explain`: what the rules make of a text, and everything that triggered it.

use super::arguments::ExplainTriageArguments;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_triage::{Decision, Evidence, Reason, RuleBook, Utterance};
use std::fmt::Write;

/// Runs the command.
///
/// # Errors
/// Where the result cannot be printed.
pub fn explain(book: &RuleBook, arguments: &ExplainTriageArguments) -> Result<Exit, CliError> {
    let decision = book.decide(&said(&arguments.text, arguments.language.as_deref()));
    if arguments.json {
        stdout::print_json(&decision)?;
    } else {
        stdout::print(&as_text(&decision))?;
    }
    Ok(Exit::Ok)
}

/// One utterance each, of two seconds.
fn said(texts: &[String], language: Option<&str>) -> Evidence {
    let starts = (0_u32..).map(|index| f64::from(index) * 2.0);
    let utterance = |(start_s, text): (f64, &String)| Utterance {
        text: text.clone(),
        start_s,
        end_s: start_s + 2.0,
        language: language.map(str::to_owned),
    };
    Evidence { utterances: starts.zip(texts).map(utterance).collect(), measurements: Vec::new() }
}

fn as_text(decision: &Decision) -> String {
    let mut text = format!("{} {}\n", decision.priority, decision.category);
    if decision.reasons.is_empty() {
        text.push_str("  no rule holds: this is the default\n");
    }
    decision.reasons.iter().for_each(|reason| _ = writeln!(text, "  {}", line(reason)));
    decision.negated.iter().for_each(|reason| _ = writeln!(text, "  not counted, negated: {}", line(reason)));
    text
}

fn line(reason: &Reason) -> String {
    let quote = reason.quote.as_deref().unwrap_or_default();
    let effect = match (reason.priority, reason.raise) {
        (Some(priority), _) => format!("{priority} {}", reason.category.as_deref().unwrap_or_default()),
        (None, steps) => format!("{steps} more urgent"),
    };
    format!("{}: {effect}, \"{quote}\"", reason.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_triggered_and_what_was_negated_are_told() {
        let texts = ["There is no fire, but my husband is not breathing".to_owned()];
        let text = as_text(&RuleBook::shipped().decide(&said(&texts, Some("en"))));
        assert!(text.starts_with("P1 medical\n"), "{text}");
        assert!(text.contains("not counted, negated: fire-en-fire: P2 fire, \"no fire\""), "{text}");
        let calm = as_text(&RuleBook::shipped().decide(&said(&["Good morning".to_owned()], None)));
        assert_eq!(calm, "P4 other\n  no rule holds: this is the default\n");
    }
}
