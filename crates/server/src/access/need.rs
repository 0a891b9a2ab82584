//! Which scope each address needs: the one table.

use http::Method;
use samovar_service::access::Scope;

/// What a request needs to be let in, where keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: probes, and pages and scripts that hold nothing of the server's own.
    Nothing,
    /// Any key.
    Key,
    /// A key with this scope.
    Scope(Scope),
}

/// What the route `route` needs, written as it was registered; none: no route is there.
///
/// What the table does not have needs the scope `admin`, so that a route that was forgotten here is open to nobody by mistake.
pub(super) fn need(method: &Method, route: Option<&str>) -> Need {
    let Some(route) = route else { return Need::Nothing };
    let read = method.is_safe();
    let found = TABLE.iter().find(|row| row.covers(route) && (read || row.also_writes));
    found.map_or(Need::Scope(Scope::Admin), |row| row.need)
}

/// Addresses that begin alike and need the same.
struct Row {
    route: &'static str,
    /// Whether longer addresses are meant, too.
    below: bool,
    /// Whether methods that change something are meant, too.
    also_writes: bool,
    need: Need,
}

const fn read(route: &'static str, need: Need) -> Row {
    Row { route, below: false, also_writes: false, need }
}

const fn read_below(route: &'static str, need: Need) -> Row {
    Row { route, below: true, also_writes: false, need }
}

const fn any(route: &'static str, need: Need) -> Row {
    Row { route, below: false, also_writes: true, need }
}

const fn any_below(route: &'static str, need: Need) -> Row {
    Row { route, below: true, also_writes: true, need }
}

const INFER: Need = Need::Scope(Scope::Infer);
const JOBS: Need = Need::Scope(Scope::Jobs);
const ADMIN: Need = Need::Scope(Scope::Admin);
const METRICS: Need = Need::Scope(Scope::Metrics);

/// The first row that covers an address holds.
const TABLE: &[Row] = &[
    // Pages.
    read("/", Need::Nothing),
    read("/calls", Need::Nothing),
    read("/demo", Need::Nothing),
    read_below("/console", Need::Nothing),
    read_below("/docs", Need::Nothing),
    read("/openapi.json", Need::Nothing),
    // Operation.
    read("/health/live", Need::Nothing),
    read("/health/ready", Need::Nothing),
    read("/health/startup", Need::Nothing),
    read("/health", Need::Key),
    read("/metrics", METRICS),
    read("/v1/machine", METRICS),
    read_below("/v1/models", Need::Key),
    // Asking models.
    any("/v1/detect", INFER),
    any("/v1/segment", INFER),
    any("/v1/pose", INFER),
    any("/v1/embeddings", INFER),
    any("/v1/rerank", INFER),
    any("/v1/similarity", INFER),
    any("/v1/zero-shot", INFER),
    any("/v1/faces", INFER),
    any_below("/v1/audio", INFER),
    any_below("/asr", INFER),
    any_below("/embed", INFER),
    any("/embed_sparse", INFER),
    any("/rerank", INFER),
    any("/similarity", INFER),
    read("/info", Need::Key),
    any_below("/face", INFER),
    any_below("/v1/streams", INFER),
    any("/api/analyze", INFER),
    any_below("/v1/calls", INFER),
    any_below("/v1/realtime", INFER),
    read("/v1/events", INFER),
    // Recorded media.
    any_below("/v1/jobs", JOBS),
    // Open Inference Protocol.
    read_below("/v2/health", Need::Nothing),
    any("/v2/repository/index", Need::Key),
    any_below("/v2/repository", ADMIN),
    any_below("/v2/trace", ADMIN),
    any_below("/v2/logging", ADMIN),
    any("/v2/models/{model}/trace/setting", ADMIN),
    any_below("/v2/systemsharedmemory", INFER),
    any_below("/v2/cudasharedmemory", INFER),
    read_below("/v2", Need::Key),
    any_below("/v2/models", INFER),
    // The same and health over gRPC: every call is a POST.
    any_below("/grpc.health.v1.Health", Need::Nothing),
    any("/inference.GRPCInferenceService/ServerLive", Need::Nothing),
    any("/inference.GRPCInferenceService/ServerReady", Need::Nothing),
    any("/inference.GRPCInferenceService/ServerMetadata", Need::Key),
    any("/inference.GRPCInferenceService/ModelReady", Need::Key),
    any("/inference.GRPCInferenceService/ModelMetadata", Need::Key),
    any("/inference.GRPCInferenceService/ModelConfig", Need::Key),
    any("/inference.GRPCInferenceService/ModelStatistics", Need::Key),
    any("/inference.GRPCInferenceService/RepositoryIndex", Need::Key),
    any("/inference.GRPCInferenceService/ModelInfer", INFER),
    any("/inference.GRPCInferenceService/ModelStreamInfer", INFER),
    any("/inference.GRPCInferenceService/SystemSharedMemoryStatus", INFER),
    any("/inference.GRPCInferenceService/SystemSharedMemoryRegister", INFER),
    any("/inference.GRPCInferenceService/SystemSharedMemoryUnregister", INFER),
    any("/inference.GRPCInferenceService/CudaSharedMemoryStatus", INFER),
    any("/inference.GRPCInferenceService/CudaSharedMemoryRegister", INFER),
    any("/inference.GRPCInferenceService/CudaSharedMemoryUnregister", INFER),
];

impl Row {
    fn covers(&self, route: &str) -> bool {
        let rest = route.strip_prefix(self.route);
        rest.is_some_and(|rest| rest.is_empty() || self.below && rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_what_the_first_row_says() {
        let get = |route| need(&Method::GET, Some(route));
        let post = |route| need(&Method::POST, Some(route));
        assert_eq!((get("/health/live"), get("/health"), get("/metrics")), (Need::Nothing, Need::Key, METRICS));
        assert_eq!((get("/v1/models/{name}"), post("/v1/models/{name}/load")), (Need::Key, ADMIN));
        assert_eq!((post("/v1/models/clear"), get("/v1/sources"), get("/v1/evidence/{id}")), (ADMIN, ADMIN, ADMIN));
        assert_eq!((post("/v1/jobs"), get("/v1/jobs/{id}/result")), (JOBS, JOBS));
        assert_eq!((get("/v1/streams/detect"), need(&Method::DELETE, Some("/v1/streams/{id}"))), (INFER, INFER));
        assert_eq!((post("/v2/models/{model}/infer"), get("/v2/models/{model}/ready")), (INFER, Need::Key));
        assert_eq!((post("/v2/repository/index"), post("/v2/repository/models/{model}/load")), (Need::Key, ADMIN));
        assert_eq!(
            (post("/inference.GRPCInferenceService/ModelInfer"), get("/v2/health/ready")),
            (INFER, Need::Nothing)
        );
        assert_eq!(post("/inference.GRPCInferenceService/RepositoryModelLoad"), ADMIN);
        assert_eq!((get("/v1/modelsfoo"), post("/v1/unheard/of")), (ADMIN, ADMIN));
        assert_eq!(need(&Method::GET, None), Need::Nothing);
    }
}
