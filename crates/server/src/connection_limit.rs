//! How many connections there may be, in all and of one client.

use crate::{Metrics, ServerLimits};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
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
    /// By what one client has: an address of IPv4, a network of IPv6.
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
        let own = network(client);
        let of_client = counts.clients.get(&own).copied().unwrap_or(0);
        if counts.all >= self.max || of_client >= self.per_client_max {
            self.metrics.connections_refused.inc();
            return None;
        }
        counts.all += 1;
        counts.clients.insert(own, of_client + 1);
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
        let own = network(self.client);
        if let Some(count) = counts.clients.get_mut(&own) {
            *count -= 1;
            if *count == 0 {
                counts.clients.remove(&own);
            }
        }
        self.limit.metrics.connections.dec();
    }
}

/// Whoever has an address of IPv6 has its whole network, 64 bits of addresses, to choose from.
fn network(client: IpAddr) -> IpAddr {
    const NETWORK: u128 = !(u64::MAX as u128);
    match client {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
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

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let limits = ServerLimits { connections_per_client_max: 2, ..ServerLimits::default() };
        let limit = ConnectionLimit::new(&limits, Arc::new(Metrics::new()));
        let enter = |address: &str| limit.enter(address.parse().unwrap());
        let (first, second) = (enter("2001:db8::1"), enter("2001:db8::2:1"));
        assert_eq!(first.as_ref().unwrap().client().to_string(), "2001:db8::1");
        assert!(second.is_some() && enter("2001:db8::ffff:1").is_none());
        let others = [enter("2001:db8:0:1::1"), enter("::ffff:10.0.0.1"), enter("::ffff:10.0.0.2")];
        assert!(others.iter().all(Option::is_some));
        drop((first, second, others));
        assert!(limit.counts.lock().clients.is_empty());
    }
}
