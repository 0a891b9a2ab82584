//! How many messages of a stream are read in a second: whoever sends more waits, as if the network were slow.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A bucket of messages that may be read. Full it holds those of two seconds.
pub(crate) struct MessagePace {
    per_s: f64,
    /// Messages that may be read, as of a moment.
    level: f64,
    at: Instant,
    wait: Option<Pin<Box<Sleep>>>,
}

/// Seconds whose messages may come at once after a rest.
const BURST_S: f64 = 2.0;

impl MessagePace {
    /// So many messages a second in the long run.
    pub(crate) fn new(per_s_max: u32) -> Self {
        let per_s = f64::from(per_s_max.max(1));
        Self { per_s, level: per_s * BURST_S, at: Instant::now(), wait: None }
    }

    /// Whether somebody waits for leave.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.wait.is_some()
    }

    /// Waits until a message may be read.
    pub(crate) fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.refill();
            if self.level >= 1.0 {
                self.wait = None;
                return Poll::Ready(());
            }
            let missing = Duration::from_secs_f64((1.0 - self.level) / self.per_s).max(Duration::from_millis(1));
            let wait = self.wait.insert(Box::pin(sleep_until(self.at + missing)));
            if wait.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// A message was read.
    pub(crate) fn took(&mut self) {
        self.level -= 1.0;
    }

    fn refill(&mut self) {
        let now = Instant::now();
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.per_s;
        self.level = (self.level + gained).min(self.per_s * BURST_S);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_then_the_rate_holds() {
        let (began, mut pace) = (Instant::now(), MessagePace::new(100));
        for number in 0..1_000 {
            poll_fn(|context| pace.poll_leave(context)).await;
            pace.took();
            assert!(number >= 200 || began.elapsed().is_zero(), "{number}");
        }
        let took = began.elapsed().as_secs_f64();
        assert!((8.0..8.2).contains(&took), "{took} s for 800 messages beyond the burst");
    }
}
