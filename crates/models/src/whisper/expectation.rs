//! A window on its way from the encoder to the batch: the batch's turn waits behind the encoder's run, so that nothing less urgent, such as
//! a recording's window, comes between the two.

use super::desk::Desk;
use super::turn::Terms;
use samovar_runtime::{Call, Class, PinnedModel, StreamKey};
use std::sync::Arc;
use std::time::Duration;

/// The longest that a slot waits for a window whose encoder run has ended: its caller's event loop hands it over meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_millis(10);

/// A window that was announced; forgotten when this is dropped.
pub(super) struct Expectation {
    desk: Arc<Desk>,
    number: u64,
}

/// Windows that were announced and have not come yet: one at most for each that is in the encoder.
#[derive(Default)]
pub(super) struct Announced {
    windows: Vec<Announcement>,
    numbers: u64,
}

/// A window that will come.
pub(super) struct Announcement {
    number: u64,
    terms: Terms,
}

impl Expectation {
    pub(super) const fn new(desk: Arc<Desk>, number: u64) -> Self {
        Self { desk, number }
    }

    /// Whether it is worth to announce a window: where one slot serves the model, and somebody waits.
    pub(super) fn is_worthwhile(pinned: &PinnedModel, call: &Call) -> bool {
        call.class != Class::Job && pinned.generation().slots == 1
    }
}

impl Drop for Expectation {
    fn drop(&mut self) {
        self.desk.expect_no_more(self.number);
    }
}

impl Announced {
    /// Adds one; its number.
    pub(super) fn add(&mut self, terms: Terms) -> u64 {
        self.numbers += 1;
        self.windows.push(Announcement { number: self.numbers, terms });
        self.numbers
    }

    /// Takes that one out, if it is still there. Drop it without a lock of the desk: it may be the last to keep its generation.
    pub(super) fn remove(&mut self, number: u64) -> Option<Announcement> {
        let found = self.windows.iter().position(|window| window.number == number);
        found.map(|index| self.windows.swap_remove(index))
    }

    /// One of that stream has come, and keeps the generation itself.
    pub(super) fn arrived(&mut self, stream: StreamKey) {
        let found = self.windows.iter().position(|window| window.terms.1.stream == stream);
        found.map(|index| self.windows.swap_remove(index));
    }

    /// None of them has come in time. The turn that waited for them keeps their generation.
    pub(super) fn forget(&mut self) {
        self.windows.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Under which terms each comes.
    pub(super) fn terms(&self) -> impl Iterator<Item = (&PinnedModel, &Call)> {
        self.windows.iter().map(|window| (&window.terms.0, &window.terms.1))
    }
}
