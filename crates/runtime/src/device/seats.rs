//! The seats of a device's slots: what a slot works with lies there while its thread sleeps, and may be lent to an errand.

use super::{Device, REST, State};
use crate::errand::{Errand, EventLoop, Kit};
use crate::generation::Generation;
use parking_lot::MutexGuard;
use samovar_schedule::{Entry, Moment, Next};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// So many pieces of work in a row must have come to an idle device before one that is longer than [`SHORT`] is run by who asks for it:
/// where several ask at once, rows that share a run in a slot are cheaper than runs of their own.
const ALONE: u32 = 4;

/// About what the wake-ups cost that a run in a slot takes. Rows that take less hardly ever meet, and would save less than that.
const SHORT: Duration = Duration::from_micros(50);

impl Device {
    /// Whether who asks had better run this than a slot, as far as others ask too. To be asked of every piece of work that comes.
    pub(super) fn errand_pays(&self, state: &mut State, entry: &Entry) -> bool {
        let first = state.queue.is_empty();
        let alone = first && self.runs.going_on.load(Ordering::Acquire) == 0;
        state.alone = if alone { state.alone.saturating_add(1) } else { 0 };
        first && (entry.cost <= SHORT || state.alone > ALONE)
    }

    /// Takes the one piece of work in the queue out to be run with the kit of a slot that rests; none where there is no such slot, no
    /// core is free, or the work is to wait for others.
    pub(super) fn errand(
        self: &Arc<Self>,
        state: &mut State,
        generation: &Generation,
        now: Moment,
        event_loop: &EventLoop,
    ) -> Option<Errand> {
        let can = |kit: &Kit| kit.runners.contains_key(&generation.key);
        let index = state.seats.iter().position(|kit| kit.as_ref().is_some_and(can))?;
        if state.lent >= event_loop.lendable() || state.closing || !state.orders[index].is_empty() {
            return None;
        }
        // All that the run takes, so that it does not wait for more on the event loop.
        let cores = self.cores.try_take(generation.threads)?;
        // What was let in at this moment is not late at it: nothing expires here.
        let Next::Batch(batch) = state.queue.take(now, true).next else { return None };
        let kit = state.seats[index].take()?;
        state.lent += 1;
        Some(Errand::new(Arc::clone(self), index, kit, (batch, self.at_work(cores))))
    }

    /// An errand is over: its slot may work again.
    pub(crate) fn take_home(&self, index: usize, kit: Kit) {
        let mut state = self.state.lock();
        state.seats[index] = Some(kit);
        state.lent -= 1;
        if state.closing || !state.orders[index].is_empty() {
            self.arrived.notify_all();
        } else {
            self.hand_watch_on(&state);
        }
    }

    /// Sleeps until something has come, with the kit in its seat; goes on when it is there again.
    pub(super) fn rest(&self, state: &mut MutexGuard<'_, State>, index: usize, kit: &mut Kit, until: Duration) {
        state.seats[index] = Some(std::mem::take(kit));
        self.arrived.wait_for(state, until);
        loop {
            if let Some(own) = state.seats[index].take() {
                *kit = own;
                return;
            }
            // What it was woken for is another slot's now. Where no kit is at home nobody could do it: who brings one home looks.
            if state.seats.iter().any(Option::is_some) {
                self.hand_watch_on(state);
            }
            self.arrived.wait_for(state, REST);
        }
    }

    /// Whether a slot's kit lies in its seat.
    #[cfg(test)]
    pub(crate) fn rests(&self, index: usize) -> bool {
        self.state.lock().seats[index].is_some()
    }
}
