//! Asks a download to end, from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Ends the downloads of one [`Hub`](crate::Hub): those under way fail with `Cancelled`, keep what has arrived, and so do all later ones.
#[derive(Clone, Debug)]
pub struct Cancel {
    stopped: Arc<AtomicBool>,
    agent: ureq::Agent,
}

/// How soon a wait notices that it is to end.
const SLICE: Duration = Duration::from_millis(50);

impl Cancel {
    pub(crate) fn new(agent: ureq::Agent) -> Self {
        Self { stopped: Arc::default(), agent }
    }

    /// Ends them. A read that waits for a silent server ends at once; a connection that is being made within its limit.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.agent.clone().shutdown();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Waits, unless it is to end. False: it is.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let begin = Instant::now();
        while !self.is_stopped() {
            let left = delay.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(SLICE));
        }
        false
    }
}
