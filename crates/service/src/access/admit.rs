//! The decision: from what a request brings along to who asks.

use super::tries::FailedTries;
use super::{CallPlace, Caller, KeySpec, Keyring, KeyringError, Peer};
use crate::{ServiceError, ServiceErrorKind};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// Who may ask. One value for every wire.
#[derive(Debug)]
pub struct Access {
    /// None: nobody is asked for a key.
    keys: Option<ArcSwap<Keyring>>,
    tries: FailedTries,
    /// Told of whenever the keys were replaced.
    replaced: watch::Sender<()>,
}

/// A request that may go on.
#[derive(Debug)]
pub struct Admission {
    /// Who asks.
    pub caller: Caller,
    /// The key's place for one more open request, held until it is answered; none where no keys are configured.
    pub guard: Option<CallPlace>,
}

/// The moment of a decision, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For rates; never goes back.
    pub clock: Instant,
    /// For the days on which keys expire.
    pub wall: SystemTime,
}

impl Now {
    /// This moment.
    pub fn here() -> Self {
        Self { clock: Instant::now(), wall: SystemTime::now() }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::open()
    }
}

impl Access {
    /// Nobody is asked for a key.
    pub fn open() -> Self {
        Self { keys: None, tries: FailedTries::default(), replaced: watch::Sender::default() }
    }

    /// Whoever asks has one of these keys; with none of them, nobody may.
    pub fn keyed(keys: Keyring) -> Self {
        Self { keys: Some(ArcSwap::from_pointee(keys)), ..Self::open() }
    }

    /// Whether keys are asked for. Never changes.
    pub const fn asks(&self) -> bool {
        self.keys.is_some()
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.load().len())
    }

    /// Puts these keys in the place of those before. Requests that were let in go on; streams end whose key is gone. Nothing where no
    /// keys are asked for.
    ///
    /// # Errors
    /// What is wrong with them; those before stay.
    pub fn replace(&self, specs: &[KeySpec]) -> Result<(), KeyringError> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let successor = keys.load().succeeded_by(specs)?;
        keys.store(Arc::new(successor));
        self.replaced.send_replace(());
        Ok(())
    }

    /// Lets one request in, now.
    ///
    /// # Errors
    /// `Unauthenticated`: no key, or none that is known; `RateLimited`: the key's rate or places are used up, or the address has tried
    /// too many wrong ones.
    pub fn admit(&self, secret: Option<&str>, peer: &Peer) -> Result<Admission, ServiceError> {
        self.admit_at(secret, peer, Now::here())
    }

    /// Lets one request in at that moment.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub fn admit_at(&self, secret: Option<&str>, peer: &Peer, now: Now) -> Result<Admission, ServiceError> {
        let Some(keys) = &self.keys else {
            return Ok(Admission { caller: Caller::anonymous(peer), guard: None });
        };
        let secret = secret.ok_or_else(unknown)?;
        let keys = keys.load();
        let Some(key) = keys.find(secret, now) else {
            self.tries.count(peer.address, now).map_err(too_many_tries)?;
            return Err(unknown());
        };
        let (caller, guard) = key.enter(now)?;
        Ok(Admission { caller: caller.asking_from(peer), guard: Some(guard) })
    }

    /// Counts one more request of a caller who was let in with a stream of them, by the keys as they are now.
    ///
    /// # Errors
    /// `Unauthenticated`: the key is gone, has expired or was made anew meanwhile; `RateLimited`: its rate is used up.
    pub fn admit_again(&self, caller: &Caller) -> Result<(), ServiceError> {
        self.admit_again_at(caller, Now::here())
    }

    /// Counts one more request at that moment.
    ///
    /// # Errors
    /// As [`admit_again`](Self::admit_again).
    pub fn admit_again_at(&self, caller: &Caller, now: Now) -> Result<(), ServiceError> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let keys = keys.load();
        keys.of(caller, now).ok_or_else(unknown)?.ask(now)
    }

    /// Waits until the key of a caller who was let in is gone: expired, removed, with another secret, or allowed less. For ever where no
    /// keys are asked for.
    pub async fn revoked(&self, caller: &Caller) -> ServiceError {
        let mut replaced = self.replaced.subscribe();
        while let Some(left) = self.left(caller, Now::here()) {
            // The end of a wait that is over proves nothing: clocks are set.
            let waited = tokio::time::timeout(left.min(LOOK_AGAIN), replaced.changed()).await;
            debug_assert!(!matches!(waited, Ok(Err(_))), "who tells of new keys lives as long as this");
        }
        let message = "the key that this was opened with has expired or was revoked";
        ServiceError::new(ServiceErrorKind::Unauthenticated, message)
    }

    /// How long the caller's key is still known; none: no longer.
    fn left(&self, caller: &Caller, now: Now) -> Option<Duration> {
        let Some(keys) = &self.keys else { return Some(Duration::MAX) };
        keys.load().of(caller, now).map(|key| key.left(now))
    }
}

