//! Tries with keys that nobody has, by the address that they come from.
//!
//! Past the rate a wrong key is answered with 429 instead of 401. A right key is always let through: secrets have 256 bits, so that
//! guessing is hopeless at any rate, and one program with an old key must not shut out all others behind its address.

use super::bucket::Bucket;
use super::peer::network;
use super::{Now, Rate};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Failed tries of every address; bounded.
#[derive(Debug, Default)]
pub(super) struct FailedTries(Mutex<HashMap<Origin, Bucket>>);

/// One client: an address of IPv4, a network of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    V4([u8; 4]),
    V6([u8; 8]),
}

/// Twenty at once, then one a second.
const RATE: Rate = Rate { per_s: 1.0, burst: 20.0 };
const ORIGINS_MAX: usize = 4_096;

impl FailedTries {
    /// One more failed try.
    ///
    /// # Errors
    /// There were too many; how long to wait.
    pub(super) fn count(&self, address: IpAddr, now: Now) -> Result<(), Duration> {
        let mut origins = self.0.lock();
        let origin = Origin::of(address);
        if origins.len() >= ORIGINS_MAX && !origins.contains_key(&origin) {
            make_room(&mut origins, now);
        }
        origins.entry(origin).or_insert_with(|| Bucket::full(&RATE, now.clock)).take(&RATE, now.clock)
    }
}

impl Origin {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => Self::V6(network(address.octets())),
        }
    }
}

/// Forgets who has been quiet; where nobody has, anybody.
fn make_room(origins: &mut HashMap<Origin, Bucket>, now: Now) {
    origins.retain(|_, bucket| !bucket.is_full(&RATE, now.clock));
    let any = origins.keys().next().copied().filter(|_| origins.len() >= ORIGINS_MAX);
    if let Some(any) = any {
        origins.remove(&any);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_is_slowed_down_and_others_are_not() {
        let (tries, start) = (FailedTries::default(), Now::here());
        let count = |last, now| tries.count(Ipv4Addr::new(192, 0, 2, last).into(), now).is_ok();
        assert_eq!((0..100).filter(|_| count(1, start)).count(), 20);
        assert!(count(2, start));
        let later = Now { clock: start.clock + Duration::from_secs(5), ..start };
        assert_eq!((0..100).filter(|_| count(1, later)).count(), 5);
    }

    #[test]
    fn the_table_stays_bounded() {
        let (tries, start) = (FailedTries::default(), Now::here());
        for number in 0..20_000_u32 {
            let at = Now { clock: start.clock + Duration::from_micros(number.into()), ..start };
            assert!(tries.count(Ipv4Addr::from_bits(number).into(), at).is_ok());
        }
        assert_eq!(tries.0.lock().len(), ORIGINS_MAX);
    }
}
