//! gRPC at its boundary: every call, both forms of tensors, deadlines, keys, health, and the end of a server.

use crate::client::PATIENCE;
use crate::grpc_client::health::HealthCheckRequest;
use crate::grpc_client::health::health_check_response::ServingStatus;
use crate::grpc_client::inference::model_infer_request::InferRequestedOutputTensor;
use crate::grpc_client::inference::{
    CudaSharedMemoryRegisterRequest, CudaSharedMemoryStatusRequest, CudaSharedMemoryUnregisterRequest,
    InferTensorContents, LogSettingsRequest, ModelConfigRequest, ModelInferRequest, ModelMetadataRequest,
    ModelReadyRequest, ModelStatisticsRequest, RepositoryIndexRequest, RepositoryModelLoadRequest,
    RepositoryModelUnloadRequest, ServerLiveRequest, ServerMetadataRequest, ServerReadyRequest,
    SystemSharedMemoryStatusRequest, TraceSettingRequest, log_settings_request, trace_setting_request,
};
use crate::grpc_client::{
    Client, client, code_of, floats, health_client, identity_house, number, raw, row, rows_house, tensor, text,
};
use crate::house::{House, options};
use samovar_engines::{Gate, fake_digest};
use samovar_server::{Metrics, Server, ServerOptions, Shutdown};
use samovar_service::access::{Access, KeyDigest, KeySpec, Keyring, Scope, Scopes};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tonic::{Code, Request};

const ROW: [f32; 4] = [1.0, 2.0, 3.0, 4.0];

async fn house_and_client() -> (House, Client) {
    let house = rows_house(options()).await;
    let client = client(house.address).await;
    (house, client)
}