/// How often a key that expires is looked at again: the day may come sooner than its clock said.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The same whatever was wrong: no key, an unknown one, one that has expired.
fn unknown() -> ServiceError {
    ServiceError::new(ServiceErrorKind::Unauthenticated, "this needs a key that the server knows")
}

fn too_many_tries(retry_after: Duration) -> ServiceError {
    let message = "too many wrong keys came from this address";
    ServiceError::new(ServiceErrorKind::RateLimited { retry_after }, message)
}

#[cfg(test)]
mod tests {
    use super::super::{KeyDigest, Rate, Scope, Scopes};
    use super::*;
    use samovar_runtime::StreamKey;

    fn peer() -> Peer {
        Peer { address: [192, 0, 2, 1].into(), connection: StreamKey(3) }
    }

    fn key(name: &str, secret: &str) -> KeySpec {
        KeySpec { scopes: Scopes::default().with(Scope::Infer), ..KeySpec::new(name, KeyDigest::of(secret)) }
    }

    fn access(specs: &[KeySpec]) -> Access {
        Access::keyed(Keyring::new(specs).unwrap())
    }

    fn kind(outcome: Result<Admission, ServiceError>) -> Option<ServiceErrorKind> {
        outcome.err().map(|error| error.kind())
    }

    #[test]
    fn without_keys_everybody_may_everything() {
        let admission = Access::open().admit(Some("whatever"), &peer()).unwrap();
        assert!(admission.caller.scopes == Scopes::ALL && admission.guard.is_none());
        assert_eq!((&*admission.caller.name, admission.caller.key()), ("192.0.2.1", None));
    }

    #[test]
    fn a_key_is_known_by_its_secret_alone() {
        let access = access(&[key("a", "secret-a"), key("b", "secret-b")]);
        let a = access.admit(Some("secret-a"), &peer()).unwrap().caller;
        let b = access.admit(Some("secret-b"), &peer()).unwrap().caller;
        assert_eq!((a.key(), b.key()), (Some("a"), Some("b")));
        assert!(a.client != b.client && a.scopes.has(Scope::Infer) && !a.scopes.has(Scope::Admin));
        let other = Peer { connection: StreamKey(4), ..peer() };
        let again = access.admit(Some("secret-a"), &other).unwrap().caller;
        assert!(again.client == a.client && again.connection != a.connection, "one turn for one key");
        let long = "x".repeat(100_000);
        for wrong in [None, Some(""), Some("secret-c"), Some("Secret-a"), Some("secret-a "), Some("a"), Some(&*long)] {
            assert_eq!(kind(access.admit(wrong, &peer())), Some(ServiceErrorKind::Unauthenticated), "{wrong:?}");
        }
        assert!(!format!("{access:?}").contains("secret-a"));
    }

    #[test]
    fn the_refusal_tells_not_why() {
        let now = Now::here();
        let expired = KeySpec { expires: Some(now.wall), ..key("old", "secret-old") };
        let access = access(&[expired]);
        let told = |secret| access.admit_at(secret, &peer(), now).unwrap_err().to_string();
        assert_eq!(told(None), told(Some("wrong")));
        assert_eq!(told(None), told(Some("secret-old")));
        let before = Now { wall: now.wall - Duration::from_secs(1), ..now };
        assert!(access.admit_at(Some("secret-old"), &peer(), before).is_ok());
    }

    #[test]
    fn a_key_has_its_rate_and_its_places() {
        let now = Now::here();
        let limited = KeySpec { rate: Rate::new(2.0, 4), concurrent_max: Some(2), ..key("a", "s") };
        let access = access(&[limited]);
        let first = access.admit_at(Some("s"), &peer(), now).unwrap();
        let second = access.admit_at(Some("s"), &peer(), now).unwrap();
        let soon = Duration::from_secs(1);
        let refused = Some(ServiceErrorKind::RateLimited { retry_after: soon });
        assert_eq!(kind(access.admit_at(Some("s"), &peer(), now)), refused, "no place");
        drop((first, second));
        assert!((0..2).all(|_| access.admit_at(Some("s"), &peer(), now).is_ok()), "no token went with that refusal");
        let refused = Some(ServiceErrorKind::RateLimited { retry_after: soon / 2 });
        assert_eq!(kind(access.admit_at(Some("s"), &peer(), now)), refused, "no token");
        let later = Now { clock: now.clock + soon / 2, ..now };
        assert!(access.admit_at(Some("s"), &peer(), later).is_ok());
    }

