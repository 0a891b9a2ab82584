//! A cheap handle to one model: opens it, submits work to it. Clone it into every stream and request.

use crate::event::Event;
use crate::generation::Generation;
use crate::lifecycle::Model;
use crate::operations::Operations;
use crate::{Call, Class, Failure, Hold, ModelState, Pending, PinnedModel, RowShapes, RunError, RunErrorKind, Task};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A cheap handle to one model.
#[derive(Clone)]
pub struct ModelHandle {
    pub(crate) model: Arc<Model>,
    pub(crate) operations: Operations,
}

/// How a model was found when it was opened.
#[derive(Clone, Debug)]
pub enum Opened {
    /// It was warm: the open cost nothing.
    Warm(Arc<Generation>),
    /// Somebody else's load and warm-up were in progress, and this open waited for them.
    Waited(Arc<Generation>),
    /// This open loaded the model and warmed it up.
    Loaded(Arc<Generation>),
}

impl Opened {
    /// The generation that serves.
    pub const fn generation(&self) -> &Arc<Generation> {
        match self {
            Self::Warm(generation) | Self::Waited(generation) | Self::Loaded(generation) => generation,
        }
    }
}

impl ModelHandle {
    /// The model's configured name.
    pub fn name(&self) -> &str {
        &self.model.spec.name
    }

    /// Where the model is in its life.
    pub fn state(&self) -> ModelState {
        self.model.state.borrow().clone()
    }

    /// Tells every change of the model's state.
    pub fn watch(&self) -> watch::Receiver<ModelState> {
        self.model.state.subscribe()
    }

    /// Makes sure that the model is loaded and warm, loading it if nobody has. Callers share one load and one warm-up.
    /// A model that is on its way out is loaded again once it is out.
    ///
    /// # Errors
    /// `NotReady` where the load fails or has failed and is not due again; `ShuttingDown`.
    pub async fn open(&self) -> Result<Opened, RunError> {
        let mut found: fn(Arc<Generation>) -> Opened = Opened::Warm;
        for _ in 0..ENTER_TRIES {
            match self.state() {
                ModelState::Ready(generation) => {
                    self.skip_warm_up();
                    return Ok(found(generation));
                }
                ModelState::Failed(failure) if !self.model.may_try(&failure) => return Err(not_ready(&failure)),
                ModelState::Absent | ModelState::Failed(_) if self.model.claim_load() => {
                    let loaded = self.operations.run(&self.model, Model::load).await?;
                    return loaded.map(Opened::Loaded).map_err(|failure| not_ready(&failure));
                }
                _ => {
                    self.settled().await?;
                    found = Opened::Waited;
                }
            }
        }
        Err(starting(Duration::from_secs(1)))
    }

    fn skip_warm_up(&self) {
        self.model.touch();
        self.observe(&Event::WarmUpSkipped { model: self.name() });
    }

    /// Waits for the operation in progress to end.
    async fn settled(&self) -> Result<(), RunError> {
        let settled =
            |state: &ModelState| matches!(state, ModelState::Ready(_) | ModelState::Failed(_) | ModelState::Absent);
        self.watch().wait_for(settled).await.map(drop).map_err(|_| RunError::shutting_down())
    }

    /// Keeps the model in memory for an open stream: see [`Hold`].
    pub fn hold(&self) -> Hold {
        Hold::new(Arc::clone(&self.model))
    }

    /// The generation that serves at present.
    ///
    /// # Errors
    /// `NotReady` with the time to wait.
    pub fn generation(&self) -> Result<Arc<Generation>, RunError> {
        match &*self.model.state.borrow() {
            ModelState::Ready(generation) => Ok(Arc::clone(generation)),
            ModelState::Failed(failure) => Err(not_ready(failure)),
            _ => Err(starting(Duration::from_secs(1))),
        }
    }

    /// Holds on to the generation that serves, so that what is submitted fits the model that runs it even while a swap goes on.
    ///
    /// # Errors
    /// `NotReady` with the time to wait.
    pub fn pin(&self) -> Result<PinnedModel, RunError> {
        // A generation that retires between the look and the entry has a successor already, or none: look again.
        for _ in 0..ENTER_TRIES {
            if let Some(in_use) = self.generation()?.enter() {
                self.model.touch();
                return Ok(PinnedModel { in_use, device: Arc::clone(&self.model.shared.device) });
            }
        }
        Err(starting(Duration::from_secs(1)))
    }

    /// The same as [`ModelHandle::pin`], but first waits until the queue has room for this class, so that a producer who waits keeps no
    /// generation in memory. Follow it with [`PinnedModel::submit_waiting`]: somebody else may have taken the room.
    ///
    /// # Errors
    /// `NotReady` with the time to wait.
    pub async fn pin_when_room(&self, class: Class) -> Result<PinnedModel, RunError> {
        let device = &self.model.shared.device;
        loop {
            let room = device.room();
            tokio::pin!(room);
            room.as_mut().enable();
            // A model that does not serve is told of at once, not when there is room for what it cannot do.
            self.generation()?;
            if device.has_room(class) {
                return self.pin();
            }
            room.await;
        }
    }

    /// Queues `task` on the generation that serves: [`ModelHandle::pin`] and [`PinnedModel::submit`] in one.
    ///
    /// # Errors
    /// `NotReady`, `QueueFull`, `DeadlineExceeded` or `ShuttingDown`.
    pub fn submit<T: Task>(&self, task: T, rows: RowShapes, call: Call) -> Result<Pending<T::Output>, RunError> {
        self.pin()?.submit(task, rows, call)
    }

    fn observe(&self, event: &Event<'_>) {
        self.model.shared.device.observer.observe(event);
    }
}

/// Looks at the state before a call gives up: each miss means that a load, a swap or an unload happened in between.
const ENTER_TRIES: usize = 8;

fn not_ready(failure: &Failure) -> RunError {
    let retry_after = failure.retry_after();
    let message = format!("the model could not be loaded ({}); the server's operator can see why", failure.kind.code());
    RunError::new(RunErrorKind::NotReady { retry_after }, message)
}

fn starting(retry_after: Duration) -> RunError {
    RunError::new(RunErrorKind::NotReady { retry_after }, "the model is not ready yet")
}
