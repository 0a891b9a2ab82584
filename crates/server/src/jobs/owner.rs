//! Whose a job is, and whose jobs somebody may see. The one place that tells: keys will be looked at here.

use crate::connection::Peer;

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
        let client = peer.permit.client();
        Self { owner: client.to_string(), sees_all: client.is_loopback() }
    }

    /// Whose jobs are listed; none: everybody's. A job's name is a secret of 128 bits, so that whoever knows it may ask for it.
    pub(crate) fn listed(&self) -> Option<String> {
        (!self.sees_all).then(|| self.owner.clone())
    }
}
