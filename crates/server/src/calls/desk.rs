//! Where calls are kept and asked for: the store, the folder of audio, and who may see what.

use super::CallSettings;
use super::audio_folder::AudioFolder;
use super::health::StoreHealth;
use super::open_call::OpenCall;
use super::writer::{CallQueue, CallWrite};
use crate::metrics::CallLoss;
use crate::{Metrics, ServerError};
use parking_lot::Mutex;
use samovar_calls::{
    Call, CallDetail, CallEnd, CallError, CallErrorKind, CallFilter, CallId, CallOrigin, CallStore, CallTime, NewCall,
    SqliteCalls,
};
use samovar_service::access::Caller;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Where calls are kept and asked for. One value per server.
pub(crate) struct CallDesk {
    pub(super) settings: CallSettings,
    pub(super) store: Arc<dyn CallStore>,
    pub(super) audio: AudioFolder,
    pub(super) queue: CallQueue,
    pub(super) health: StoreHealth,
    pub(super) metrics: Arc<Metrics>,
    /// Taken by the task that writes.
    pub(super) writes: Mutex<Option<mpsc::Receiver<CallWrite>>>,
}

impl CallDesk {
    /// # Errors
    /// `Calls` where the folder or the database cannot be used.
    pub(crate) fn open(settings: &CallSettings, metrics: &Arc<Metrics>) -> Result<Self, ServerError> {
        AudioFolder::open(settings).map_err(|error| ServerError::Calls(error.to_string()))?;
        let file = settings.folder.join(FILE);
        let store = SqliteCalls::open(&file, settings.store).map_err(|error| ServerError::Calls(error.to_string()))?;
        Self::on_store(settings, Arc::new(store), metrics)
    }

    /// On that store, whatever it is made of.
    pub(super) fn on_store(
        settings: &CallSettings,
        store: Arc<dyn CallStore>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        let audio = AudioFolder::open(settings).map_err(|error| ServerError::Calls(error.to_string()))?;
        let (queue, writes) = CallQueue::new(settings.waiting_max);
        metrics.calls.know();
        Ok(Self {
            settings: settings.clone(),
            store,
            audio,
            queue,
            health: StoreHealth::default(),
            metrics: Arc::clone(metrics),
            writes: Mutex::new(Some(writes)),
        })
    }

    /// Begins to keep a call. Waits for the disk as long as `begin_max` and no longer.
    ///
    /// # Errors
    /// The store's. The call itself may go on: it is only not kept.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        caller: &Caller,
        origin: CallOrigin,
        label: Option<String>,
    ) -> Result<OpenCall, CallError> {
        let busy = || CallError::new(CallErrorKind::Storage);
        let call = NewCall { id: CallId::random(), owner: caller.name.to_string(), origin, label };
        let mut open = OpenCall::new(call.id, self).ok_or_else(busy)?;
        let (told, kept) = oneshot::channel();
        open.begin(call, told)?;
        // Given up here, what was opened is dropped, and so ends the call that may be begun all the same.
        timeout(self.settings.begin_max, kept).await.map_err(|_| busy())?.map_err(|_| busy())??;
        Ok(open)
    }

    /// The newest calls that fit, of those that the caller may list, and what to ask with for more.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn list(
        &self,
        caller: &Caller,
        filter: CallFilter,
    ) -> Result<(Vec<Call>, Option<u64>), CallError> {
        let owner = (!caller.sees_all()).then(|| caller.name.to_string());
        in_time(self.store.list(CallFilter { owner, ..filter })).await
    }

    /// A call and everything that was kept of it.
    ///
    /// # Errors
    /// `Unknown` where there is none, or it is another's; the store's.
    pub(crate) async fn get(&self, caller: &Caller, id: CallId) -> Result<CallDetail, CallError> {
        let detail = in_time(self.store.get(id, owner(caller))).await?;
        seen(caller, &detail.call).map(|()| detail)
    }

    /// Forgets a call and its audio.
    ///
    /// # Errors
    /// Those of [`CallDesk::get`].
    pub(crate) async fn delete(&self, caller: &Caller, id: CallId) -> Result<(), CallError> {
        in_time(self.store.delete(id, owner(caller))).await?;
        self.audio.remove(vec![id]).await;
        self.metrics.calls.removed(1);
        Ok(())
    }

    /// Forgets a call that goes on: what came of it is not worth keeping.
    pub(super) async fn forget(&self, call: OpenCall) {
        let id = call.id();
        drop(call.end_waiting(CallEnd { interrupted: true, ..CallEnd::default() }).await);
        if in_time(self.store.delete(id, None)).await.is_ok() {
            self.audio.remove(vec![id]).await;
        }
    }

    /// The file with the audio of a call; none where none is kept.
    ///
    /// # Errors
    /// Those of [`CallDesk::get`].
    pub(crate) async fn audio(&self, caller: &Caller, id: CallId) -> Result<Option<PathBuf>, CallError> {
        seen(caller, &in_time(self.store.find(id, owner(caller))).await?)?;
        let audio = self.audio.clone();
        let found = tokio::task::spawn_blocking(move || audio.find(id)).await;
        found.map_err(|_| CallError::new(CallErrorKind::Storage))
    }

    /// Ends what was open when the last process ended. Before anything is written.
    pub(super) async fn interrupt_open(&self) {
        match self.store.interrupt_open(CallTime::now()).await {
            Ok(0) => {}
            Ok(calls) => {
                tracing::info!(calls, "calls that were open when the last server ended are marked as interrupted");
            }
            Err(error) => drop(self.health.note(Err(&error))),
        }
    }

    /// What keeps calls from being kept at present; none where nothing does.
    pub(crate) fn fault(&self) -> Option<CallErrorKind> {
        self.health.fault()
    }

    /// Takes in how the write of so many entries ended.
    pub(super) fn noted<T>(&self, outcome: &Result<T, CallError>, entries: usize) {
        if self.health.note(outcome.as_ref().map(drop)) {
            self.metrics.calls.lost(CallLoss::Disk, entries);
        }
    }

    /// So many entries found no room in the queue.
    pub(super) fn overrun(&self, entries: usize) {
        self.metrics.calls.lost(CallLoss::Busy, entries);
        self.health.note(Err(&CallError::new(CallErrorKind::Storage)));
    }
}

/// Whose calls they may look at whose name they know; none: everybody's.
fn owner(caller: &Caller) -> Option<&str> {
    (!caller.may_see(None)).then_some(&*caller.name)
}

fn seen(caller: &Caller, call: &Call) -> Result<(), CallError> {
    caller.may_see(Some(&call.owner)).then_some(()).ok_or(CallError::new(CallErrorKind::Unknown))
}

/// Whoever asks does not wait for ever for a disk that hangs.
async fn in_time<T>(answer: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    timeout(ANSWER_MAX, answer).await.unwrap_or(Err(CallError::new(CallErrorKind::Storage)))
}

/// The database in its folder.
const FILE: &str = "calls.sqlite";
/// How long an answer of the store is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(20);
