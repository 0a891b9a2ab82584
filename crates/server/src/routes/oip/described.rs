//! What the page of the API says of the protocol's addresses. Its bodies are described by the protocol itself; here stands an example.

use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, PathItem, Paths, Required, ResponseBuilder, Type};

/// One address: how it is asked, what for, and what it takes.
struct Address {
    method: HttpMethod,
    path: &'static str,
    summary: &'static str,
    body: Body,
}

/// What an address takes.
#[derive(Clone, Copy)]
enum Body {
    Nothing,
    /// JSON like this.
    Json(fn() -> Value),
    /// JSON like this, the same with binary tensors behind it, or the bytes of one tensor.
    Tensors(fn() -> Value),
}

const fn get(path: &'static str, summary: &'static str) -> Address {
    Address { method: HttpMethod::Get, path, summary, body: Body::Nothing }
}

const fn post(path: &'static str, summary: &'static str, body: Body) -> Address {
    Address { method: HttpMethod::Post, path, summary, body }
}

const SERVER: &[Address] = &[
    get("/v2", "The server's name, version and extensions."),
    get("/v2/health/live", "Whether the process is there."),
    get("/v2/health/ready", "Whether requests may be sent here."),
    get("/v2/models", "The names of all models."),
    get("/v2/models/stats", "What every model has done."),
    post("/v2/repository/index", "Every model with its state.", Body::Json(|| json!({"ready": true}))),
    post("/v2/repository/models/{model}/load", "Loads and warms a model.", Body::Nothing),
    post("/v2/repository/models/{model}/unload", "Finishes a model's accepted work and frees it.", Body::Nothing),
    get("/v2/trace/setting", "Trace settings of the server."),
    post("/v2/trace/setting", "Keeps trace settings.", Body::Json(|| json!({"trace_rate": "100"}))),
    get("/v2/models/{model}/trace/setting", "Trace settings of a model."),
    post("/v2/models/{model}/trace/setting", "Keeps a model's.", Body::Json(|| json!({"trace_rate": "100"}))),
    get("/v2/logging", "What the process logs."),
    post("/v2/logging", "Sets what the process logs.", Body::Json(|| json!({"log_verbose_level": 1}))),
];

const OF_MODEL: &[(&str, Address)] = &[
    ("", get("", "What goes into a model and comes out.")),
    ("/ready", get("", "Whether a model serves at this moment. Asking does not load it.")),
    ("/config", get("", "A model's configuration.")),
    ("/stats", get("", "What a model has done.")),
    ("/infer", post("", "One inference: tensors in, tensors out.", Body::Tensors(infer_request))),
    ("/generate", post("", "No model here generates text: 501.", Body::Nothing)),
    ("/generate_stream", post("", "No model here generates text: 501.", Body::Nothing)),
];

const SHARED: &[Address] = &[
    get("/v2/systemsharedmemory/status", "The caller's regions of shared memory."),
    post("/v2/systemsharedmemory/unregister", "Forgets all of them.", Body::Nothing),
    get("/v2/systemsharedmemory/region/{region}/status", "One of them."),
    post("/v2/systemsharedmemory/region/{region}/register", "Registers a region.", Body::Json(region_request)),
    post("/v2/systemsharedmemory/region/{region}/unregister", "Forgets a region.", Body::Nothing),
    get("/v2/cudasharedmemory/status", "Memory of graphics cards is not shared: none."),
    post("/v2/cudasharedmemory/unregister", "There is nothing to forget.", Body::Nothing),
    get("/v2/cudasharedmemory/region/{region}/status", "Memory of graphics cards is not shared: 501."),
    post(
        "/v2/cudasharedmemory/region/{region}/register",
        "Memory of graphics cards is not shared: 501.",
        Body::Nothing,
    ),
    post("/v2/cudasharedmemory/region/{region}/unregister", "There is nothing to forget.", Body::Nothing),
];

fn infer_request() -> Value {
    json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [0.1, 0.2, 0.3]}]})
}

fn region_request() -> Value {
    json!({"key": "/input", "offset": 0, "byte_size": 4096})
}

/// Every address of the protocol.
pub(crate) fn describe() -> Paths {
    let mut paths = PathsBuilder::new().build();
    let mut add = |address: &Address, path: &str| {
        paths.add_path_operation(path, vec![address.method.clone()], operation(address, path));
    };
    SERVER.iter().chain(SHARED).for_each(|address| add(address, address.path));
    for base in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
        OF_MODEL.iter().for_each(|(rest, address)| add(address, &format!("{base}{rest}")));
    }
    paths
}

fn operation(address: &Address, path: &str) -> Operation {
    let error = "`{\"error\": …, \"code\": …}`";
    let operation =
        OperationBuilder::new().tag("protocol").summary(Some(address.summary)).request_body(body(address.body));
    let operation = ["model", "version", "region"].iter().filter(|name| path.contains(&format!("{{{name}}}"))).fold(
        operation,
        |operation, name| {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let parameter =
                ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Path).required(Required::True);
            operation.parameter(parameter.schema(Some(text)))
        },
    );
    let answer = ContentBuilder::new().schema(Some(ObjectBuilder::new())).build();
    operation
        .response(
            "200",
            ResponseBuilder::new().description("As the protocol has it").content("application/json", answer),
        )
        .response("4XX", ResponseBuilder::new().description(error))
        .response("5XX", ResponseBuilder::new().description(error))
        .build()
}

fn body(body: Body) -> Option<RequestBody> {
    let (example, tensors) = match body {
        Body::Nothing => return None,
        Body::Json(example) => (example(), false),
        Body::Tensors(example) => (example(), true),
    };
    let json = ContentBuilder::new().schema(Some(ObjectBuilder::new())).example(Some(example)).build();
    let described = RequestBodyBuilder::new().content("application/json", json);
    let bytes = || ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    let described = if tensors { described.content("application/octet-stream", bytes()) } else { described };
    Some(described.build())
}

/// The page with the protocol's addresses on it.
pub(crate) fn add_to(api: &mut utoipa::openapi::OpenApi) {
    let described: Vec<(String, PathItem)> = describe().paths.into_iter().collect();
    api.paths.paths.extend(described);
}
