//! Where calls are kept and asked for: the store, the folder of audio and who may see what.

use super::CallSettings;
use super::audio_folder::AudioFolder;
use super::open_call::OpenCall;
use super::writer::{CallQueue, Writing};
use crate::{Metrics, ServerError};
use parking_lot::Mutex;
use samovar_calls::{
    Call, CallDetail, CallError, CallErrorKind, CallFilter, CallId, CallOrigin, CallStore, CallTime, NewCall,
    SqliteCalls,
};
use samovar_service::access::Caller;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Where calls are kept and asked for. One value per server.
pub(crate) struct CallDesk {
    pub(super) settings: CallSettings,
    pub(super) store: Arc<dyn CallStore>,
    /// None where no audio is kept.
    pub(super) audio: AudioFolder,
    pub(super) queue: CallQueue,
    pub(super) metrics: Arc<Metrics>,
    /// Taken by the task that writes.
    pub(super) writing: Mutex<Option<Writing>>,
}

impl CallDesk {
    /// # Errors
    /// `Calls` where the folder or the database cannot be used.
    pub(crate) fn open(settings: &CallSettings, metrics: &Arc<Metrics>) -> Result<Self, ServerError> {
        let audio = AudioFolder::open(settings).map_err(|error| ServerError::Calls(error.to_string()))?;
        let file = settings.folder.join("calls.sqlite");
        let store = SqliteCalls::open(&file, settings.store).map_err(|error| ServerError::Calls(error.to_string()))?;
        let (queue, writing) = CallQueue::new(settings.waiting_max);
        Ok(Self {
            settings: settings.clone(),
            store: Arc::new(store),
            audio,
            queue,
            metrics: Arc::clone(metrics),
            writing: Mutex::new(Some(writing)),
        })
    }

    /// Begins to keep a live call. Waits for the disk as long as `begin_max` and no longer.
    ///
    /// # Errors
    /// The store's. The call itself goes on: it is only not kept.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        caller: &Caller,
        origin: CallOrigin,
        label: Option<String>,
    ) -> Result<OpenCall, CallError> {
        let busy = || CallError::new(CallErrorKind::Storage);
        let call = NewCall { id: CallId::random(), owner: caller.name.to_string(), origin, label };
        let open = OpenCall::new(call.id, self).ok_or_else(busy)?;
        let (told, kept) = oneshot::channel();
        open.begin(call, told)?;
        // Given up here, the handle ends the call that may be begun all the same.
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
        self.store.list(CallFilter { owner, ..filter }).await
    }

    /// A call and everything that was kept of it.
    ///
    /// # Errors
    /// `Unknown` where there is none, or it is another's; the store's.
    pub(crate) async fn get(&self, caller: &Caller, id: CallId) -> Result<CallDetail, CallError> {
        let detail = self.store.get(id, None).await?;
        let seen = caller.may_see(Some(&detail.call.owner));
        seen.then_some(detail).ok_or(CallError::new(CallErrorKind::Unknown))
    }

    /// Forgets a call and its audio.
    ///
    /// # Errors
    /// Those of [`CallDesk::get`].
    pub(crate) async fn delete(&self, caller: &Caller, id: CallId) -> Result<Call, CallError> {
        self.get(caller, id).await?;
        let call = self.store.delete(id, None).await?;
        self.audio.remove(&[id]).await;
        Ok(call)
    }

    /// Now, for the store.
    pub(super) fn now() -> CallTime {
        CallTime::now()
    }
}
