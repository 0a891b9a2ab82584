//! Who asks, what they may, and how much: the same decision for every wire.
//!
//! Where keys are configured, a request names one and [`Access::admit`] finds it, or refuses. Where none are, everybody may
//! everything, and is known by the address that they ask from.

mod admit;
mod bucket;
mod caller;
mod digest;
mod key;
mod keyring;
mod peer;
mod place;
mod scope;
mod secret;
mod tries;

pub use admit::{Access, Admission, Now};
pub use caller::{Caller, CallerBounds};
pub use digest::{KeyDigest, NotADigest};
pub use key::{KEY_NAME_RULE, KeySpec, Rate, is_key_name};
pub use keyring::{Keyring, KeyringError};
pub use peer::Peer;
pub use place::CallPlace;
pub use scope::{Scope, Scopes};
pub use secret::KeySecret;
