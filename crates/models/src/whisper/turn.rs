//! A turn of the device for a decoder batch, and the next one that waits behind it.

use super::desk::Desk;
use samovar_runtime::{Call, Class, Pending, PinnedModel, RunError, Scratch, Stint, TaskError};
use std::sync::Arc;
use tokio::sync::oneshot;

/// On which generation, and how urgent.
pub(super) type Terms = (PinnedModel, Call);

/// A stint of a batch that has its turn, or waits for it.
pub(super) struct Turn {
    pending: Pending<Option<Terms>>,
    begun: oneshot::Receiver<()>,
    /// Under which terms the next one is to wait behind it, if it is.
    next: Option<Terms>,
}

impl Turn {
    /// Queues a stint.
    ///
    /// # Errors
    /// Those of [`PinnedModel::submit_stint`].
    pub(super) fn ask(desk: &Arc<Desk>, terms: Terms) -> Result<Self, RunError> {
        let (told, begun) = oneshot::channel();
        let next = behind(&terms);
        let (pinned, call) = terms;
        let pending = pinned.submit_stint(Steps { desk: Arc::clone(desk), begun: Some(told) }, call)?;
        Ok(Self { pending, begun, next })
    }

    /// Waits for its end, and has the next one wait in the queue meanwhile.
    ///
    /// # Errors
    /// Those of [`PinnedModel::submit_stint`], and what kept it from a turn.
    pub(super) async fn end(self, desk: &Arc<Desk>, next: &mut Option<Self>) -> Result<(), RunError> {
        let Self { pending, begun, next: terms } = self;
        if let Some(terms) = terms
            && begun.await.is_ok()
        {
            // Where there is no room for it, it asks again when this one is over.
            *next = Self::ask(desk, terms).ok();
        }
        let left = pending.await?.output;
        if let Some(next) = next {
            next.next = left.as_ref().and_then(behind);
        }
        Ok(())
    }
}

/// A slot that serves a model alone would go on with whatever waits, such as a recording's window, as soon as a turn is over, and callers
/// who speak would wait for that between all of their steps. So the next turn waits before this one ends: less urgent work comes when
/// nobody needs the batch, or in the share that it has; work as urgent is not passed over.
fn behind((pinned, call): &Terms) -> Option<Terms> {
    let waits = call.class != Class::Job && pinned.generation().slots == 1;
    waits.then(|| (pinned.share(), Call { follow_up: false, ..*call }))
}

/// Some steps of the batch.
struct Steps {
    desk: Arc<Desk>,
    /// Told when they have their turn.
    begun: Option<oneshot::Sender<()>>,
}

impl Stint for Steps {
    type Output = Option<Terms>;

    fn run(&mut self, _scratch: &mut Scratch) -> Result<Option<Terms>, TaskError> {
        // Whoever attends may have gone with its event loop.
        let _ = self.begun.take().map(|begun| begun.send(()));
        Ok(self.desk.work())
    }
}
