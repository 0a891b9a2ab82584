//! What a call does where a busy machine has no turn for it: it asks again.

use samovar_runtime::{RunError, RunErrorKind};
use std::time::Duration;

/// Counts the tries of one run.
#[derive(Default)]
pub(super) struct Patience {
    tries: usize,
}

/// How often in a row. Each try may wait a second in the queue.
const TRIES: usize = 60;
/// The time between.
const PAUSE: Duration = Duration::from_millis(50);

impl Patience {
    /// Waits until the run may be tried once more.
    ///
    /// # Errors
    /// The error, where it is not for want of a turn, or was met too often.
    pub(super) async fn again(&mut self, error: RunError) -> Result<(), RunError> {
        if self.tries >= TRIES || !may_wait(error.kind()) {
            return Err(error);
        }
        self.tries += 1;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

const fn may_wait(kind: RunErrorKind) -> bool {
    matches!(kind, RunErrorKind::QueueFull { .. } | RunErrorKind::DeadlineExceeded | RunErrorKind::Displaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: RunErrorKind) -> RunError {
        RunError::new(kind, "no turn")
    }

    #[tokio::test(start_paused = true)]
    async fn what_found_no_turn_is_tried_again_within_bounds() {
        let mut patience = Patience::default();
        for _ in 0..TRIES {
            assert!(patience.again(refused(RunErrorKind::DeadlineExceeded)).await.is_ok());
        }
        let last = patience.again(refused(RunErrorKind::Displaced)).await.unwrap_err();
        assert_eq!(last.kind(), RunErrorKind::Displaced);
        let broken = Patience::default().again(refused(RunErrorKind::Internal)).await.unwrap_err();
        assert_eq!(broken.kind(), RunErrorKind::Internal);
    }
}
