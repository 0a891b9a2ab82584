//! How urgent a call is.

use serde::{Deserialize, Serialize};

/// How urgent a call is: P1 before all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// A life is in danger now.
    P1,
    /// It may be soon.
    P2,
    /// Help is needed, and can take some time.
    P3,
    /// Help is needed sometime.
    P4,
    /// Nobody needs to come.
    P5,
}

impl Priority {
    /// The word in files and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
        }
    }

    /// The priority of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::P1, Self::P2, Self::P3, Self::P4, Self::P5].into_iter().find(|priority| priority.name() == word)
    }

    /// More urgent by that many steps; P1 stays.
    #[must_use]
    pub const fn raised(self, steps: u8) -> Self {
        match (self as u8).saturating_sub(steps) {
            0 => Self::P1,
            1 => Self::P2,
            2 => Self::P3,
            3 => Self::P4,
            _ => Self::P5,
        }
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_raised_to_the_first_at_most() {
        assert_eq!(Priority::P4.raised(1), Priority::P3);
        assert_eq!(Priority::P2.raised(9), Priority::P1);
        assert_eq!(Priority::P5.raised(0), Priority::P5);
        assert!(Priority::P1 < Priority::P2);
        assert_eq!((Priority::parse("P3"), Priority::parse("p3")), (Some(Priority::P3), None));
    }
}
