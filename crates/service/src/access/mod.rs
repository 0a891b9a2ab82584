//! Who asks, what they may, and how much: the same decision for every wire.

mod caller;
mod scope;

pub use caller::Caller;
pub use scope::{Scope, Scopes};
