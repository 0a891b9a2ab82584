//! Whose a job is, and whose jobs somebody may see. The one place that tells: keys will be looked at here.

use crate::connection::Peer;
use std::net::IpAddr;

/// Who asks. Nobody proves who they are, so it is where they ask from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// What their jobs are filed under.
    pub(crate) owner: String,
    /// Whether they may list everybody's: programs of this very machine.
    sees_all: bool,
}

impl Caller {
    pub(crate) fn of(peer: &Peer) -> Self {
        Self::at(peer.permit.client())
    }

    fn at(client: IpAddr) -> Self {
        Self { owner: client.to_string(), sees_all: client.is_loopback() }
    }

    /// Whose jobs are listed; none: everybody's. A job's name is a secret of 128 bits, so that whoever knows it may ask for it.
    pub(crate) fn listed(&self) -> Option<String> {
        (!self.sees_all).then(|| self.owner.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_lists_all_jobs_and_others_list_their_own() {
        let listed = |client: &str| Caller::at(client.parse().unwrap()).listed();
        assert_eq!((listed("127.0.0.1"), listed("::1")), (None, None));
        assert_eq!(listed("192.0.2.7").as_deref(), Some("192.0.2.7"));
    }
}
