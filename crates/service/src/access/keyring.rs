//! Every key that the server knows.

use super::key::Key;
use super::{Caller, KEY_NAME_RULE, KeyDigest, KeySpec, Now, is_key_name};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Every key that the server knows.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: Vec<Key>,
}

/// Keys that cannot be together. Told to the operator alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Not a name.
    #[error("`{0}` is not the name of a key; {KEY_NAME_RULE}")]
    Name(String),
    /// Two of one name.
    #[error("two keys are called `{0}`")]
    SameName(String),
    /// Two names for one secret: it could not be told whose a request is.
    #[error("the keys `{0}` and `{1}` have the same secret; make one of them anew with `samovar keys new`")]
    SameSecret(String, String),
    /// More than there may be.
    #[error("there are {0} keys; at most {KEYS_MAX} may be configured")]
    Many(usize),
}

/// All of them are compared for each request.
const KEYS_MAX: usize = 4_096;
/// Longer secrets are nobody's.
const SECRET_BYTES_MAX: usize = 512;

impl Keyring {
    /// The keys of these terms.
    ///
    /// # Errors
    /// Names or secrets that are not each their own.
    pub fn new(specs: &[KeySpec]) -> Result<Self, KeyringError> {
        Self::default().succeeded_by(specs)
    }

    /// The keys of these terms; what those of the same names have used is not forgotten.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn succeeded_by(&self, specs: &[KeySpec]) -> Result<Self, KeyringError> {
        check(specs)?;
        let before = |spec: &KeySpec| self.keys.iter().find(|key| key.name() == spec.name);
        Ok(Self { keys: specs.iter().map(|spec| Key::new(spec, before(spec))).collect() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether nobody can ask.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key that this caller was let in with, unless it has expired, has another secret or allows less meanwhile.
    pub(super) fn of(&self, caller: &Caller, now: Now) -> Option<&Key> {
        let shown = caller.shown()?;
        let key = self.keys.iter().find(|key| key.digest == shown && Some(key.name()) == caller.key());
        key.filter(|key| !key.is_expired(now) && key.still_allows(caller))
    }

    /// The key with that secret, unless it has expired. Every key is compared, whole, whichever it is.
    pub(super) fn find(&self, secret: &str, now: Now) -> Option<&Key> {
        if secret.len() > SECRET_BYTES_MAX {
            return None;
        }
        let digest = KeyDigest::of(secret);
        let mut found = u32::MAX;
        for (index, key) in (0..).zip(&self.keys) {
            found.conditional_assign(&index, key.digest.same(&digest));
        }
        let nobody: bool = found.ct_eq(&u32::MAX).into();
        let key = (!nobody).then(|| usize::try_from(found).ok()).flatten().and_then(|index| self.keys.get(index));
        key.filter(|key| !key.is_expired(now))
    }
}

fn check(specs: &[KeySpec]) -> Result<(), KeyringError> {
    if specs.len() > KEYS_MAX {
        return Err(KeyringError::Many(specs.len()));
    }
    for (index, spec) in specs.iter().enumerate() {
        if !is_key_name(&spec.name) {
            return Err(KeyringError::Name(spec.name.clone()));
        }
        for other in &specs[..index] {
            if other.name == spec.name {
                return Err(KeyringError::SameName(spec.name.clone()));
            }
            if other.digest == spec.digest {
                return Err(KeyringError::SameSecret(other.name.clone(), spec.name.clone()));
            }
        }
    }
    Ok(())
}
