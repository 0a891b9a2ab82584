//! How long the end of a stream waits for what was taken in.

use std::time::Duration;
use tokio::time::Instant;

/// How long the end of a stream waits for what was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FinishTime {
    /// Without any work that comes forward.
    pub(crate) still: Duration,
    /// In all.
    pub(crate) all: Duration,
}

impl FinishTime {
    /// Of streams that have no more than a few frames on their way.
    pub(crate) const FRAMES: Self = Self { still: Duration::from_secs(10), all: Duration::from_secs(10) };
    /// Of calls, which may have a minute of sound to hear on a machine that is slow at it.
    pub(crate) const CALL: Self = Self { still: Duration::from_secs(30), all: Duration::from_secs(300) };

    /// The same where the server goes down: no longer than it leaves those who are to hear of it.
    pub(crate) fn within(self, grace: Duration) -> Self {
        let most = grace / 4 * 3;
        Self { still: self.still.min(most), all: self.all.min(most) }
    }
}

/// An end that waits.
pub(crate) struct Finishing {
    time: FinishTime,
    all_by: Instant,
    still_by: Instant,
    progress: u64,
}

impl Finishing {
    pub(crate) fn begin(time: FinishTime, progress: u64) -> Self {
        let now = Instant::now();
        Self { time, all_by: now + time.all, still_by: now + time.still, progress }
    }

    /// When to ask whether it [`goes_on`](Self::goes_on).
    pub(crate) fn until(&self) -> Instant {
        self.all_by.min(self.still_by)
    }

    /// Whether it waits on: work has come forward since this was asked last, and there is time left.
    pub(crate) fn goes_on(&mut self, progress: u64) -> bool {
        let now = Instant::now();
        if progress != self.progress {
            (self.progress, self.still_by) = (progress, now + self.time.still);
        }
        now < self.until()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep_until;

    /// For how long an end waits whose work comes forward once in `every`, so many times.
    async fn waits(time: FinishTime, every: Duration, times: u32) -> Duration {
        let begun = Instant::now();
        let mut finishing = Finishing::begin(time, 0);
        let done = || (begun.elapsed().as_millis() / every.as_millis()).min(u128::from(times)) as u64;
        loop {
            sleep_until(finishing.until()).await;
            if !finishing.goes_on(done()) {
                return begun.elapsed();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_waits_while_work_comes_forward_and_not_for_ever() {
        let s = Duration::from_secs;
        assert_eq!(waits(FinishTime::FRAMES, s(1), 1_000).await, s(10));
        assert_eq!(waits(FinishTime::CALL, s(1), 0).await, s(30), "nothing comes");
        assert_eq!(waits(FinishTime::CALL, s(20), 4).await, s(120), "80 s of work, seen within 30 s, and 30 s more");
        assert_eq!(waits(FinishTime::CALL, s(20), 1_000).await, s(300), "in all");
        assert_eq!(waits(FinishTime::CALL, s(31), 1_000).await, s(30), "too slow to be waited for");
        assert_eq!(waits(FinishTime::CALL.within(s(20)), s(1), 1_000).await, s(15), "the server goes down");
    }
}