    #[test]
    fn wrong_keys_are_slowed_down_and_right_ones_are_not() {
        let (access, now) = (access(&[key("a", "s")]), Now::here());
        let kinds: Vec<_> = (0..30).map(|_| kind(access.admit_at(Some("x"), &peer(), now))).collect();
        assert!(kinds[..20].iter().all(|kind| *kind == Some(ServiceErrorKind::Unauthenticated)));
        assert!(kinds[20..].iter().all(|kind| matches!(kind, Some(ServiceErrorKind::RateLimited { .. }))));
        assert!(access.admit_at(Some("s"), &peer(), now).is_ok());
        assert_eq!(kind(access.admit_at(None, &peer(), now)), Some(ServiceErrorKind::Unauthenticated), "no try");
    }

    #[test]
    fn keys_change_while_the_server_runs() {
        let now = Now::here();
        let terms = KeySpec { rate: Rate::new(1.0, 1), ..key("a", "old") };
        let access = access(std::slice::from_ref(&terms));
        let open = access.admit_at(Some("old"), &peer(), now).unwrap();
        access.replace(&[KeySpec { digest: KeyDigest::of("new"), ..terms.clone() }, key("b", "other")]).unwrap();
        assert_eq!(kind(access.admit_at(Some("old"), &peer(), now)), Some(ServiceErrorKind::Unauthenticated));
        let spent = kind(access.admit_at(Some("new"), &peer(), now));
        assert!(matches!(spent, Some(ServiceErrorKind::RateLimited { .. })), "a new secret is no new allowance");
        assert!(access.admit_at(Some("other"), &peer(), now).is_ok());
        assert_eq!(open.caller.key(), Some("a"));
        let bad = [key("a", "same"), key("b", "same")];
        assert_eq!(access.replace(&bad), Err(KeyringError::SameSecret("a".to_owned(), "b".to_owned())));
        assert!(access.admit_at(Some("other"), &peer(), now).is_ok(), "the keys before stay");
        access.replace(&[]).unwrap();
        assert_eq!(kind(access.admit_at(Some("other"), &peer(), now)), Some(ServiceErrorKind::Unauthenticated));
        assert!(access.asks());
    }

    #[test]
    fn each_request_of_a_stream_counts_and_a_key_that_is_gone_sends_no_more() {
        let now = Now::here();
        let expires = Some(now.wall + Duration::from_secs(60));
        let access = access(&[KeySpec { rate: Rate::new(1.0, 3), expires, ..key("a", "s") }]);
        let caller = access.admit_at(Some("s"), &peer(), now).unwrap().caller;
        let code = |now| access.admit_again_at(&caller, now).err().map(|error| error.kind().code());
        assert_eq!([code(now), code(now), code(now)], [None, None, Some("rate_limited")]);
        let at = |s| Now { clock: now.clock + Duration::from_secs(s), wall: now.wall + Duration::from_secs(s) };
        assert_eq!((code(at(1)), code(at(60))), (None, Some("unauthenticated")));
        access.replace(&[]).unwrap();
        assert_eq!(code(at(2)), Some("unauthenticated"));
        assert!(Access::open().admit_again(&Caller::local()).is_ok());
    }

    /// Whether the wait for the key's end is over by now.
    async fn is_revoked(access: &Access, caller: &Caller) -> bool {
        let wait = tokio::time::timeout(Duration::from_millis(1), access.revoked(caller));
        wait.await.is_ok_and(|error| error.kind() == ServiceErrorKind::Unauthenticated)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_let_in_hears_when_the_key_is_gone() {
        let both = |name, secret| KeySpec {
            scopes: Scopes::default().with(Scope::Infer).with(Scope::Jobs),
            ..key(name, secret)
        };
        let access = access(&[both("a", "s"), key("b", "t")]);
        let caller = access.admit(Some("s"), &peer()).unwrap().caller;
        assert!(!is_revoked(&access, &caller).await);
        assert!(!is_revoked(&Access::open(), &Caller::local()).await, "without keys nothing ends");
        access.replace(&[both("a", "s")]).unwrap();
        assert!(!is_revoked(&access, &caller).await, "another key is gone");
        for gone in [vec![], vec![both("a", "new")], vec![key("a", "s")], vec![both("renamed", "s")]] {
            access.replace(&[both("a", "s")]).unwrap();
            let began = tokio::time::Instant::now();
            let (error, ()) = tokio::join!(access.revoked(&caller), async { access.replace(&gone).unwrap() });
            assert_eq!(
                (error.kind(), began.elapsed()),
                (ServiceErrorKind::Unauthenticated, Duration::ZERO),
                "{gone:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_key_that_expires_ends_what_it_has_open() {
        let expires = Some(SystemTime::now() + Duration::from_millis(50));
        let access = access(&[KeySpec { expires, ..key("a", "s") }]);
        let caller = access.admit(Some("s"), &peer()).unwrap().caller;
        assert!(access.revoked(&caller).await.message().contains("expired"));
        assert!(Some(SystemTime::now()) >= expires, "and no sooner");
    }
}
