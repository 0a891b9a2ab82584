//! Who asks, once that is known.

use super::{KeyDigest, Peer, Scope, Scopes};
use crate::{ServiceError, ServiceErrorKind};
use samovar_runtime::{Call, Class, ClientKey, StreamKey};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

/// Who asks: a key's name, or where they ask from where no keys are configured. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What their jobs and streams are filed under.
    pub name: Arc<str>,
    /// What they may.
    pub scopes: Scopes,
    /// Whose turn their work takes: one for each key, so that many connections of one key have one share. Live streams have turns
    /// of their own, since a stream's newest frame displaces its older ones.
    pub client: ClientKey,
    /// By which connection they ask: those of one client share its turns evenly.
    pub connection: StreamKey,
    /// What their requests may hold, where that is less than everybody's.
    pub bounds: CallerBounds,
    /// Whether they ask from this machine: only such callers may name its shared memory.
    pub local: bool,
    standing: Standing,
    /// Of the secret that they have shown; none where no keys are configured.
    shown: Option<KeyDigest>,
}

/// What one caller's requests may hold; these only ever lower the server's own limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallerBounds {
    /// Bytes of a body or of a stream's message.
    pub body_bytes_max: Option<u64>,
    /// Texts, documents, pictures or rows of one request.
    pub items_max: Option<usize>,
}

impl CallerBounds {
    /// A limit of the server on bytes, as it holds for them.
    pub fn lowered(&self, bytes_max: usize) -> usize {
        let own = self.body_bytes_max.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        bytes_max.min(own)
    }
}

/// How it is known who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// By a key.
    Key,
    /// Not at all, but they are on this machine.
    Here,
    /// Not at all.
    Elsewhere,
}

impl Caller {
    /// Who asks where no keys are configured: may everything.
    pub fn anonymous(peer: &Peer) -> Self {
        Self {
            name: peer.address.to_string().into(),
            scopes: Scopes::ALL,
            client: peer.client(),
            connection: peer.connection,
            bounds: CallerBounds::default(),
            local: peer.address.is_loopback(),
            standing: if peer.address.is_loopback() { Standing::Here } else { Standing::Elsewhere },
            shown: None,
        }
    }

    /// A program of this machine where no keys are configured.
    pub fn local() -> Self {
        Self::anonymous(&Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), connection: StreamKey(0) })
    }

    /// Whoever has not shown a key yet: may nothing.
    pub fn nobody(peer: &Peer) -> Self {
        Self { scopes: Scopes::default(), standing: Standing::Key, ..Self::anonymous(peer) }
    }

    pub(super) const fn keyed(name: Arc<str>, scopes: Scopes, client: ClientKey, bounds: CallerBounds) -> Self {
        let connection = StreamKey(client.0);
        Self { name, scopes, client, connection, bounds, local: false, standing: Standing::Key, shown: None }
    }

    pub(super) fn having_shown(self, digest: KeyDigest) -> Self {
        Self { shown: Some(digest), ..self }
    }

    pub(super) const fn shown(&self) -> Option<KeyDigest> {
        self.shown
    }

    pub(super) fn asking_from(self, peer: &Peer) -> Self {
        Self { local: peer.address.is_loopback(), connection: peer.connection, ..self }
    }

    /// The terms on which their work is done: in their turn, and no later than that.
    pub const fn call(&self, class: Class, deadline: Instant) -> Call {
        let call = Call::new(class, self.connection).of_client(self.client);
        Call { deadline: Some(deadline), ..call }
    }

    /// The key's name; none where no keys are configured.
    pub fn key(&self) -> Option<&str> {
        (self.standing == Standing::Key).then_some(&*self.name)
    }

    /// Lets through who may do `scope`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require(&self, scope: Scope) -> Result<(), ServiceError> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        let message = format!("this needs a key with the scope `{}`", scope.name());
        Err(ServiceError::new(ServiceErrorKind::Forbidden, message))
    }

    /// Whether everybody's jobs and streams are listed for them: keys of administrators, and without keys programs of this machine.
    pub const fn sees_all(&self) -> bool {
        match self.standing {
            Standing::Key => self.scopes.has(Scope::Admin),
            Standing::Here => true,
            Standing::Elsewhere => false,
        }
    }

    /// Whether they may look at what belongs to `owner` (none: to the server itself) and whose name they know. Without keys that name,
    /// 128 bits of chance, is the secret; with keys it is not enough.
    pub fn may_see(&self, owner: Option<&str>) -> bool {
        self.standing != Standing::Key || self.sees_all() || owner == Some(&*self.name)
    }

    /// Lets a request of that many items through.
    ///
    /// # Errors
    /// `TooLarge` where the key may send fewer at once.
    pub fn require_items(&self, count: usize) -> Result<(), ServiceError> {
        match self.bounds.items_max {
            Some(most) if count > most => {
                let message = format!("the request has {count} items and this key may send {most} at once");
                Err(ServiceError::new(ServiceErrorKind::TooLarge { code: "too_many_items" }, message))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Caller {
        Caller::anonymous(&Peer { address: address.parse().unwrap(), connection: StreamKey(7) })
    }

    fn key(name: &str, scopes: Scopes) -> Caller {
        Caller::keyed(name.into(), scopes, ClientKey(1), CallerBounds::default())
    }

    #[test]
    fn this_machine_lists_everything_and_others_look_at_what_they_can_name() {
        assert!(at("127.0.0.1").sees_all() && at("::1").sees_all());
        let other = at("192.0.2.7");
        assert!(!other.sees_all() && other.may_see(Some("192.0.2.8")));
        assert_eq!((&*other.name, other.key()), ("192.0.2.7", None));
    }

    #[test]
    fn a_key_sees_its_own_and_an_administrator_all() {
        let own = key("site", Scopes::default().with(Scope::Jobs));
        assert!(own.may_see(Some("site")) && !own.may_see(Some("other")) && !own.may_see(None));
        let admin = key("root", Scopes::default().with(Scope::Admin));
        assert!(admin.sees_all() && admin.may_see(Some("site")) && admin.may_see(None));
    }

    #[test]
    fn a_scope_that_is_missing_is_named() {
        let error = key("site", Scopes::default().with(Scope::Infer)).require(Scope::Jobs).unwrap_err();
        assert_eq!(error.kind(), ServiceErrorKind::Forbidden);
        assert!(error.message().contains("`jobs`"), "{error}");
    }
}
