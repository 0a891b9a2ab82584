//! The end of a device: what it has accepted is finished, then its threads end.

use super::{CLOSE_STEP, Device};
use crate::DropReason;
use samovar_schedule::Moment;

impl Device {
    /// Finishes what is queued and ends the threads. Work that is pushed later is refused.
    pub fn close(&self) {
        {
            let mut state = self.state.lock();
            if std::mem::replace(&mut state.closing, true) {
                // What hung the first time is not waited for again.
                return;
            }
            state.queue.close();
        }
        self.arrived.notify_all();
        self.waiting.notify_all();
        self.room.notify_waiters();
        self.end_threads();
    }

    /// Waits for the threads as long as they get anywhere. What a run that hangs keeps from being started is dropped, and the thread is
    /// left to the end of the process.
    fn end_threads(&self) {
        let mut waiting = self.state.lock().queue.len();
        loop {
            let left = self.threads.join_within(CLOSE_STEP);
            let now_waiting = self.state.lock().queue.len();
            if left == 0 || now_waiting >= waiting {
                break;
            }
            waiting = now_waiting;
        }
        let stuck = self.state.lock().queue.expire(Moment(u64::MAX));
        if !stuck.is_empty() {
            tracing::warn!(work = stuck.len(), "the device hangs: what waits is dropped");
        }
        stuck.into_iter().for_each(|dropped| self.drop_work(dropped.item, DropReason::Unloaded));
    }
}
