//! One key: what the operator wrote, and what is used of it while the server runs.

use super::bucket::Bucket;
use super::peer::client_of;
use super::place::{CallPlace, Places};
use super::{Caller, CallerBounds, KeyDigest, Now, Scope, Scopes};
use crate::{ServiceError, ServiceErrorKind};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A key as it is configured.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySpec {
    /// What it is called in lists and logs: see [`is_key_name`].
    pub name: String,
    /// SHA-256 of its secret.
    pub digest: KeyDigest,
    /// What it may.
    pub scopes: Scopes,
    /// How often it may ask; none: as often as the server manages.
    pub rate: Option<Rate>,
    /// Requests and streams that it may have open at the same time.
    pub concurrent_max: Option<usize>,
    /// What its requests may hold.
    pub bounds: CallerBounds,
    /// From when on it is unknown.
    pub expires: Option<SystemTime>,
}

impl KeySpec {
    /// A key that may nothing yet and has no limits.
    pub fn new(name: impl Into<String>, digest: KeyDigest) -> Self {
        Self {
            name: name.into(),
            digest,
            scopes: Scopes::default(),
            rate: None,
            concurrent_max: None,
            bounds: CallerBounds::default(),
            expires: None,
        }
    }
}

/// How often a key may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub(super) per_s: f64,
    pub(super) burst: f64,
}

impl Rate {
    /// `per_s` requests a second in the long run, and `burst` at once after a rest.
    ///
    /// None for rates below one a day or above a million a second, and for no burst.
    pub fn new(per_s: f64, burst: u32) -> Option<Self> {
        const ONE_A_DAY: f64 = 1.0 / 86_400.0;
        ((ONE_A_DAY..=1e6).contains(&per_s) && burst > 0).then(|| Self { per_s, burst: f64::from(burst) })
    }
}

/// What a key may be called, in words.
pub const KEY_NAME_RULE: &str = "a key's name begins with a letter and has at most 64 letters, digits, `-` or `_`";

/// Whether a key may be called so. No address looks like one, so that what belongs to a key never belongs to an address.
pub fn is_key_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.len() <= 64 && name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && name.bytes().all(plain)
}

/// A key that can be asked with.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) digest: KeyDigest,
    caller: Caller,
    rate: Option<Rate>,
    concurrent_max: usize,
    expires: Option<SystemTime>,
    used: Arc<Used>,
}

/// What is used of a key. It outlives a change of the key's terms.
#[derive(Debug, Default)]
struct Used {
    /// None until the key is first asked with.
    bucket: Mutex<Option<Bucket>>,
    places: Arc<Places>,
}

impl Key {
    /// The key of these terms; `before` is what was called so until now.
    pub(super) fn new(spec: &KeySpec, before: Option<&Self>) -> Self {
        let name: Arc<str> = spec.name.as_str().into();
        let client = client_of(b"key", name.as_bytes());
        Self {
            digest: spec.digest,
            caller: Caller::keyed(name, spec.scopes, client, spec.bounds).having_shown(spec.digest),
            rate: spec.rate,
            concurrent_max: spec.concurrent_max.unwrap_or(usize::MAX),
            expires: spec.expires,
            used: before.map_or_else(Arc::default, |before| Arc::clone(&before.used)),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.caller.name
    }

    /// How long it is still known; for ever where it does not expire.
    pub(super) fn left(&self, now: Now) -> Duration {
        let left = |expires: SystemTime| expires.duration_since(now.wall).unwrap_or_default();
        self.expires.map_or(Duration::MAX, left)
    }

    /// Whether it allows all that this caller was let in with.
    pub(super) fn still_allows(&self, caller: &Caller) -> bool {
        Scope::ALL.into_iter().all(|scope| self.caller.scopes.has(scope) || !caller.scopes.has(scope))
    }

    pub(super) fn is_expired(&self, now: Now) -> bool {
        self.expires.is_some_and(|expires| expires <= now.wall)
    }

    /// One more request: who asks, and its place until it is answered.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(super) fn enter(&self, now: Now) -> Result<(Caller, CallPlace), ServiceError> {
        const SOON: Duration = Duration::from_secs(1);
        let place = Places::enter(&self.used.places, self.concurrent_max)
            .ok_or_else(|| limited(SOON, "this key has as many requests open as it may"))?;
        self.ask(now)?;
        Ok((self.caller.clone(), place))
    }

    /// One more request in a place that it has already.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(super) fn ask(&self, now: Now) -> Result<(), ServiceError> {
        self.take(now).map_err(|wait| limited(wait, "this key asks more often than it may"))
    }

    fn take(&self, now: Now) -> Result<(), Duration> {
        let Some(rate) = &self.rate else { return Ok(()) };
        let mut bucket = self.used.bucket.lock();
        bucket.get_or_insert_with(|| Bucket::full(rate, now.clock)).take(rate, now.clock)
    }
}

fn limited(retry_after: Duration, message: &'static str) -> ServiceError {
    ServiceError::new(ServiceErrorKind::RateLimited { retry_after }, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_a_keys_name() {
        assert!(is_key_name("site-1") && is_key_name("A_b"));
        for wrong in ["", "127.0.0.1", "::1", "fe80::1", "1st", "a b", "ä", "-a", &"a".repeat(65)] {
            assert!(!is_key_name(wrong), "{wrong}");
        }
    }

    #[test]
    fn rates_have_bounds() {
        assert!(Rate::new(1.0, 1).is_some() && Rate::new(0.1, 5).is_some());
        for (per_s, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (f64::INFINITY, 1), (1.0, 0)] {
            assert!(Rate::new(per_s, burst).is_none(), "{per_s} {burst}");
        }
    }
}
