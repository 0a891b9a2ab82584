//! Rules that say how urgent a call is, and why: terms, phrases and acoustic conditions in a file that people can read.
//!
//! Pure: what was said and how it sounded goes in, a decision with everything that triggered it comes out. No model, no clock, no wire.
#![forbid(unsafe_code)]

mod acoustic_rule;
mod case;
mod current_rules;
mod decide;
mod decision;
mod error;
mod evidence;
mod limits;
mod negation;
mod pattern;
mod priority;
mod rule;
mod rule_book;
mod transcript;

pub use acoustic_rule::AcousticRule;
pub use case::{Case, CaseFile, CaseResult};
pub use current_rules::CurrentRules;
pub use decision::{Decision, Reason};
pub use error::{TriageError, TriageErrorKind};
pub use evidence::{Evidence, Measurement, Utterance};
pub use priority::Priority;
pub use rule_book::RuleBook;
