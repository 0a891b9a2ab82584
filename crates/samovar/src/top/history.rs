//! A figure as it was lately.

use std::collections::VecDeque;

/// Shares of 0 to 1 as they were lately, the newest last.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<f64>);

/// More than a terminal is wide.
const LENGTH_MAX: usize = 512;

impl History {
    /// One more; the oldest goes where there are too many.
    pub fn add(&mut self, share: f64) {
        if self.0.len() == LENGTH_MAX {
            self.0.pop_front();
        }
        self.0.push_back(share);
    }

    /// The newest, in hundredths, at most that many.
    pub fn newest(&self, count: usize) -> Vec<u64> {
        let shares = self.0.iter().skip(self.0.len().saturating_sub(count));
        shares.map(|share| (share * 100.0).round() as u64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest() {
        let mut history = History::default();
        (0..LENGTH_MAX + 5).for_each(|at| history.add(at as f64));
        assert_eq!(history.0.len(), LENGTH_MAX);
        assert_eq!(history.newest(2), [(LENGTH_MAX as u64 + 3) * 100, (LENGTH_MAX as u64 + 4) * 100]);
    }
}
