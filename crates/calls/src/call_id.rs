//! The name of a call.

use samovar_store::RandomId;

/// The name of a call.
pub type CallId = RandomId<CallName>;

/// What makes a name that of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallName {}
