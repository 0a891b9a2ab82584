//! How many connections there may be, in all and of one client.

use crate::{Metrics, ServerLimits};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Counts open connections. The table has an entry only for clients that have one open, so it is bounded by their limit.
pub(crate) struct ConnectionLimit {
    max: usize,
    per_client_max: usize,
    counts: Mutex<Counts>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    clients: HashMap<IpAddr, usize>,
}

/// The right to one open connection; dropped when it closes. A stream holds on to its connection's.
pub(crate) struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    client: IpAddr,
}

impl ConnectionLimit {
    pub(crate) fn new(limits: &ServerLimits, metrics: Arc<Metrics>) -> Arc<Self> {
        let (max, per_client_max) = (limits.connections_max, limits.connections_per_client_max);
        Arc::new(Self { max, per_client_max, counts: Mutex::default(), metrics })
    }

    /// A permit for one more connection of `client`, unless a limit is reached.
    pub(crate) fn enter(self: &Arc<Self>, client: IpAddr) -> Option<ConnectionPermit> {
        let client = client.to_canonical();
        let mut counts = self.counts.lock();
        let of_client = counts.clients.get(&client).copied().unwrap_or(0);
        if counts.all >= self.max || of_client >= self.per_client_max {
            self.metrics.connections_refused.inc();
            return None;
        }
        counts.all += 1;
        counts.clients.insert(client, of_client + 1);
        self.metrics.connections.inc();
        Some(ConnectionPermit { limit: Arc::clone(self), client })
    }
}

impl ConnectionPermit {
    /// Who is connected.
    pub(crate) const fn client(&self) -> IpAddr {
        self.client
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.limit.counts.lock();
        counts.all -= 1;
        if let Some(count) = counts.clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.clients.remove(&self.client);
            }
        }
        self.limit.metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let limits = ServerLimits { connections_max: 3, connections_per_client_max: 2, ..ServerLimits::default() };
        let limit = ConnectionLimit::new(&limits, Arc::new(Metrics::new()));
        let client = |last| IpAddr::from(Ipv4Addr::new(10, 0, 0, last));
        let first = limit.enter(client(1));
        let second = limit.enter(client(1));
        assert!(first.is_some() && second.is_some());
        assert!(limit.enter(client(1)).is_none(), "a third of one client");
        let third = limit.enter(client(2));
        assert!(third.is_some());
        assert!(limit.enter(client(3)).is_none(), "a fourth in all");
        drop((first, second, third));
        assert!(limit.counts.lock().clients.is_empty());
        assert_eq!(limit.metrics.connections.get(), 0);
        assert!(limit.enter(client(1)).is_some());
    }
}
