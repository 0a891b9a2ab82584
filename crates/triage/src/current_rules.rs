//! The rules that are in force, and how new ones take their place while calls go on.

use crate::RuleBook;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// The rules that are in force. Whoever decides takes them anew each time, so that a change holds from the next decision of every call
/// on. Readers never wait.
#[derive(Debug)]
pub struct CurrentRules {
    book: ArcSwap<RuleBook>,
}

impl CurrentRules {
    /// These are in force.
    pub fn new(book: RuleBook) -> Self {
        Self { book: ArcSwap::from_pointee(book) }
    }

    /// What is in force now. Two calls of this without a [`CurrentRules::replace`] between give the same [`Arc`].
    pub fn get(&self) -> Arc<RuleBook> {
        self.book.load_full()
    }

    /// From now on these are. Decisions that are being made are finished by the old ones.
    pub fn replace(&self, book: RuleBook) {
        self.book.store(Arc::new(book));
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
    }
}
