//! The secret of a new key.

use super::KeyDigest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// The secret of a new key: 256 random bits. It is shown once, to whoever makes it; afterwards only its digest is known.
pub struct KeySecret(String);

/// What secrets begin with, so that whoever finds one knows what it is.
const PREFIX: &str = "smv_";

impl KeySecret {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// What the configuration knows of it.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }

    /// The secret, to be shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeySecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_256_bits_and_may_stand_in_headers_and_subprotocols() {
        let (one, two) = (KeySecret::random().unwrap(), KeySecret::random().unwrap());
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!((one.reveal().len(), &one.reveal()[..4]), (4 + 43, "smv_"));
        let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        assert!(one.reveal().bytes().all(token));
        assert!(one.digest() == KeyDigest::of(one.reveal()) && !format!("{one:?}").contains("smv_"));
    }
}
