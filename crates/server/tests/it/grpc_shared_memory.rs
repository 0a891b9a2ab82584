//! Tensors in system shared memory: what registers, what is refused, and regions that change under a request.

use crate::grpc_client::inference::model_infer_request::InferRequestedOutputTensor;
use crate::grpc_client::inference::{
    InferParameter, ModelInferRequest, ServerMetadataRequest, SystemSharedMemoryRegisterRequest,
    SystemSharedMemoryStatusRequest, SystemSharedMemoryUnregisterRequest,
};
use crate::grpc_client::{Client, bytes_of, client, code_of, floats, number, row, rows_house, text};
use crate::house::{House, options};
use samovar_engines::{Gate, fake_digest};
use samovar_server::ServerOptions;
use samovar_service::shared_memory::SharedMemoryLimits;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonic::{Code, Status};

/// An object of shared memory that ends with the test.
struct Object {
    key: String,
    file: File,
}

impl Object {
    fn new(byte_size: u64) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let key = format!("/samovar-test-{}-{number}", std::process::id());
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path(&key)).unwrap();
        file.set_len(byte_size).unwrap();
        Self { key, file }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        std::fs::remove_file(path(&self.key)).ok();
    }
}

fn path(key: &str) -> PathBuf {
    PathBuf::from(format!("/dev/shm{key}"))
}

async fn house() -> (House, Client) {
    let limits = SharedMemoryLimits { regions_max: 3, bytes_max: 1 << 20, ..SharedMemoryLimits::default() };
    let house = rows_house(ServerOptions { shared_memory: Some(limits), ..options() }).await;
    let client = client(house.address).await;
    (house, client)
}

async fn register(client: &mut Client, name: &str, key: &str, (offset, byte_size): (u64, u64)) -> Result<(), Status> {
    let request = SystemSharedMemoryRegisterRequest { name: name.to_owned(), key: key.to_owned(), offset, byte_size };
    client.system_shared_memory_register(request).await.map(drop)
}

async fn unregister(client: &mut Client, name: &str) {
    let request = SystemSharedMemoryUnregisterRequest { name: name.to_owned() };
    client.system_shared_memory_unregister(request).await.unwrap();
}

async fn regions(client: &mut Client) -> usize {
    let status = client.system_shared_memory_status(SystemSharedMemoryStatusRequest::default()).await.unwrap();
    status.into_inner().regions.len()
}

fn place(region: &str, offset: i64, byte_size: i64) -> std::collections::HashMap<String, InferParameter> {
    [
        ("shared_memory_region".to_owned(), text(region)),
        ("shared_memory_offset".to_owned(), number(offset)),
        ("shared_memory_byte_size".to_owned(), number(byte_size)),
    ]
    .into()
}

/// A row that is in `input`, its scores wanted in `output`.
fn shared_row(input: (&str, i64, i64), output: Option<(&str, i64, i64)>) -> ModelInferRequest {
    let mut request = row("", [0.0; 4]);
    request.raw_input_contents.clear();
    request.inputs[0].parameters = place(input.0, input.1, input.2);
    let wanted = |(region, offset, byte_size)| InferRequestedOutputTensor {
        name: "scores".to_owned(),
        parameters: place(region, offset, byte_size),
    };
    request.outputs = output.map(wanted).into_iter().collect();
    request
}

const ROW: [f32; 4] = [1.0, 2.0, 3.0, 4.0];

