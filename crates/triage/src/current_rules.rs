//! The rules that are in force, and how new ones take their place while calls go on.

use crate::{RuleBook, TriageError};
use arc_swap::{ArcSwap, ArcSwapOption};
use std::sync::Arc;

/// The rules that are in force. Whoever decides takes them anew each time, so that a change holds from the next decision of every call
/// on. Readers never wait.
#[derive(Debug)]
pub struct CurrentRules {
    book: ArcSwap<RuleBook>,
    /// Why the newest that were to take their place could not.
    refused: ArcSwapOption<TriageError>,
}

impl CurrentRules {
    /// These are in force.
    pub fn new(book: RuleBook) -> Self {
        Self { book: ArcSwap::from_pointee(book), refused: ArcSwapOption::empty() }
    }

    /// What is in force now. Two calls of this without a [`CurrentRules::replace`] between give the same [`Arc`].
    pub fn get(&self) -> Arc<RuleBook> {
        self.book.load_full()
    }

    /// From now on these are. Decisions that are being made are finished by the old ones.
    pub fn replace(&self, book: RuleBook) {
        self.book.store(Arc::new(book));
        self.refused.store(None);
    }

    /// Those that were to take their place cannot: these stay, and whoever asks is told why.
    pub fn refuse(&self, reason: TriageError) {
        self.refused.store(Some(Arc::new(reason)));
    }

    /// Why newer ones are not in force; none where these are the newest.
    pub fn refused(&self) -> Option<Arc<TriageError>> {
        self.refused.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_the_old_rules_keeps_them_and_the_next_gets_the_new() {
        let rules = CurrentRules::new(RuleBook::shipped());
        let old = rules.get();
        assert!(Arc::ptr_eq(&old, &rules.get()));
        rules.replace(RuleBook::parse("").unwrap());
        assert!(!old.is_empty() && rules.get().is_empty());
        rules.refuse(RuleBook::parse("rules = 3").unwrap_err());
        assert!(rules.get().is_empty() && rules.refused().is_some());
        rules.replace(RuleBook::shipped());
        assert!(rules.refused().is_none());
    }
}
