//! The entries that may share a batch, and when their next batch is ripe.

use std::collections::BTreeMap;

use crate::{BatchRule, Moment, Ticket};

/// All waiting entries of one lane, of every class, in order of admission.
#[derive(Debug)]
pub(crate) struct Lane {
    rule: BatchRule,
    /// Each entry with the moment of its admission.
    waiting: BTreeMap<Ticket, Moment>,
}

impl Lane {
    pub(crate) fn new(rule: BatchRule) -> Self {
        Self { rule, waiting: BTreeMap::new() }
    }

    pub(crate) fn insert(&mut self, ticket: Ticket, since: Moment, rule: BatchRule) {
        self.rule = rule;
        self.waiting.insert(ticket, since);
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.waiting.keys().copied().collect()
    }

    /// Rows in the largest batch, at least one.
    pub(crate) fn size_max(&self) -> usize {
        self.rule.size_max.max(1)
    }

    /// When the next batch closes: at once when it is full, else when the oldest entry has waited long enough.
    pub(crate) fn ripe_at(&self) -> Moment {
        match self.waiting.values().next() {
            Some(oldest) if self.waiting.len() < self.size_max() => *oldest + self.rule.delay_max,
            Some(oldest) => *oldest,
            None => Moment::NEVER,
        }
    }
}
