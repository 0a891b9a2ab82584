//! What lies between a source's thread and whoever takes its frames: the newest frame and the newest state, nothing more.

use super::{SourceFrame, SourceItem, SourceState};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Room for one frame and one state. A newer one takes the place of an older one.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// Held only to move something in or out.
    slots: Mutex<Slots>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Slots {
    /// With its place in the order of all that was put in.
    frame: Option<(u64, SourceFrame)>,
    state: Option<(u64, SourceState)>,
    count: u64,
    delivered: u64,
    overrun: u64,
}

/// What became of the frames that were put in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MailboxCounts {
    /// Frames that were taken.
    pub delivered: u64,
    /// Frames that a newer one displaced.
    pub overrun: u64,
}

impl Mailbox {
    /// Puts the newest frame in.
    pub(super) fn put_frame(&self, frame: SourceFrame) {
        let displaced = {
            let mut slots = self.slots.lock();
            slots.count += 1;
            let place = slots.count;
            let displaced = slots.frame.replace((place, frame));
            slots.overrun += u64::from(displaced.is_some());
            displaced
        };
        // Its pixels go back to their pool without the lock.
        drop(displaced);
        self.filled.notify_one();
    }

    /// Puts the newest state in.
    pub(super) fn put_state(&self, state: SourceState) {
        let mut slots = self.slots.lock();
        slots.count += 1;
        slots.state = Some((slots.count, state));
        drop(slots);
        self.filled.notify_one();
    }

    /// Waits for the next item, in the order in which they were put in. Safe to cancel; for one reader.
    pub(super) async fn take(&self) -> SourceItem {
        loop {
            if let Some(item) = self.slots.lock().take() {
                return item;
            }
            self.filled.notified().await;
        }
    }

    pub(super) fn counts(&self) -> MailboxCounts {
        let slots = self.slots.lock();
        MailboxCounts { delivered: slots.delivered, overrun: slots.overrun }
    }
}

impl Slots {
    fn take(&mut self) -> Option<SourceItem> {
        let frame_at = self.frame.as_ref().map_or(u64::MAX, |(place, _)| *place);
        let state_at = self.state.as_ref().map_or(u64::MAX, |(place, _)| *place);
        if state_at < frame_at {
            return self.state.take().map(|(_, state)| SourceItem::State(state));
        }
        let (_, frame) = self.frame.take()?;
        self.delivered += 1;
        Some(SourceItem::Frame(frame))
    }
}
