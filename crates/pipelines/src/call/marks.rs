//! Where the owner of a call ended or forgot something that was not listened to yet.

use std::collections::VecDeque;

/// What the owner said of the sound before a place.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Commit(u64),
    Clear(u64),
}

/// Marks that wait until the call was listened to up to them.
#[derive(Default)]
pub(super) struct Marks(VecDeque<Mark>);

/// Marks that wait at most; further ones count with the last.
const MARKS_MAX: usize = 256;

impl Marks {
    pub(super) fn push(&mut self, mark: Mark) {
        if self.0.len() >= MARKS_MAX {
            self.0.pop_back();
        }
        self.0.push_back(mark);
    }

    pub(super) fn first(&self) -> Option<Mark> {
        self.0.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.0.pop_front();
    }
}
