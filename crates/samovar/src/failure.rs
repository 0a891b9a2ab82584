//! How a command ends: exit codes, and the error that people and programs are told.

use serde::Serialize;
use std::borrow::Cow;
use std::fmt;
use std::process::ExitCode;

/// Exit codes of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// Nothing, or not the thing asked for, was done.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Some inputs were worked through, others could not be.
    Partial = 3,
    /// Stopped by Ctrl-C; what was done until then was written.
    Interrupted = 130,
}

/// The text about exit codes at the end of `samovar --help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed
  2    wrong command line or configuration
  3    some inputs failed, the others were done
  130  stopped by Ctrl-C; what was done until then was written

Begin with: samovar doctor";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure as it is told: a stable code, a sentence, and what to do about it.
#[derive(Clone, Debug, Serialize)]
pub struct CliError {
    /// Stable machine code.
    pub code: Cow<'static, str>,
    /// What went wrong.
    pub message: String,
    /// What to do about it, where the sentence does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    #[serde(skip)]
    exit: Exit,
    /// Nobody is there to be told.
    #[serde(skip)]
    quiet: bool,
}

impl CliError {
    /// A failure with exit code 1.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), cure: None, exit: Exit::Failure, quiet: false }
    }

    /// The same with a cure.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub const fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The same, but not told.
    #[must_use]
    pub const fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Whether it is to be told.
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The code that the process ends with.
    pub const fn exit_code(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = self.message.contains('\n');
        write!(f, "error[{}]:{}{}", self.code, if many { "\n" } else { " " }, self.message)?;
        self.cure.as_ref().map_or(Ok(()), |cure| write!(f, "\n  cure: {cure}"))
    }
}

impl std::error::Error for CliError {}

impl From<samovar_media::MediaError> for CliError {
    fn from(error: samovar_media::MediaError) -> Self {
        Self::new(error.kind().code(), error.to_string())
    }
}

impl From<samovar_hub::HubError> for CliError {
    fn from(error: samovar_hub::HubError) -> Self {
        let kind = error.kind();
        let failure = Self::new(kind.code(), error.to_string()).cure(kind.cure());
        match kind {
            samovar_hub::HubErrorKind::Name | samovar_hub::HubErrorKind::Settings => failure.exit(Exit::Usage),
            samovar_hub::HubErrorKind::Cancelled => failure.exit(Exit::Interrupted),
            _ => failure,
        }
    }
}

impl From<samovar_recorded::RecordedError> for CliError {
    fn from(error: samovar_recorded::RecordedError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<samovar_runtime::RunError> for CliError {
    fn from(error: samovar_runtime::RunError) -> Self {
        Self::new(error.kind().code(), error.to_string())
    }
}

impl From<samovar_runtime::Failure> for CliError {
    fn from(failure: samovar_runtime::Failure) -> Self {
        Self::new(failure.kind.code(), failure.reason).cure(failure.kind.cure())
    }
}
