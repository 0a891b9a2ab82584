//! When a lost source is opened again: waits that grow, begin anew after a time of frames, and keep tries a second apart.

use super::ReconnectPolicy;
use samovar_runtime::Backoff;
use std::time::Duration;

/// The tries of one source. Pure: the time, monotonic, and chance are arguments.
#[derive(Clone, Debug)]
pub(super) struct Reconnect {
    policy: ReconnectPolicy,
    /// Waits of a source that was live lately.
    near: Backoff,
    /// Waits of all others.
    far: Backoff,
    /// When the last try began.
    tried_at: Option<Duration>,
    /// Since when it gives frames; none while it does not.
    live_since: Option<Duration>,
    /// When the last frame came.
    frame_at: Option<Duration>,
    tries: u32,
}

/// Tries begin at least this far apart, whatever happens.
pub(super) const TRIES_APART: Duration = Duration::from_secs(1);

impl Reconnect {
    pub(super) fn new(policy: ReconnectPolicy) -> Self {
        let near = Backoff::new(policy.first, policy.near_max);
        let far = Backoff::new(policy.first, policy.far_max);
        Self { policy, near, far, tried_at: None, live_since: None, frame_at: None, tries: 0 }
    }

    /// A try begins. Tells which since the source was last live, from 1.
    pub(super) fn begin(&mut self, now: Duration) -> u32 {
        self.tried_at = Some(now);
        self.live_since = None;
        self.tries = self.tries.saturating_add(1);
        self.tries
    }

    /// A frame came.
    pub(super) fn frame(&mut self, now: Duration) {
        let since = *self.live_since.get_or_insert(now);
        self.frame_at = Some(now);
        self.tries = 0;
        if now.saturating_sub(since) >= self.policy.settled {
            self.near.reset();
            self.far.reset();
        }
    }

    /// How long to wait after a try that failed, or a source that was lost. `jitter` is from 0 to 1.
    pub(super) fn wait(&mut self, now: Duration, jitter: f64) -> Duration {
        let lately = self.frame_at.is_some_and(|at| now.saturating_sub(at) <= self.policy.lately);
        let backoff = if lately { &mut self.near } else { &mut self.far };
        backoff.next_wait(jitter).max(self.wait_min(now))
    }

    /// How long to wait where nothing is wrong with the source: until the last try is a second ago.
    pub(super) fn wait_min(&self, now: Duration) -> Duration {
        self.tried_at.map_or(Duration::ZERO, |at| (at + TRIES_APART).saturating_sub(now))
    }

    /// Tries since it was last live.
    pub(super) const fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The waits of a source that fails at once, time after time.
    fn failing(reconnect: &mut Reconnect, now: &mut Duration, count: usize, jitter: f64) -> Vec<u64> {
        let wait = |_| {
            reconnect.begin(*now);
            let wait = reconnect.wait(*now, jitter);
            *now += wait;
            wait.as_secs()
        };
        (0..count).map(wait).collect()
    }

    #[test]
    fn a_source_that_never_was_live_is_tried_ever_less_often() {
        let mut reconnect = Reconnect::new(ReconnectPolicy::default());
        assert_eq!(failing(&mut reconnect, &mut s(0), 7, 1.0), [2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(reconnect.tries(), 7);
        let mut reconnect = Reconnect::new(ReconnectPolicy::default());
        assert_eq!(failing(&mut reconnect, &mut s(0), 7, 0.0), [1, 2, 4, 8, 15, 15, 15], "jitter takes half at most");
    }

    #[test]
    fn one_that_was_live_lately_is_tried_often_and_then_as_the_others() {
        let mut reconnect = Reconnect::new(ReconnectPolicy::default());
        reconnect.begin(s(0));
        reconnect.frame(s(1));
        let mut now = s(1);
        assert_eq!(failing(&mut reconnect, &mut now, 4, 1.0), [2, 3, 3, 3]);
        now = s(700);
        assert_eq!(failing(&mut reconnect, &mut now, 3, 1.0), [2, 4, 8]);
    }

    #[test]
    fn waits_begin_anew_once_frames_came_for_a_while() {
        let mut reconnect = Reconnect::new(ReconnectPolicy::default());
        let mut now = s(0);
        failing(&mut reconnect, &mut now, 6, 1.0);
        reconnect.begin(now);
        reconnect.frame(now);
        reconnect.frame(now + s(9));
        assert_eq!(failing(&mut reconnect.clone(), &mut (now + s(2000)), 1, 1.0), [30], "nine seconds are no while");
        reconnect.frame(now + s(10));
        assert_eq!(reconnect.tries(), 0);
        assert_eq!(failing(&mut reconnect, &mut (now + s(2000)), 2, 1.0), [2, 4]);
    }

    #[test]
    fn tries_are_a_second_apart_even_where_nothing_is_wrong() {
        let mut reconnect = Reconnect::new(ReconnectPolicy { first: Duration::ZERO, ..ReconnectPolicy::default() });
        assert_eq!(reconnect.wait_min(s(0)), s(0));
        reconnect.begin(s(5));
        assert_eq!(reconnect.wait_min(s(5)), s(1));
        assert_eq!(reconnect.wait(s(5), 0.0), s(1));
        assert_eq!(reconnect.wait_min(s(7)), s(0));
    }
}
