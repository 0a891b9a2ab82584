//! Whether what calls tell can be kept at present.

use parking_lot::Mutex;
use samovar_calls::{CallError, CallErrorKind};

/// Whether what calls tell can be kept at present.
#[derive(Default)]
pub(super) struct StoreHealth {
    fault: Mutex<Option<CallErrorKind>>,
}

impl StoreHealth {
    /// Takes in how a write ended; whether that is a loss. A call that was deleted while it went on is none, nor one that is too long.
    pub(super) fn note(&self, outcome: Result<(), &CallError>) -> bool {
        let kind = outcome.err().map(|error| error.kind());
        let lost = matches!(kind, Some(CallErrorKind::StorageFull | CallErrorKind::Storage | CallErrorKind::Corrupt));
        if lost || kind.is_none() {
            *self.fault.lock() = kind;
        }
        lost
    }

    /// What is wrong; none where the last write was kept.
    pub(super) fn fault(&self) -> Option<CallErrorKind> {
        *self.fault.lock()
    }
}
