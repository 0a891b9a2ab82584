//! The small calls: what `tonic` reads and writes. Inference has handlers of its own.

use super::asker::Asker;
use super::messages::inference as message;
use super::messages::inference::grpc_inference_service_server::GrpcInferenceService;
use super::status::refused;
use super::{repository, settings};
use crate::app::App;
use crate::routes::is_serving;
use samovar_service::tensor::ServerMetadata;
use samovar_service::{ServiceError, ServiceErrorKind};
use std::sync::Arc;
use tonic::{Request, Response, Status, async_trait};

/// Answers the small calls.
pub(super) struct Calls(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl GrpcInferenceService for Calls {
    async fn server_live(&self, _: Request<message::ServerLiveRequest>) -> Answer<message::ServerLiveResponse> {
        tell(Ok(message::ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<message::ServerReadyRequest>) -> Answer<message::ServerReadyResponse> {
        tell(Ok(message::ServerReadyResponse { ready: is_serving(&self.0) }))
    }

    async fn model_ready(&self, request: Request<message::ModelReadyRequest>) -> Answer<message::ModelReadyResponse> {
        let message::ModelReadyRequest { name, version } = request.into_inner();
        let ready = self.0.tensors.ready(&name, said(&version));
        tell(ready.map(|ready| message::ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<message::ServerMetadataRequest>,
    ) -> Answer<message::ServerMetadataResponse> {
        tell(Ok(server_metadata(&self.0).into()))
    }

    async fn model_metadata(
        &self,
        request: Request<message::ModelMetadataRequest>,
    ) -> Answer<message::ModelMetadataResponse> {
        let message::ModelMetadataRequest { name, version } = request.into_inner();
        tell(self.0.tensors.metadata(&name, said(&version)).await.map(Into::into))
    }

    async fn model_config(
        &self,
        request: Request<message::ModelConfigRequest>,
    ) -> Answer<message::ModelConfigResponse> {
        let message::ModelConfigRequest { name, version } = request.into_inner();
        tell(self.0.tensors.config(&name, said(&version)).await.map(Into::into))
    }

    async fn model_statistics(
        &self,
        request: Request<message::ModelStatisticsRequest>,
    ) -> Answer<message::ModelStatisticsResponse> {
        let message::ModelStatisticsRequest { name, version } = request.into_inner();
        tell(self.0.tensors.statistics(said(&name), said(&version)).map(Into::into))
    }

    async fn repository_index(
        &self,
        request: Request<message::RepositoryIndexRequest>,
    ) -> Answer<message::RepositoryIndexResponse> {
        tell(Ok(self.0.tensors.index(request.into_inner().ready).into()))
    }

    async fn repository_model_load(
        &self,
        request: Request<message::RepositoryModelLoadRequest>,
    ) -> Answer<message::RepositoryModelLoadResponse> {
        let asker = Asker::of(request.extensions())?;
        let asked = request.into_inner();
        let model_name = repository::model_name(asked.repository_name, asked.model_name);
        let parameters = repository::parameters(asked.parameters);
        let loaded = self.0.tensors.load(&asker.caller, &model_name, &parameters).await;
        tell(loaded.map(|()| message::RepositoryModelLoadResponse { model_name, is_loaded: true }))
    }

    async fn repository_model_unload(
        &self,
        request: Request<message::RepositoryModelUnloadRequest>,
    ) -> Answer<message::RepositoryModelUnloadResponse> {
        let asker = Asker::of(request.extensions())?;
        let asked = request.into_inner();
        let model_name = repository::model_name(asked.repository_name, asked.model_name);
        let unloaded = self.0.tensors.unload(&asker.caller, &model_name).await;
        tell(unloaded.map(|()| message::RepositoryModelUnloadResponse { model_name, is_unloaded: true }))
    }

    async fn system_shared_memory_status(
        &self,
        request: Request<message::SystemSharedMemoryStatusRequest>,
    ) -> Answer<message::SystemSharedMemoryStatusResponse> {
        let asker = Asker::of(request.extensions())?;
        let regions = self.0.tensors.shared_memory().status(&asker.caller, said(&request.get_ref().name));
        tell(regions.map(Into::into))
    }

    async fn system_shared_memory_register(
        &self,
        request: Request<message::SystemSharedMemoryRegisterRequest>,
    ) -> Answer<message::SystemSharedMemoryRegisterResponse> {
        let asker = Asker::of(request.extensions())?;
        let asked = request.get_ref();
        let (shared, range) = (self.0.tensors.shared_memory(), (asked.offset, asked.byte_size));
        let registered = shared.register(&asker.caller, &asked.name, &asked.key, range);
        tell(registered.map(|()| message::SystemSharedMemoryRegisterResponse {}))
    }

    async fn system_shared_memory_unregister(
        &self,
        request: Request<message::SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<message::SystemSharedMemoryUnregisterResponse> {
        let asker = Asker::of(request.extensions())?;
        let forgotten = self.0.tensors.shared_memory().unregister(&asker.caller, said(&request.get_ref().name));
        tell(forgotten.map(|()| message::SystemSharedMemoryUnregisterResponse {}))
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<message::CudaSharedMemoryStatusRequest>,
    ) -> Answer<message::CudaSharedMemoryStatusResponse> {
        tell(Ok(message::CudaSharedMemoryStatusResponse::default()))
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<message::CudaSharedMemoryRegisterRequest>,
    ) -> Answer<message::CudaSharedMemoryRegisterResponse> {
        tell(Err(no_cuda()))
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<message::CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<message::CudaSharedMemoryUnregisterResponse> {
        // Clients forget all regions before they begin, whatever there is.
        tell(Ok(message::CudaSharedMemoryUnregisterResponse {}))
    }

    async fn trace_setting(
        &self,
        request: Request<message::TraceSettingRequest>,
    ) -> Answer<message::TraceSettingResponse> {
        let asker = Asker::of(request.extensions())?;
        tell(settings::trace(&self.0.tensors, &asker.caller, request.into_inner()))
    }

    async fn log_settings(
        &self,
        request: Request<message::LogSettingsRequest>,
    ) -> Answer<message::LogSettingsResponse> {
        let asker = Asker::of(request.extensions())?;
        tell(settings::log(&self.0.tensors, &asker.caller, request.into_inner()))
    }
}

fn tell<T>(answer: Result<T, ServiceError>) -> Answer<T> {
    answer.map(Response::new).map_err(refused)
}

fn server_metadata(app: &App) -> ServerMetadata {
    app.tensors.server(app.tensors.shared_memory().is_on())
}

/// Protobuf has no absent string.
fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn no_cuda() -> ServiceError {
    let kind = ServiceErrorKind::Unsupported { code: "cuda_shared_memory_unsupported" };
    ServiceError::new(
        kind,
        "memory of graphics cards is not shared with clients; use system shared memory or send the tensor",
    )
}
