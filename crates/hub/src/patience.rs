//! How often a failed attempt is followed by another, and after how long.

use crate::cancel::Cancel;
use crate::error::{HubError, HubErrorKind};
use crate::event::Event;
use crate::fault::Fault;
use crate::settings::HubLimits;
use std::time::Duration;

/// Counts attempts that bring nothing new. One that brings something begins the count anew, so that a large file comes
/// through a bad line.
pub(crate) struct Patience<'a> {
    limits: &'a HubLimits,
    cancel: &'a Cancel,
    failed: u32,
    best_bytes: u64,
}

/// Less than this is no headway: a server that gives a byte and hangs up must not be asked for ever.
const HEADWAY_BYTES: u64 = 1 << 20;

impl<'a> Patience<'a> {
    pub(crate) fn new(limits: &'a HubLimits, cancel: &'a Cancel) -> Self {
        Self { limits, cancel, failed: 0, best_bytes: 0 }
    }

    /// Tells how much of the file is here.
    pub(crate) fn reached(&mut self, bytes: u64) {
        if bytes >= self.best_bytes.saturating_add(HEADWAY_BYTES) {
            self.best_bytes = bytes;
            self.failed = 0;
        }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// Where no further one is to be made: why the last one failed.
    pub(crate) fn after(&mut self, fault: Fault, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), HubError> {
        if self.cancel.is_stopped() {
            return Err(HubError::cancelled());
        }
        let (reason, retry_after) = match fault {
            Fault::Final(error) => return Err(error),
            Fault::Passing { reason, retry_after } => (reason, retry_after),
        };
        self.failed += 1;
        if retry_after.is_some_and(|delay| delay > self.limits.retry_after_max) {
            let seconds = retry_after.unwrap_or_default().as_secs();
            return Err(HubError::new(HubErrorKind::Busy, format!("{reason}; it says to come again in {seconds} s")));
        }
        if self.failed >= self.limits.attempts {
            let kind = if retry_after.is_some() { HubErrorKind::Busy } else { HubErrorKind::Network };
            return Err(HubError::new(kind, format!("{reason} (attempt {} of {})", self.failed, self.limits.attempts)));
        }
        let delay = retry_after.unwrap_or_else(|| self.backoff());
        tell(Event::Retry { reason: &reason, delay });
        if self.cancel.wait(delay) { Ok(()) } else { Err(HubError::cancelled()) }
    }

    fn backoff(&self) -> Duration {
        self.limits.backoff.saturating_mul(1 << (self.failed.clamp(1, 6) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(faults: impl IntoIterator<Item = (u64, Fault)>) -> (Vec<u128>, Option<HubErrorKind>) {
        let limits = HubLimits { backoff: Duration::from_micros(100), ..HubLimits::default() };
        let cancel = Cancel::new(ureq::Agent::new_with_defaults());
        let mut patience = Patience::new(&limits, &cancel);
        let mut delays = Vec::new();
        for (bytes, fault) in faults {
            patience.reached(bytes);
            let mut tell = |event: Event<'_>| {
                if let Event::Retry { delay, .. } = event {
                    delays.push(delay.as_micros());
                }
            };
            if let Err(error) = patience.after(fault, &mut tell) {
                return (delays, Some(error.kind()));
            }
        }
        (delays, None)
    }

    #[test]
    fn waits_grow_and_end() {
        let faults = (0..9).map(|_| (0, Fault::passing("x")));
        assert_eq!(delays(faults), (vec![100, 200, 400, 800], Some(HubErrorKind::Network)));
    }

    #[test]
    fn headway_begins_the_count_anew() {
        let faults = (1..=12).map(|step| (step * HEADWAY_BYTES, Fault::passing("x")));
        assert_eq!(delays(faults), (vec![100; 12], None));
        let faults = (1..=12).map(|step| (step, Fault::passing("x")));
        assert_eq!(delays(faults).1, Some(HubErrorKind::Network));
    }

    #[test]
    fn what_the_server_says_goes_before() {
        let busy =
            |seconds| Fault::Passing { reason: "busy".to_owned(), retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(delays([(0, busy(0)), (0, Fault::passing("x"))]).0, [0, 200]);
        assert_eq!(delays([(0, busy(3_600))]), (vec![], Some(HubErrorKind::Busy)));
        assert_eq!(delays((0..9).map(|_| (0, busy(0)))), (vec![0; 4], Some(HubErrorKind::Busy)));
    }
}