#[tokio::test(flavor = "multi_thread")]
async fn tensors_go_in_and_out_without_the_wire() {
    let (_house, mut client) = house().await;
    let server = client.server_metadata(ServerMetadataRequest {}).await.unwrap().into_inner();
    assert!(server.extensions.contains(&"system_shared_memory".to_owned()));
    let object = Object::new(4096);
    object.file.write_all_at(&bytes_of(&ROW), 64).unwrap();
    register(&mut client, "in", &object.key, (64, 16)).await.unwrap();
    register(&mut client, "out", &object.key, (1024, 1024)).await.unwrap();
    let answer = client.model_infer(shared_row(("in", 0, 16), Some(("out", 8, 16)))).await.unwrap().into_inner();
    assert_eq!(answer.raw_output_contents, [bytes::Bytes::new()], "an empty entry for each output");
    assert_eq!(answer.outputs[0].parameters["shared_memory_region"], text("out"));
    let mut written = [0; 16];
    object.file.read_exact_at(&mut written, 1032).unwrap();
    assert_eq!(floats(&written)[0], fake_digest(&ROW) as f32);
    let asked = SystemSharedMemoryStatusRequest { name: "in".to_owned() };
    let told = client.system_shared_memory_status(asked).await.unwrap().into_inner();
    assert_eq!((told.regions["in"].offset, told.regions["in"].byte_size), (64, 16));
    unregister(&mut client, "").await;
    assert_eq!(regions(&mut client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_plain_objects_of_a_fitting_size_register() {
    let (_house, mut client) = house().await;
    let object = Object::new(4096);
    let link = Object::new(1);
    std::fs::remove_file(path(&link.key)).unwrap();
    std::os::unix::fs::symlink(path(&object.key), path(&link.key)).unwrap();
    for (key, range, expected) in [
        ("/no-such-object", (0, 1), "shared_memory_missing"),
        (link.key.as_str(), (0, 1), "shared_memory_missing"),
        ("/../etc/passwd", (0, 1), "shared_memory_key"),
        ("a/b", (0, 1), "shared_memory_key"),
        ("", (0, 1), "shared_memory_key"),
        ("/", (0, 1), "shared_memory_key"),
        ("..", (0, 1), "shared_memory_key"),
        (object.key.as_str(), (0, 4097), "shared_memory_range"),
        (object.key.as_str(), (4097, 1), "shared_memory_range"),
        (object.key.as_str(), (1, u64::MAX), "shared_memory_range"),
        (object.key.as_str(), (u64::MAX, u64::MAX), "shared_memory_range"),
        (object.key.as_str(), (0, 0), "shared_memory_range"),
    ] {
        let error = register(&mut client, "r", key, range).await.unwrap_err();
        assert_eq!(code_of(&error), expected, "{key:?} {range:?}: {error:?}");
        assert!(!error.message().contains("/dev/shm"), "{error:?}");
    }
    assert_eq!(regions(&mut client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_taken_once_and_numbers_are_bounded() {
    let (_house, mut client) = house().await;
    let (object, large) = (Object::new(4096), Object::new(2 << 20));
    register(&mut client, "a", &object.key, (0, 16)).await.unwrap();
    let again = register(&mut client, "a", &object.key, (0, 16)).await.unwrap_err();
    assert_eq!(code_of(&again), "shared_memory_exists");
    let over = register(&mut client, "b", &large.key, (0, 2 << 20)).await.unwrap_err();
    assert_eq!((over.code(), code_of(&over)), (Code::ResourceExhausted, "shared_memory_full"));
    register(&mut client, "b", &object.key, (0, 4096)).await.unwrap();
    register(&mut client, "c", &object.key, (8, 16)).await.unwrap();
    let fourth = register(&mut client, "d", &object.key, (0, 16)).await.unwrap_err();
    assert_eq!(code_of(&fourth), "shared_memory_full");
    unregister(&mut client, "nobody").await;
    unregister(&mut client, "a").await;
    register(&mut client, "a", &object.key, (0, 16)).await.unwrap();
    assert_eq!(regions(&mut client).await, 3);
    let unknown = SystemSharedMemoryStatusRequest { name: "d".to_owned() };
    assert_eq!(client.system_shared_memory_status(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_stay_within_their_regions() {
    let (_house, mut client) = house().await;
    let object = Object::new(4096);
    register(&mut client, "r", &object.key, (0, 64)).await.unwrap();
    let wrong = [
        (shared_row(("nobody", 0, 16), None), "shared_memory_unknown"),
        (shared_row(("r", 49, 16), None), "shared_memory_range"),
        (shared_row(("r", i64::MAX, 16), None), "shared_memory_range"),
        (shared_row(("r", 0, i64::MAX), None), ""),
        (shared_row(("r", -1, 16), None), "invalid_parameter"),
        (shared_row(("r", 0, -16), None), "invalid_parameter"),
        (shared_row(("r", 0, 12), None), ""),
        (shared_row(("r", 0, 16), Some(("nobody", 0, 16))), "shared_memory_unknown"),
        (shared_row(("r", 0, 16), Some(("r", 60, 16))), "shared_memory_range"),
        (shared_row(("r", 0, 16), Some(("r", 0, 8))), ""),
    ];
    for (place, (request, expected)) in wrong.into_iter().enumerate() {
        let error = client.model_infer(request).await.unwrap_err();
        let known = expected.is_empty() || code_of(&error) == expected;
        assert!(known && error.code() != Code::Internal, "{place}: {error:?}");
    }
    let overlapping = shared_row(("r", 0, 16), Some(("r", 8, 16)));
    assert!(client.model_infer(overlapping).await.is_ok(), "the input was read before the output is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_shrinks_is_no_crash() {
    let (_house, mut client) = house().await;
    let object = Object::new(4096);
    register(&mut client, "in", &object.key, (0, 16)).await.unwrap();
    register(&mut client, "out", &object.key, (2048, 16)).await.unwrap();
    object.file.set_len(2048).unwrap();
    let error = client.model_infer(shared_row(("in", 0, 16), Some(("out", 0, 16)))).await.unwrap_err();
    assert_eq!(code_of(&error), "shared_memory_truncated", "{error:?}");
    assert_eq!(object.file.metadata().unwrap().len(), 2048, "and it is not made longer");
    object.file.set_len(0).unwrap();
    let error = client.model_infer(shared_row(("in", 0, 16), None)).await.unwrap_err();
    assert_eq!(code_of(&error), "shared_memory_truncated", "{error:?}");
    assert!(client.model_infer(row("", ROW)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_forgotten_in_use_serves_to_the_end() {
    let (house, mut client) = house().await;
    let object = Object::new(64);
    register(&mut client, "r", &object.key, (0, 64)).await.unwrap();
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    let mut asking = client.clone();
    let asked = shared_row(("r", 0, 16), Some(("r", 16, 16)));
    let answer = tokio::spawn(async move { asking.model_infer(asked).await });
    let held = gate.clone();
    tokio::task::spawn_blocking(move || held.wait_for(1)).await.unwrap();
    unregister(&mut client, "r").await;
    gate.open();
    answer.await.unwrap().unwrap();
    let error = client.model_infer(shared_row(("r", 0, 16), None)).await.unwrap_err();
    assert_eq!(code_of(&error), "shared_memory_unknown");
}
