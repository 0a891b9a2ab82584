//! What one connection saw.

use std::collections::BTreeMap;

/// What one connection saw; added up over all of them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Of answers with a status below 400, in microseconds.
    pub latencies_us: Vec<u32>,
    /// Texts, pictures or tensors in them.
    pub items: u64,
    /// Everything else, by status; `lost` for requests without an answer.
    pub failures: BTreeMap<String, u64>,
    /// Requests whose turn had come before a connection was free.
    pub waited: u64,
}

impl Tally {
    /// Takes another connection's in.
    pub fn merge(&mut self, other: Self) {
        self.latencies_us.extend(other.latencies_us);
        self.items += other.items;
        self.waited += other.waited;
        for (what, count) in other.failures {
            *self.failures.entry(what).or_default() += count;
        }
    }

    /// One more failure.
    pub fn fail(&mut self, what: String) {
        *self.failures.entry(what).or_default() += 1;
    }
}
