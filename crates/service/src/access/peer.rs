//! Where a request comes from.

use super::digest::number;
use samovar_runtime::StreamKey;
use std::net::IpAddr;

/// Where a request comes from: an address, and the connection that it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address, IPv4 as such.
    pub address: IpAddr,
    /// A turn that no other connection has.
    pub connection: StreamKey,
}

impl Peer {
    /// Whose turn requests take where no key tells. On this machine every program has the same address, so it is the connection's;
    /// from elsewhere it is the address's, or whoever opens more connections would get more. Programs of one machine that shall have
    /// even shares however many connections they open need keys.
    pub fn turn(&self) -> StreamKey {
        match self.address {
            address if address.is_loopback() => self.connection,
            IpAddr::V4(address) => turn_of(b"address", &address.octets()),
            IpAddr::V6(address) => turn_of(b"address", &network(address.octets())),
        }
    }
}

/// The turn of what has that name among those of its kind. Turns of connections count from 0 and never get there.
pub(super) fn turn_of(kind: &[u8], name: &[u8]) -> StreamKey {
    StreamKey(number(&[kind, b" ", name].concat()) | 1 << 63)
}

/// What one client has of the addresses of IPv6: 64 bits of its network, the rest chosen at will.
pub(super) fn network(octets: [u8; 16]) -> [u8; 8] {
    let mut network = [0; 8];
    network.copy_from_slice(&octets[..8]);
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(address: &str, connection: u64) -> StreamKey {
        Peer { address: address.parse().unwrap(), connection: StreamKey(connection) }.turn()
    }

    #[test]
    fn connections_of_this_machine_have_a_turn_each_and_other_machines_one() {
        assert_ne!(turn("127.0.0.1", 1), turn("127.0.0.1", 2));
        assert_eq!(turn("192.0.2.7", 1), turn("192.0.2.7", 2));
        assert_ne!(turn("192.0.2.7", 1), turn("192.0.2.8", 1));
        assert_eq!(turn("2001:db8::1", 1), turn("2001:db8::2", 2), "one network is one client");
    }
}
