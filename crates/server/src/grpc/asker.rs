//! Who makes a call, and until when they wait.

use super::deadline::CallDeadline;
use crate::app::App;
use crate::connection::Peer;
use http::Extensions;
use samovar_service::access::Caller;
use tonic::Status;

/// Who makes a call, and until when they wait.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) caller: Caller,
    pub(super) deadline: CallDeadline,
}

impl Asker {
    /// Who makes the call that has these extensions.
    pub(super) fn of(extensions: &Extensions) -> Result<Self, Status> {
        let peer = extensions.get::<Peer>().ok_or_else(|| Status::internal("the call came by no connection"))?;
        let deadline = extensions.get::<CallDeadline>().copied().unwrap_or_default();
        Ok(Self { caller: peer.caller.clone(), deadline })
    }

    /// Bytes that one of their messages may have.
    pub(super) fn message_bytes_max(&self, app: &App) -> usize {
        let own = self.caller.bounds.body_bytes_max.and_then(|most| usize::try_from(most).ok());
        own.map_or(app.options.limits.body_bytes_max, |most| most.min(app.options.limits.body_bytes_max))
    }
}
