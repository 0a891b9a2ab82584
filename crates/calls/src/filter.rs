//! Which calls are listed.

use crate::CallTime;
use samovar_triage::Priority;

/// Which calls are listed: the newest first, all that every given part fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Of this key alone. None: of all.
    pub owner: Option<String>,
    /// With all of these words in what was said; the last may be the beginning of one.
    pub text: Option<String>,
    /// At least as urgent.
    pub priority: Option<Priority>,
    /// About this.
    pub category: Option<String>,
    /// Begun at this time or later.
    pub since: Option<CallTime>,
    /// Behind this one of an earlier answer ([`crate::CallStore::list`]).
    pub after: Option<u64>,
    /// How many at most; the store's own limit holds too.
    pub limit: usize,
}