/// What the model makes of [`ROW`].
fn scores() -> Vec<f32> {
    let digest = fake_digest(&ROW);
    (0..4).map(|index| (digest + f64::from(index)) as f32).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_of_itself() {
    let (_house, mut client) = house_and_client().await;
    assert!(client.server_live(ServerLiveRequest {}).await.unwrap().into_inner().live);
    assert!(client.server_ready(ServerReadyRequest {}).await.unwrap().into_inner().ready);
    let server = client.server_metadata(ServerMetadataRequest {}).await.unwrap().into_inner();
    assert_eq!(server.name, "samovar");
    for extension in ["statistics", "schedule_policy", "classification", "model_repository"] {
        assert!(server.extensions.iter().any(|found| found == extension), "{extension}");
    }
    assert!(!server.extensions.contains(&"system_shared_memory".to_owned()), "it is off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_tells_of_itself() {
    let (_house, mut client) = house_and_client().await;
    let name = || "rows".to_owned();
    let ready = ModelReadyRequest { name: name(), version: "1".to_owned() };
    assert!(client.model_ready(ready).await.unwrap().into_inner().ready);
    let asked = ModelMetadataRequest { name: name(), version: String::new() };
    let model = client.model_metadata(asked).await.unwrap().into_inner();
    assert_eq!((model.name.as_str(), model.versions), ("rows", vec!["1".to_owned()]));
    assert_eq!((model.inputs[0].name.as_str(), &model.inputs[0].shape[..]), ("images", &[-1, 4][..]));
    assert_eq!((model.outputs[0].name.as_str(), model.outputs[0].datatype.as_str()), ("scores", "FP32"));
    let asked = ModelConfigRequest { name: name(), version: String::new() };
    let config = client.model_config(asked).await.unwrap().into_inner().config.unwrap();
    assert_eq!((config.name.as_str(), config.input.len(), config.output.len()), ("rows", 1, 1));
    assert!(!config.model_transaction_policy.unwrap().decoupled);
    let version = ModelMetadataRequest { name: name(), version: "7".to_owned() };
    assert_eq!(client.model_metadata(version).await.unwrap_err().code(), Code::NotFound);
    let unknown = ModelMetadataRequest { name: "nobody".to_owned(), version: String::new() };
    let error = client.model_metadata(unknown).await.unwrap_err();
    assert_eq!((error.code(), code_of(&error)), (Code::NotFound, "model_not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_and_typed_tensors_come_to_the_same() {
    let (_house, mut client) = house_and_client().await;
    let answer = client.model_infer(row("a-1", ROW)).await.unwrap().into_inner();
    assert_eq!((answer.model_name.as_str(), answer.model_version.as_str(), answer.id.as_str()), ("rows", "1", "a-1"));
    assert_eq!((answer.outputs[0].name.as_str(), &answer.outputs[0].shape[..]), ("scores", &[1, 4][..]));
    assert_eq!(floats(&answer.raw_output_contents[0]), scores());
    let contents = InferTensorContents { fp32_contents: ROW.to_vec(), ..InferTensorContents::default() };
    let mut typed = row("a-1", ROW);
    typed.raw_input_contents.clear();
    typed.inputs[0].contents = Some(contents);
    assert_eq!(client.model_infer(typed).await.unwrap().into_inner(), answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_tensor_comes_back_as_it_went() {
    let house = identity_house().await;
    let values: Vec<f32> = (0..1_228_800).map(|number| number as f32).collect();
    let mut client = client(house.address).await;
    let answer = client.model_infer(raw("identity", "x", "", &values)).await.unwrap().into_inner();
    assert_eq!(answer.outputs[0].shape, [1, values.len() as i64]);
    assert!(floats(&answer.raw_output_contents[0]) == values);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_told_and_harms_nobody() {
    let (_house, mut client) = house_and_client().await;
    let with = |change: &dyn Fn(&mut ModelInferRequest)| {
        let mut request = row("", ROW);
        change(&mut request);
        request
    };
    let wanted = |name: &str| InferRequestedOutputTensor { name: name.to_owned(), ..Default::default() };
    let wrong = [
        with(&|request| request.model_name = "nobody".to_owned()),
        with(&|request| request.model_name = "../rows".to_owned()),
        with(&|request| request.model_version = "7".to_owned()),
        with(&|request| request.inputs.clear()),
        with(&|request| request.raw_input_contents.clear()),
        with(&|request| request.raw_input_contents.push(vec![0; 16].into())),
        with(&|request| request.raw_input_contents[0] = vec![0; 15].into()),
        with(&|request| request.inputs[0].name = "nobody".to_owned()),
        with(&|request| request.inputs[0].datatype = "FP33".to_owned()),
        with(&|request| request.inputs[0].datatype = "INT32".to_owned()),
        with(&|request| request.inputs[0].shape = vec![1, -4]),
        with(&|request| request.inputs[0].shape = vec![i64::MAX, 4]),
        with(&|request| request.inputs[0].shape = vec![1, 5]),
        with(&|request| request.inputs[0].contents = Some(InferTensorContents::default())),
        with(&|request| request.inputs.push(tensor("images", "FP32", &[1, 4]))),
        with(&|request| request.outputs = vec![wanted("nobody")]),
        with(&|request| request.outputs = vec![wanted("scores"), wanted("scores")]),
        with(&|request| drop(request.parameters.insert("timeout".to_owned(), text("soon")))),
        with(&|request| drop(request.parameters.insert("triton_x".to_owned(), number(1)))),
        with(&|request| drop(request.parameters.insert("sequence_id".to_owned(), number(1)))),
        with(&|request| drop(request.inputs[0].parameters.insert("shared_memory_region".to_owned(), text("r")))),
    ];
    for (place, request) in wrong.into_iter().enumerate() {
        let error = client.model_infer(request).await.unwrap_err();
        let known = [Code::InvalidArgument, Code::NotFound, Code::Unimplemented].contains(&error.code());
        assert!(known && !code_of(&error).is_empty(), "{place}: {error:?}");
        assert_eq!(client.model_infer(row("", ROW)).await.unwrap().into_inner().outputs.len(), 1, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_has_done_is_counted() {
    let (_house, mut client) = house_and_client().await;
    client.model_infer(row("", ROW)).await.unwrap();
    client.model_infer(row("", ROW)).await.unwrap();
    let asked = ModelStatisticsRequest { name: "rows".to_owned(), version: String::new() };
    let told = client.model_statistics(asked).await.unwrap().into_inner().model_stats;
    let counts = told[0].inference_stats.as_ref().unwrap();
    assert_eq!((told[0].inference_count, told[0].execution_count), (2, 2));
    assert_eq!((counts.success.unwrap().count, counts.queue.unwrap().count), (2, 2));
    assert!(counts.success.unwrap().ns > 0 && told[0].last_inference > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_loaded_and_unloaded() {
    let (house, mut client) = house_and_client().await;
    let loads = house.fake.counts().loads;
    let unload = RepositoryModelUnloadRequest { model_name: "rows".to_owned(), ..Default::default() };
    client.repository_model_unload(unload).await.unwrap();
    let index = client.repository_index(RepositoryIndexRequest::default()).await.unwrap().into_inner();
    assert_eq!((index.models[0].name.as_str(), index.models[0].state.as_str()), ("rows", "UNAVAILABLE"));
    // KServe's clients name the model in the first field.
    let load = RepositoryModelLoadRequest { repository_name: "rows".to_owned(), ..Default::default() };
    assert!(client.repository_model_load(load).await.unwrap().into_inner().is_loaded);
    let index = RepositoryIndexRequest { ready: true, ..Default::default() };
    assert_eq!(client.repository_index(index).await.unwrap().into_inner().models[0].state, "READY");
    assert!(house.fake.counts().loads > loads);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_told_and_kept() {
    let (_house, mut client) = house_and_client().await;
    let value = trace_setting_request::SettingValue { value: vec!["5".to_owned()] };
    let asked = TraceSettingRequest { settings: [("trace_rate".to_owned(), value)].into(), model_name: String::new() };
    assert_eq!(client.trace_setting(asked).await.unwrap().into_inner().settings["trace_rate"].value, ["5"]);
    let told = client.trace_setting(TraceSettingRequest::default()).await.unwrap().into_inner();
    assert_eq!(told.settings["trace_rate"].value, ["5"]);
    let told = client.log_settings(LogSettingsRequest::default()).await.unwrap().into_inner();
    assert!(told.settings.contains_key("log_verbose_level"));
    let nonsense = log_settings_request::SettingValue { parameter_choice: None };
    let nonsense = LogSettingsRequest { settings: [("log_nonsense".to_owned(), nonsense)].into() };
    assert_eq!(client.log_settings(nonsense).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_cards_is_not_taken_and_shared_memory_is_off() {
    let (_house, mut client) = house_and_client().await;
    let register = CudaSharedMemoryRegisterRequest { name: "a".to_owned(), ..Default::default() };
    assert_eq!(client.cuda_shared_memory_register(register).await.unwrap_err().code(), Code::Unimplemented);
    let status = client.cuda_shared_memory_status(CudaSharedMemoryStatusRequest::default()).await.unwrap();
    assert!(status.into_inner().regions.is_empty());
    client.cuda_shared_memory_unregister(CudaSharedMemoryUnregisterRequest::default()).await.unwrap();
    let error = client.system_shared_memory_status(SystemSharedMemoryStatusRequest::default()).await.unwrap_err();
    assert_eq!((error.code(), code_of(&error)), (Code::Unimplemented, "shared_memory_disabled"));
}

/// Occupies both slots of the device until the gate opens.
async fn occupy(house: &House, gate: &Gate) -> Vec<tokio::task::JoinHandle<bool>> {
    house.fake.hold_runs(gate);
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut client = client(house.address).await;
        busy.push(tokio::spawn(async move { client.model_infer(row("", ROW)).await.is_ok() }));
    }
    let held = gate.clone();
    tokio::task::spawn_blocking(move || held.wait_for(2)).await.unwrap();
    busy
}

/// Waits until so many wait in the queue.
async fn until_waiting(house: &House, count: usize) {
    let reached = timeout(PATIENCE, async {
        while house.registry.device_stats().waiting.iter().sum::<usize>() != count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(reached.await.is_ok(), "{:?} wait", house.registry.device_stats().waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_late_or_cancelled_is_never_begun() {
    let house = rows_house(options()).await;
    let warm = house.fake.counts().runs;
    let gate = Gate::closed();
    let busy = occupy(&house, &gate).await;
    let mut late = Request::new(row("", ROW));
    late.set_timeout(Duration::from_millis(50));
    let mut other = client(house.address).await;
    let code = other.model_infer(late).await.unwrap_err().code();
    // The client looks at the clock as well, and calls it so.
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?}");
    until_waiting(&house, 0).await;
    let mut late = row("", ROW);
    late.parameters.insert("timeout".to_owned(), number(50_000));
    assert_eq!(other.model_infer(late).await.unwrap_err().code(), Code::DeadlineExceeded);
    until_waiting(&house, 0).await;
    let mut cancelled = other.clone();
    let cancelled = tokio::spawn(async move { cancelled.model_infer(row("", ROW)).await.is_ok() });
    until_waiting(&house, 1).await;
    cancelled.abort();
    until_waiting(&house, 0).await;
    gate.open();
    for answered in busy {
        assert!(answered.await.unwrap());
    }
    assert_eq!(house.fake.counts().runs - warm, 2);
}

fn key(name: &str, secret: &str, scope: Scope) -> KeySpec {
    KeySpec { scopes: Scopes::default().with(scope), ..KeySpec::new(name, KeyDigest::of(secret)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_asked_for_as_over_http() {
    let keys = Keyring::new(&[key("a", "infers", Scope::Infer), key("b", "reads", Scope::Metrics)]).unwrap();
    let house = rows_house(ServerOptions { access: Arc::new(Access::keyed(keys)), ..options() }).await;
    let mut client = client(house.address).await;
    let with = |name: &'static str, value: &'static str| {
        let mut request = Request::new(row("", ROW));
        request.metadata_mut().insert(name, value.parse().unwrap());
        request
    };
    assert_eq!(client.model_infer(row("", ROW)).await.unwrap_err().code(), Code::Unauthenticated);
    let wrong = client.model_infer(with("authorization", "Bearer wrong")).await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    let other = client.model_infer(with("authorization", "Bearer reads")).await.unwrap_err();
    assert_eq!((other.code(), code_of(&other)), (Code::PermissionDenied, "forbidden"));
    assert!(client.model_infer(with("authorization", "Bearer infers")).await.is_ok());
    assert!(client.model_infer(with("x-api-key", "infers")).await.is_ok());
    assert!(client.server_live(ServerLiveRequest {}).await.is_ok(), "probes need none");
    let check = HealthCheckRequest::default();
    assert!(health_client(house.address).await.check(check).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_the_server_and_each_model() {
    let house = rows_house(options()).await;
    let mut client = health_client(house.address).await;
    for service in ["", "rows", "inference.GRPCInferenceService"] {
        let check = HealthCheckRequest { service: service.to_owned() };
        assert_eq!(client.check(check).await.unwrap().into_inner().status(), ServingStatus::Serving, "{service:?}");
    }
    let unknown = HealthCheckRequest { service: "nobody".to_owned() };
    assert_eq!(client.check(unknown.clone()).await.unwrap_err().code(), Code::NotFound);
    let mut watch = client.watch(unknown).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    let rows = HealthCheckRequest { service: "rows".to_owned() };
    let mut watch = client.watch(rows).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    house.registry.unload("rows").await.unwrap();
    let next = timeout(PATIENCE, watch.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_may_have_an_address_of_its_own() {
    let house = rows_house(options()).await;
    let options = ServerOptions { grpc_address: Some(options().address), ..options() };
    let server = Server::bind(options, Arc::clone(&house.registry), Arc::new(Metrics::new())).unwrap();
    let (address, own) = (server.local_addr(), server.grpc_addr().unwrap());
    assert_ne!(address, own);
    let served = tokio::spawn(server.serve(Shutdown::default()));
    for address in [address, own] {
        let answer = client(address).await.model_infer(row("", ROW)).await.unwrap().into_inner();
        assert_eq!(floats(&answer.raw_output_contents[0]), scores());
    }
    served.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_answered_before_the_end() {
    let mut house = rows_house(options()).await;
    let gate = Gate::closed();
    let busy = occupy(&house, &gate).await;
    house.shutdown.drain_now();
    gate.open();
    for answered in busy {
        assert!(answered.await.unwrap());
    }
    timeout(PATIENCE, &mut house.served).await.expect("the server ends").unwrap();
}
