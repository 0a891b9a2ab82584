//! Where a request comes from.

use super::digest::number;
use samovar_runtime::{ClientKey, StreamKey};
use std::net::IpAddr;

/// Where a request comes from: an address, and the connection that it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address, IPv4 as such.
    pub address: IpAddr,
    /// A key that no other connection has.
    pub connection: StreamKey,
}

impl Peer {
    /// Whose turn requests take where no key tells: the address's, or whoever opens more connections would get more. Programs of one
    /// address share its turns by connection; those that shall have even shares however many they open need keys.
    pub fn client(&self) -> ClientKey {
        match self.address {
            IpAddr::V4(address) => client_of(b"address", &address.octets()),
            IpAddr::V6(address) => client_of(b"address", &network(address.octets())),
        }
    }
}

/// The client of that name among those of its kind. Live streams and jobs count from 0 and never get there.
pub(super) fn client_of(kind: &[u8], name: &[u8]) -> ClientKey {
    ClientKey(number(&[kind, b" ", name].concat()) | 1 << 63)
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

    fn client(address: &str, connection: u64) -> ClientKey {
        Peer { address: address.parse().unwrap(), connection: StreamKey(connection) }.client()
    }

    #[test]
    fn an_address_is_one_client_by_however_many_connections() {
        assert_eq!(client("127.0.0.1", 1), client("127.0.0.1", 2));
        assert_ne!(client("127.0.0.1", 1), client("127.0.0.2", 1));
        assert_ne!(client("192.0.2.7", 1), client("192.0.2.8", 1));
        assert_eq!(client("2001:db8::1", 1), client("2001:db8::2", 2), "one network is one client");
    }
}
