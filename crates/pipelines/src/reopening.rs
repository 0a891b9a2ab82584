//! Brings a stream's model back that was put away under it: a frame is a use of its model like any other, and uses load.

use samovar_runtime::{ModelHandle, RunErrorKind};
use std::future::Future;
use std::pin::Pin;

/// The load of a model that a stream needs again, if there is one.
#[derive(Default)]
pub(crate) struct Reopening {
    opening: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Reopening {
    /// Begins to load the model where it does not serve. What becomes of it is in its state; frames that come meanwhile are told as
    /// `NotReady`.
    pub(crate) fn look(&mut self, model: &ModelHandle) {
        let gone = model.generation().is_err_and(|error| matches!(error.kind(), RunErrorKind::NotReady { .. }));
        if gone && self.opening.is_none() {
            let model = model.clone();
            self.opening = Some(Box::pin(async move { drop(model.open().await) }));
        }
    }

    /// Drives the load to its end; waits for ever where there is none. Safe to cancel.
    pub(crate) async fn ended(&mut self) {
        match &mut self.opening {
            Some(opening) => opening.await,
            None => std::future::pending().await,
        }
        self.opening = None;
    }
}
