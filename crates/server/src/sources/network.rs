//! Networks by number, and which of them are the open internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network, such as `10.1.0.0/16`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// In IPv6 form, so that there is one comparison.
    base: u128,
    /// Leading bits that are the network's.
    bits: u32,
}

impl Network {
    /// None where the text is no network.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(width), |bits| bits.parse().ok()).filter(|bits| *bits <= width)?;
        Some(Self { base: number(address), bits: 128 - width + bits })
    }

    /// An IPv4 address that is written as IPv6 is the IPv4 address.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let differing = number(address) ^ self.base;
        differing.leading_zeros() >= self.bits
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Whether the address is one that anybody may be reached at: not this machine, a private, local, shared or special network (RFC 6890).
pub(super) fn is_open_internet(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_open_v4(address),
        IpAddr::V6(address) => is_open_v6(address),
    }
}

fn is_open_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special =
        matches!((a, b, c), (0 | 10 | 127 | 240..=255, ..) | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _))
            || matches!(
                (a, b, c),
                (192, 0, 0 | 2) | (192, 168, _) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113)
            );
    !special && !address.is_multicast()
}

/// Only global unicast is open; within it, what carries an IPv4 address is not, nor is what documents and tests use.
fn is_open_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = (0x2000..0x4000).contains(&a);
    let special = a == 0x2002 || (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || (a == 0x3fff && b < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_own_addresses() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.1.0.0/16", "10.1.255.255") && !holds("10.1.0.0/16", "10.2.0.0"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("10.0.0.0/8", "::ffff:10.0.0.1"), "the same address, written otherwise");
        assert!(holds("fd00::/8", "fdff::1") && !holds("fd00::/8", "fe00::1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "2600::1"));
        for text in ["", "camera", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "*"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_open_internet_is_what_it_is() {
        for address in ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_open_internet(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "::1",
            "10.9.9.9",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "fe80::1",
        ] {
            assert!(!is_open_internet(address.parse().unwrap()), "{address}");
        }
    }
}
