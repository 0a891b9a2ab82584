//! Asked before several things are deleted at once that nobody can bring back. What is named alone goes without a question.

use crate::failure::{CliError, Exit};
use clap::Args;
use std::io::{self, BufRead, IsTerminal, Write};

/// Whether to ask.
#[derive(Clone, Copy, Debug, Args)]
pub struct ConfirmArguments {
    /// Delete several without asking; where nobody is there to be asked, several are deleted with this alone
    #[arg(long, short)]
    pub yes: bool,
}

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64;

impl ConfirmArguments {
    /// Goes on if `count` things may be deleted. `what` says it for several, with what is lost: `3 jobs and their results`.
    ///
    /// # Errors
    /// `not_confirmed`; `confirmation_required` where stdin is no terminal.
    pub fn deletion(self, count: usize, what: &str) -> Result<(), CliError> {
        if self.yes || count < 2 {
            return Ok(());
        }
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            let message = format!("{what} would be deleted, and nobody is there to be asked");
            return Err(CliError::new("confirmation_required", message).cure("--yes").exit(Exit::Usage));
        }
        ask(what, stdin.lock(), io::stderr())
    }
}

fn ask(what: &str, answers: impl BufRead, mut questions: impl Write) -> Result<(), CliError> {
    // Where it cannot be written nobody answers it.
    let _ = write!(questions, "Delete {what}? They cannot be brought back. [y/N] ").and_then(|()| questions.flush());
    let mut answer = String::new();
    let read = answers.take(ANSWER_BYTES_MAX).read_line(&mut answer);
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" if read.is_ok() => Ok(()),
        _ => Err(CliError::new("not_confirmed", "nothing was deleted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        for (answer, is_yes) in [
            ("y\n", true),
            ("Yes\n", true),
            (" YES ", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yep\n", false),
        ] {
            let mut question = Vec::new();
            let asked = ask("3 jobs and their results", answer.as_bytes(), &mut question);
            assert_eq!(asked.map_err(|error| error.code), if is_yes { Ok(()) } else { Err("not_confirmed".into()) });
            let question = String::from_utf8(question).unwrap();
            assert_eq!(question, "Delete 3 jobs and their results? They cannot be brought back. [y/N] ");
        }
    }

    #[test]
    fn what_is_named_alone_or_confirmed_is_not_asked_about() {
        assert!(ConfirmArguments { yes: false }.deletion(1, "").is_ok());
        assert!(ConfirmArguments { yes: true }.deletion(1_000, "").is_ok());
    }
}
