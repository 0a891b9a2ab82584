//! The ways that a measurement has looked at so far, and the best of them, which stays in memory to be measured against.

use super::bursts::Bursts;
use super::session::Session;
use super::{Candidate, Figures, Tried};

/// One way with what was measured of it.
pub(super) struct Contender<'a> {
    pub(super) candidate: Candidate,
    /// None where it had to make room for others.
    pub(super) session: Option<Session<'a>>,
    pub(super) bursts: Bursts,
    pub(super) precision_error: f32,
    pub(super) memory_bytes: u64,
}

/// What came of the measurements so far.
pub(super) struct Findings<'t, 'a> {
    pub(super) tried: &'t mut Vec<Tried>,
    pub(super) champion: Option<Contender<'a>>,
}

impl Contender<'_> {
    pub(super) fn figures(&self) -> Figures {
        let (precision_error, memory_bytes) = (self.precision_error, self.memory_bytes);
        let best = self.bursts.best().map_or_else(Figures::default, Figures::from);
        Figures { precision_error, memory_bytes, ..best }
    }
}

impl<'a> Findings<'_, 'a> {
    pub(super) fn know(&self, candidate: &Candidate) -> bool {
        self.tried.iter().any(|tried| tried.candidate == *candidate)
    }

    /// Puts a way in the place of the best one, which leaves memory.
    pub(super) fn crown(&mut self, contender: Contender<'a>) -> Figures {
        let figures = contender.figures();
        self.champion = Some(contender);
        figures
    }
}
