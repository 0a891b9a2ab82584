//! The modes that a stream may choose among, from the fastest to the most accurate.

use crate::Mode;
use samovar_runtime::{RunError, RunErrorKind};

/// Modes in order: fastest first. Never empty; no two have the same name, and none is called [`ModeTable::AUTO`].
#[derive(Clone)]
pub struct ModeTable {
    modes: Vec<Mode>,
}

/// Why modes make no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModeTableError {
    /// There is none.
    #[error("a table of modes needs at least one")]
    Empty,
    /// Two have the same name, or one has the name that leaves the choice to the server.
    #[error("the mode `{0}` is there already; give each a name of its own, and none the name `auto`")]
    Taken(String),
}

impl ModeTable {
    /// The word that leaves the choice to the server.
    pub const AUTO: &str = "auto";

    /// A table of these modes, fastest first.
    ///
    /// # Errors
    /// There is none, or a name is taken.
    pub fn new(modes: Vec<Mode>) -> Result<Self, ModeTableError> {
        let mut names: Vec<&str> = std::iter::once(Self::AUTO).chain(modes.iter().map(|mode| &*mode.name)).collect();
        names.sort_unstable();
        match names.windows(2).find(|two| two[0] == two[1]) {
            Some(two) => Err(ModeTableError::Taken(two[0].to_owned())),
            None if modes.is_empty() => Err(ModeTableError::Empty),
            None => Ok(Self { modes }),
        }
    }

    /// A table of one mode.
    pub fn single(mode: Mode) -> Self {
        Self { modes: vec![mode] }
    }

    /// The modes, fastest first.
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    /// The place of the mode of that name, fastest first.
    ///
    /// # Errors
    /// `Input` with the code `unknown_mode`, naming the modes that there are.
    pub fn find(&self, name: &str) -> Result<usize, RunError> {
        self.modes.iter().position(|mode| &*mode.name == name).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> RunError {
        let names: Vec<&str> = self.modes.iter().map(|mode| &*mode.name).collect();
        let message = format!("there is no such mode; there are: {}", names.join(", "));
        RunError::new(RunErrorKind::Input { code: "unknown_mode" }, message)
    }
}
