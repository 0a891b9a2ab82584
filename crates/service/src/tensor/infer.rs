//! One inference, from what was asked for to what it came to.

use super::config::takes_batches;
use super::inputs::check_inputs;
use super::observer::has_nan;
use super::outputs::{self, Wanted};
use super::service::{TensorService, check_version, open_by};
use super::{InferRequest, InferResponse, metadata};
use crate::access::{Caller, Scope};
use crate::{ServiceError, ServiceErrorKind};
use samovar_models::{TensorOutput, TensorTask};
use samovar_runtime::{Call, Class, Completed, ModelHandle, Pending, PinnedModel, RowShapes, RunError, RunErrorKind};
use tokio::time::{Instant, timeout_at};

impl TensorService {
    /// One inference, on a model of any family. A model that is not loaded is loaded first.
    ///
    /// Priority 0 and 1 are as any request; 2 and more go behind those, with the jobs. `timeout` lowers the server's own limit.
    ///
    /// # Errors
    /// What is wrong with the request, and whatever becomes of the work instead of a result.
    pub async fn infer(&self, caller: &Caller, request: InferRequest) -> Result<InferResponse, ServiceError> {
        caller.require(Scope::Infer)?;
        let began = Instant::now();
        let handle = self.registry.model(&request.model)?;
        let answer = self.infer_on(&handle, caller, request, began).await;
        if answer.is_err() {
            self.ledger.failed(handle.name(), began.elapsed());
        }
        answer
    }

    async fn infer_on(
        &self,
        handle: &ModelHandle,
        caller: &Caller,
        request: InferRequest,
        began: Instant,
    ) -> Result<InferResponse, ServiceError> {
        self.check_counts(&request)?;
        let limit = request.timeout.map_or(self.options.request_time, |limit| limit.min(self.options.request_time));
        let deadline = began + limit;
        open_by(handle, deadline).await?;
        let class = if request.priority > 1 { Class::Job } else { Class::Interactive };
        let call = caller.call(class, deadline.into_std());
        let pinned = pin(handle, class, deadline).await?;
        let generation = pinned.generation();
        check_version(generation, request.version.as_deref())?;
        let shared_memory = self.shared_memory();
        let inputs = check_inputs(&generation.signature, request.inputs, caller, shared_memory)?;
        let wanted = Wanted::check(&generation.signature, request.outputs, caller, shared_memory)?;
        let rows = inputs.first().and_then(|input| input.shape.first().copied()).unwrap_or(1);
        if takes_batches(generation) {
            caller.require_items(rows)?;
        }
        let (task, shapes) = TensorTask::new(generation, inputs, wanted.indices());
        let pending = submit(pinned, task, shapes, call, deadline).await?;
        let Completed { output, timings, generation } = timeout_at(deadline, pending).await.map_err(|_| late())??;
        if has_nan(&output) {
            self.options.observer.nan(handle.name());
        }
        let outputs = outputs::tell(wanted, output, &generation).await?;
        self.ledger.succeeded(handle.name(), rows as u64, &timings, began.elapsed());
        let (model, version) = (request.model, metadata::version(&generation));
        Ok(InferResponse { model, version, id: request.id, outputs })
    }

    fn check_counts(&self, request: &InferRequest) -> Result<(), ServiceError> {
        let most = self.options.tensors_max;
        if request.inputs.len() <= most && request.outputs.len() <= most {
            return Ok(());
        }
        let kind = ServiceErrorKind::TooLarge { code: "too_many_tensors" };
        Err(ServiceError::new(kind, format!("a request takes and gives at most {most} tensors")))
    }
}

/// Holds on to the generation that serves; work of the lowest class first waits for room.
async fn pin(handle: &ModelHandle, class: Class, deadline: Instant) -> Result<PinnedModel, RunError> {
    if class == Class::Job {
        return timeout_at(deadline, handle.pin_when_room(class)).await.map_err(|_| late())?;
    }
    handle.pin()
}

async fn submit(
    pinned: PinnedModel,
    task: TensorTask,
    shapes: RowShapes,
    call: Call,
    deadline: Instant,
) -> Result<Pending<Vec<TensorOutput>>, RunError> {
    if call.class == Class::Job {
        return timeout_at(deadline, pinned.submit_waiting(task, shapes, call)).await.map_err(|_| late())?;
    }
    pinned.submit(task, shapes, call)
}

fn late() -> RunError {
    RunError::new(RunErrorKind::DeadlineExceeded, "the result was not there in time")
}
