//! The reaper: takes work out of the queue that nobody will start in time.

use super::Device;
use crate::DropReason;
use crate::work::Work;
use samovar_schedule::Dropped;
use std::time::Duration;

/// How often the reaper looks at waiting work: late work leaves the queue within this time of its deadline.
const REAP_EVERY: Duration = Duration::from_millis(20);

/// How often in a row the reaper finds nothing waiting before it rests: a second.
const IDLE_LOOKS: u32 = 50;

impl Device {
    /// The reaper's thread: reports late work even while every slot is busy.
    pub(super) fn reap(&self) {
        let mut idle_looks = 0;
        loop {
            let late = {
                let mut state = self.state.lock();
                if state.closing {
                    return;
                }
                idle_looks = if state.queue.is_empty() { idle_looks + 1 } else { 0 };
                state.reaper_rests = idle_looks > IDLE_LOOKS;
                if state.reaper_rests {
                    idle_looks = 0;
                    self.waiting.wait(&mut state);
                } else {
                    self.waiting.wait_for(&mut state, REAP_EVERY);
                }
                state.queue.expire(self.clock.now())
            };
            self.expire(late);
        }
    }

    pub(super) fn expire(&self, late: Vec<Dropped<Work>>) {
        if !late.is_empty() {
            self.room.notify_waiters();
        }
        for dropped in late {
            self.drop_work(dropped.item, DropReason::Expired);
        }
    }
}
