//! `samovar triage explain`: what the rules make of a text, and everything that triggered it.

use super::arguments::ExplainTriageArguments;
use super::decision_text::decision_text;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_triage::{Evidence, RuleBook, Utterance};

/// Runs the command.
///
/// # Errors
/// Where the result cannot be printed.
pub fn explain(book: &RuleBook, arguments: &ExplainTriageArguments) -> Result<Exit, CliError> {
    let decision = book.decide(&said(&arguments.text, arguments.language.as_deref()));
    if arguments.json {
        stdout::print_json(&decision)?;
    } else {
        stdout::print(&decision_text(&decision))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_triggered_and_what_was_negated_are_told() {
        let texts = ["There is no fire, but my husband is not breathing".to_owned()];
        let text = decision_text(&RuleBook::shipped().decide(&said(&texts, Some("en"))));
        assert!(text.starts_with("P1 medical\n"), "{text}");
        assert!(text.contains("not counted, negated: fire-en-fire: P2 fire, \"no fire\""), "{text}");
        let calm = decision_text(&RuleBook::shipped().decide(&said(&["Good morning".to_owned()], None)));
        assert_eq!(calm, "P4 other\n  no rule holds: this is the default\n");
    }
}
