//! Where a video turned out to be damaged, known as soon as its decoder sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where a video turned out to be damaged. Shared with its decoder, which writes it down while frames still come.
#[derive(Clone, Debug, Default)]
pub struct DamageNote {
    /// Microseconds, one more so that zero is none.
    at: Arc<AtomicU64>,
}

impl DamageNote {
    /// Time of the last frame before the first sign of damage, if there was one so far.
    pub fn at(&self) -> Option<Duration> {
        self.at.load(Ordering::Acquire).checked_sub(1).map(Duration::from_micros)
    }

    /// Writes the first sign down; later ones change nothing.
    pub(super) fn write(&self, at: Duration) {
        let marked = u64::try_from(at.as_micros()).unwrap_or(u64::MAX - 1).saturating_add(1);
        // It is written down already where this fails.
        let _ = self.at.compare_exchange(0, marked, Ordering::AcqRel, Ordering::Acquire);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sign_stays() {
        let note = DamageNote::default();
        let reader = note.clone();
        assert_eq!(reader.at(), None);
        note.write(Duration::ZERO);
        note.write(Duration::from_secs(3));
        assert_eq!(reader.at(), Some(Duration::ZERO));
    }
}
