//! A turn of the device for a decoder batch, and the next one that waits behind it.

use super::desk::Desk;
use samovar_runtime::{Call, Class, Pending, PinnedModel, RunError, Scratch, Stint, TaskError};
use std::sync::Arc;
use tokio::sync::oneshot;

/// On which generation, and how urgent.
pub(super) type Terms = (PinnedModel, Call);

/// A stint of a batch that has its turn, or waits for it.
pub(super) struct Turn {
    pending: Pending<()>,
    /// The next one, which waits behind it.
    behind: oneshot::Receiver<Turn>,
}

impl Turn {
    /// Queues a stint.
    ///
    /// # Errors
    /// Those of [`PinnedModel::submit_stint`].
    pub(super) fn ask(desk: &Arc<Desk>, (pinned, call): Terms) -> Result<Self, RunError> {
        let (next, behind) = oneshot::channel();
        let pending = pinned.submit_stint(Steps { desk: Arc::clone(desk), next: Some(next) }, call)?;
        Ok(Self { pending, behind })
    }

    /// Waits for its end; the turn that waits behind it, if one does.
    ///
    /// # Errors
    /// What kept it from a turn.
    pub(super) async fn end(self) -> Result<Option<Self>, RunError> {
        let Self { pending, mut behind } = self;
        pending.await?;
        Ok(behind.try_recv().ok())
    }
}

/// A slot that serves a model alone would go on with whatever waits, such as a recording's window, as soon as a turn is over, and callers
/// who speak would wait for that between all of their steps. So the next turn waits before this one ends: less urgent work comes when
/// nobody needs the batch, or in the share that it has; work as urgent is not passed over.
fn behind((pinned, call): Terms) -> Option<Terms> {
    let waits = call.class != Class::Job && pinned.generation().slots == 1;
    waits.then_some((pinned, Call { follow_up: false, ..call }))
}

/// Some steps of the batch.
struct Steps {
    desk: Arc<Desk>,
    /// Takes the turn that is queued behind this one.
    next: Option<oneshot::Sender<Turn>>,
}

impl Stint for Steps {
    type Output = ();

    /// The next turn is queued here and not by whoever drives the batch, whose event loop may be late.
    fn run(&mut self, _scratch: &mut Scratch) -> Result<(), TaskError> {
        let terms = self.desk.terms().and_then(behind);
        // Where there is no room for it, it is asked for again when this one is over.
        if let Some((turn, next)) = terms.and_then(|terms| Turn::ask(&self.desk, terms).ok()).zip(self.next.take()) {
            // Whoever drives the batch may have gone with its event loop: the turn goes too.
            drop(next.send(turn));
        }
        self.desk.work();
        Ok(())
    }
}
