//! What one connection is doing and since when: waiting for a head, serving requests, or stuck on a client that does not read.
//!
//! Told by the socket (bytes in, writes that stall) and by the service (requests begun and ended); asked by the connection's
//! task, which cuts whoever is too slow. One rule for HTTP/1 and HTTP/2, and for a client that says nothing at all.

use crate::ServerLimits;
use crate::head_scan::HeadScan;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Shared by a connection's socket, service and task.
pub(crate) struct ConnectionClock {
    state: Mutex<State>,
}

struct State {
    /// Requests whose answer is not written yet.
    in_flight: usize,
    /// Requests so far.
    requests: u64,
    /// Since when there is none in flight.
    idle_since: Instant,
    /// Since when the head that is being read has been coming.
    head_since: Option<Instant>,
    head: HeadScan,
    http2: bool,
    /// Since when the client has taken nothing of what is written.
    stalled_since: Option<Instant>,
    /// The connection was handed to a stream, which has its own rules.
    upgraded: bool,
    /// Since when the connection is being closed.
    lingers_since: Option<Instant>,
}

/// What the connection's task does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is wrong before this moment.
    Fine(Instant),
    /// The client had its time: close at once.
    Cut,
    /// Nothing has been asked for a while: close in good order.
    Idle,
}

impl ConnectionClock {
    pub(crate) fn start() -> Self {
        let state = State {
            in_flight: 0,
            requests: 0,
            idle_since: Instant::now(),
            head_since: None,
            head: HeadScan::default(),
            http2: false,
            stalled_since: None,
            upgraded: false,
            lingers_since: None,
        };
        Self { state: Mutex::new(state) }
    }

    /// Bytes have come.
    pub(crate) fn received(&self, bytes: &[u8]) {
        let mut state = self.state.lock();
        if state.in_flight > 0 || state.upgraded || state.http2 || bytes.is_empty() {
            return;
        }
        state.head_since.get_or_insert_with(Instant::now);
        state.head.feed(bytes);
        if state.requests == 0 && state.head.is_http2() {
            state.http2 = true;
        }
    }

    /// A write made progress, or stalled.
    pub(crate) fn wrote(&self, progress: bool) {
        let mut state = self.state.lock();
        if progress {
            state.stalled_since = None;
        } else {
            state.stalled_since.get_or_insert_with(Instant::now);
        }
    }

    /// A request's head was read.
    pub(crate) fn request_begins(&self) -> HeadSeen {
        let mut state = self.state.lock();
        state.in_flight += 1;
        state.requests += 1;
        state.head_since = None;
        let head = std::mem::take(&mut state.head);
        HeadSeen { whole: state.http2 || head.ended(), framed_twice: head.framed_twice() }
    }

    /// A request's answer was written or given up.
    pub(crate) fn request_ends(&self) {
        let mut state = self.state.lock();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
    }

    /// The connection belongs to a stream from now on.
    pub(crate) fn upgraded(&self) {
        self.state.lock().upgraded = true;
    }

    /// The output has ended; the client's may go on for a moment.
    pub(crate) fn lingers(&self) {
        self.state.lock().lingers_since.get_or_insert_with(Instant::now);
    }

    /// What to do at this moment.
    pub(crate) fn verdict(&self, limits: &ServerLimits) -> Verdict {
        let state = self.state.lock();
        let now = Instant::now();
        if let Some(since) = state.lingers_since {
            return cut_or_wait(now, since, LINGER);
        }
        if let Some(stalled) = state.stalled_since {
            return cut_or_wait(now, stalled, limits.write_stall_time);
        }
        if state.in_flight > 0 || state.upgraded {
            return Verdict::Fine(now + LOOK_BUSY);
        }
        if let Some(since) = state.head_since.filter(|_| !state.http2) {
            return cut_or_wait(now, since, limits.header_time);
        }
        if state.requests == 0 {
            return cut_or_wait(now, state.idle_since, limits.header_time);
        }
        match cut_or_wait(now, state.idle_since, limits.idle_time) {
            Verdict::Cut => Verdict::Idle,
            // A head may begin at any time; its own limit is looked at soon enough after.
            Verdict::Fine(at) => Verdict::Fine(at.min(now + limits.header_time.min(LOOK_IDLE))),
            Verdict::Idle => Verdict::Idle,
        }
    }
}

/// What was seen of a request's head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadSeen {
    /// All of it: it was not sent before the answer to the request before it.
    pub(crate) whole: bool,
    /// Its body is framed in two ways.
    pub(crate) framed_twice: bool,
}

/// How long a closing connection still reads what the client is sending.
const LINGER: Duration = Duration::from_secs(2);
/// How often a busy connection is looked at: a stall begins unannounced.
const LOOK_BUSY: Duration = Duration::from_secs(1);
/// How often an idle connection is looked at: a head begins unannounced.
const LOOK_IDLE: Duration = Duration::from_secs(1);

fn cut_or_wait(now: Instant, since: Instant, limit: Duration) -> Verdict {
    let at = since + limit;
    if at <= now { Verdict::Cut } else { Verdict::Fine(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    fn cuts_after(clock: &ConnectionClock, limits: &ServerLimits) -> Option<Duration> {
        match clock.verdict(limits) {
            Verdict::Fine(at) => Some(at - Instant::now()),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_and_a_slow_head_are_cut() {
        let limits = ServerLimits::default();
        let clock = ConnectionClock::start();
        assert_eq!(cuts_after(&clock, &limits), Some(limits.header_time));
        advance(Duration::from_secs(4)).await;
        clock.received(b"GET");
        advance(Duration::from_secs(7)).await;
        clock.received(b" /");
        assert_eq!(cuts_after(&clock, &limits), Some(Duration::from_secs(3)), "counted from the first byte");
        advance(Duration::from_secs(3)).await;
        assert_eq!(clock.verdict(&limits), Verdict::Cut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_connection_goes_in_good_order() {
        let limits = ServerLimits::default();
        let clock = ConnectionClock::start();
        clock.received(HEAD);
        assert!(clock.request_begins().whole);
        advance(Duration::from_secs(600)).await;
        assert!(matches!(clock.verdict(&limits), Verdict::Fine(_)), "a request may take long");
        clock.request_ends();
        advance(Duration::from_secs(59)).await;
        assert!(matches!(clock.verdict(&limits), Verdict::Fine(_)));
        advance(Duration::from_secs(1)).await;
        assert_eq!(clock.verdict(&limits), Verdict::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut() {
        let limits = ServerLimits::default();
        let clock = ConnectionClock::start();
        clock.received(HEAD);
        clock.request_begins();
        clock.wrote(false);
        advance(Duration::from_secs(29)).await;
        clock.wrote(false);
        assert!(matches!(clock.verdict(&limits), Verdict::Fine(_)));
        advance(Duration::from_secs(1)).await;
        assert_eq!(clock.verdict(&limits), Verdict::Cut);
        clock.wrote(true);
        assert!(matches!(clock.verdict(&limits), Verdict::Fine(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_came_early_was_not_seen_whole() {
        let clock = ConnectionClock::start();
        clock.received(HEAD);
        clock.request_begins();
        clock.received(HEAD);
        clock.request_ends();
        assert!(!clock.request_begins().whole);
    }
}
