//! One budget of bytes for the bodies of all requests that are being answered.
//!
//! A body is held from its first byte until its request is answered, so the limit on one body times the requests that may be open is
//! no bound that a machine could keep. What a body declares is set aside before it is read: under load whole requests are refused at
//! once and the others finish, where taking what comes would let all of them fail half-way.

use crate::{Metrics, ServerLimits};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of bodies that the server may hold.
pub(crate) struct BodyBudget {
    held: Level,
    /// What one connection may have of them.
    connection_max: u64,
    metrics: Arc<Metrics>,
}

/// One connection's part of the budget.
pub(crate) struct ConnectionBodies {
    budget: Arc<BodyBudget>,
    held: Level,
}

/// What one request holds of it; its drop gives all back.
pub(crate) struct BodyCharge {
    connection: Arc<ConnectionBodies>,
    bytes: AtomicU64,
}

/// There is no room for so many bytes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl BodyBudget {
    /// A quarter of it is one connection's, or two of the largest bodies where that is more: a stream of messages reads one while it
    /// answers another.
    pub(crate) fn new(limits: &ServerLimits, metrics: Arc<Metrics>) -> Arc<Self> {
        let (all, one) = (limits.bodies_bytes_max as u64, limits.body_bytes_max as u64);
        Arc::new(Self { held: Level::up_to(all), connection_max: (all / 4).max(2 * one), metrics })
    }

    /// The part of a new connection.
    pub(crate) fn connection(self: &Arc<Self>) -> Arc<ConnectionBodies> {
        Arc::new(ConnectionBodies { budget: Arc::clone(self), held: Level::up_to(self.connection_max) })
    }

    /// Bytes that are held now.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held.bytes.load(Ordering::Relaxed)
    }
}

impl ConnectionBodies {
    /// For a request that begins; nothing is held yet.
    pub(crate) fn begin(self: &Arc<Self>) -> Arc<BodyCharge> {
        Arc::new(BodyCharge { connection: Arc::clone(self), bytes: AtomicU64::new(0) })
    }
}

impl BodyCharge {
    /// Holds so many bytes more.
    ///
    /// # Errors
    /// The connection or the server holds as many as it may; nothing was taken.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), NoRoom> {
        let ConnectionBodies { budget, held } = &*self.connection;
        let taken = held.take(bytes).and_then(|()| budget.held.take(bytes).inspect_err(|NoRoom| held.give_back(bytes)));
        match taken {
            Ok(()) => self.bytes.fetch_add(bytes, Ordering::Relaxed),
            Err(NoRoom) => budget.metrics.bodies_refused.inc(),
        };
        taken
    }

    /// Of a stream of messages: so many bytes were answered.
    pub(crate) fn give_back(&self, bytes: u64) {
        let less = |held: u64| Some(held.saturating_sub(bytes));
        let before = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or(0);
        self.release(before.min(bytes));
    }

    fn release(&self, bytes: u64) {
        self.connection.held.give_back(bytes);
        self.connection.budget.held.give_back(bytes);
    }
}

impl Drop for BodyCharge {
    fn drop(&mut self) {
        self.release(self.bytes.load(Ordering::Relaxed));
    }
}

/// A count with a limit.
struct Level {
    bytes: AtomicU64,
    max: u64,
}

impl Level {
    const fn up_to(max: u64) -> Self {
        Self { bytes: AtomicU64::new(0), max }
    }

    fn take(&self, bytes: u64) -> Result<(), NoRoom> {
        let more = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= self.max);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_or(Err(NoRoom), |_| Ok(()))
    }

    fn give_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Arc<BodyBudget> {
        let limits = ServerLimits { bodies_bytes_max: 1_000, body_bytes_max: 200, ..ServerLimits::default() };
        BodyBudget::new(&limits, Arc::default())
    }

    #[test]
    fn neither_the_server_nor_one_connection_holds_more_than_it_may() {
        let budget = budget();
        let (first, second, third) = (budget.connection(), budget.connection(), budget.connection());
        let held: Vec<_> = [&first, &second].map(ConnectionBodies::begin).into();
        assert_eq!(held[0].take(300), Ok(()));
        let beside = first.begin();
        assert_eq!(beside.take(101), Err(NoRoom), "of the connection");
        assert_eq!(beside.take(100), Ok(()));
        assert_eq!(held[1].take(400), Ok(()));
        let last = third.begin();
        assert_eq!((last.take(201), last.take(200)), (Err(NoRoom), Ok(())), "of the server");
        assert_eq!((budget.held_bytes(), last.take(u64::MAX)), (1_000, Err(NoRoom)));
        drop((held, beside, last));
        assert_eq!((budget.held_bytes(), budget.metrics.bodies_refused.get()), (0, 3));
        assert_eq!(first.begin().take(400), Ok(()));
    }

    #[test]
    fn a_stream_gives_back_what_it_took_and_no_more() {
        let budget = budget();
        let connection = budget.connection();
        let stream = connection.begin();
        stream.take(100).unwrap();
        stream.give_back(60);
        assert_eq!(budget.held_bytes(), 40);
        stream.give_back(60);
        assert_eq!(budget.held_bytes(), 0);
        drop(stream);
        assert_eq!(budget.held_bytes(), 0);
    }
}
