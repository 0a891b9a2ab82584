//! `grpc.health.v1`: what balancers and meshes ask, of the server and of each model by its name.

use super::messages::health::health_check_response::ServingStatus;
use super::messages::health::health_server::Health;
use super::messages::health::{HealthCheckRequest, HealthCheckResponse};
use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::routes::is_serving;
use futures_util::stream::unfold;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, async_trait};

/// Answers checks.
pub(super) struct HealthCalls {
    app: Arc<App>,
    /// Nobody is asked for a key here, so that watching has a limit of its own.
    places: Arc<Semaphore>,
}

/// Callers who watch at the same time.
const WATCHERS_MAX: usize = 128;

impl HealthCalls {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app, places: Arc::new(Semaphore::new(WATCHERS_MAX)) }
    }
}

/// What the inference service is called; asked for by that name it is the server.
const INFERENCE: &str = "inference.GRPCInferenceService";

type Answer = Result<HealthCheckResponse, Status>;

#[async_trait]
impl Health for HealthCalls {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match status(&self.app, &request.get_ref().service) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("there is no model or service of that name")),
            status => Ok(Response::new(told(status))),
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<BoxStream<HealthCheckResponse>>, Status> {
        let full = || ApiError::new(Refusal::Streams, "as many callers watch the server's health as may");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Status::from(full()))?;
        let (app, service) = (Arc::clone(&self.app), request.into_inner().service);
        let watch = Watch { app, service, last: None, over: false, _place: place };
        Ok(Response::new(Box::pin(unfold(watch, Watch::next))))
    }
}

/// One caller who wants to hear of changes.
struct Watch {
    app: Arc<App>,
    service: String,
    last: Option<ServingStatus>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Watch {
    /// The first status, then each that is another than the one before; none once the server goes down.
    async fn next(mut self) -> Option<(Answer, Self)> {
        while !self.over {
            let status = status(&self.app, &self.service);
            if self.last != Some(status) {
                self.last = Some(status);
                return Some((Ok(told(status)), self));
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = self.app.closing.cancelled() => self.over = true,
            }
        }
        None
    }
}

/// How often a watched status is looked at. What it takes is a look at the states of the models.
const LOOK: Duration = Duration::from_millis(250);

fn status(app: &App, service: &str) -> ServingStatus {
    let serving = match service {
        "" | INFERENCE => Some(is_serving(app)),
        model => app.tensors.ready(model, None).ok(),
    };
    match serving {
        Some(true) => ServingStatus::Serving,
        Some(false) => ServingStatus::NotServing,
        None => ServingStatus::ServiceUnknown,
    }
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
