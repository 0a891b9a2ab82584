//! What a load asks for: the requests of each surface, made before anything is timed.

use super::arguments::{BenchLoadArguments, SurfaceName};
use super::client::HttpClient;
use super::request::PreparedRequest;
use crate::failure::CliError;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// Different requests that take turns, so that no cache on the way makes them quicker than they are.
const REQUESTS: usize = 64;
const JSON: &str = "Content-Type: application/json\r\n";

/// The requests of a surface, at least one.
///
/// # Errors
/// A file that cannot be read, or a model that the server does not tell of.
pub async fn requests(arguments: &BenchLoadArguments, address: SocketAddr) -> Result<Vec<PreparedRequest>, CliError> {
    let host = address.to_string();
    match arguments.surface {
        SurfaceName::Health => Ok(vec![PreparedRequest::get(&host, "/health/live")]),
        SurfaceName::Embeddings | SurfaceName::Rerank | SurfaceName::Similarity => texts(arguments, &host),
        SurfaceName::Infer => Ok(vec![infer(arguments, address).await?]),
        SurfaceName::Body => body(arguments, &host),
        _ => picture(arguments, &host),
    }
}

fn texts(arguments: &BenchLoadArguments, host: &str) -> Result<Vec<PreparedRequest>, CliError> {
    let lines = match &arguments.texts {
        Some(file) => lines_of(file)?,
        None => sentences(),
    };
    let items = arguments.items as usize;
    let bodies = text_bodies(arguments.surface, arguments.model.as_deref(), items, &lines);
    let request = |(path, body): (&str, String)| PreparedRequest::post(host, path, JSON, body.as_bytes());
    Ok(bodies.into_iter().map(|body| request(body).of_items(items as u64)).collect())
}

fn text_bodies(
    surface: SurfaceName,
    model: Option<&str>,
    items: usize,
    lines: &[String],
) -> Vec<(&'static str, String)> {
    let mut endless = lines.iter().cycle();
    let mut some = || endless.by_ref().take(items).cloned().collect::<Vec<_>>();
    (0..REQUESTS)
        .map(|_| {
            let (path, mut body) = text_body(surface, &some());
            if let Some(model) = model {
                body["model"] = json!(model);
            }
            (path, body.to_string())
        })
        .collect()
}

fn text_body(surface: SurfaceName, texts: &[String]) -> (&'static str, Value) {
    let (first, rest) = (&texts[0], &texts[usize::from(texts.len() > 1)..]);
    match surface {
        SurfaceName::Rerank => ("/v1/rerank", json!({"query": first, "documents": rest})),
        SurfaceName::Similarity => ("/v1/similarity", json!({"texts": [first], "others": rest})),
        _ if texts.len() == 1 => ("/v1/embeddings", json!({"input": first})),
        _ => ("/v1/embeddings", json!({"input": texts})),
    }
}

/// Requests for embeddings of made-up sentences.
pub fn text_requests(host: &str, model: &str, items: usize) -> Vec<PreparedRequest> {
    text_bodies(SurfaceName::Embeddings, Some(model), items, &sentences())
        .into_iter()
        .map(|(path, body)| PreparedRequest::post(host, path, JSON, body.as_bytes()).of_items(items as u64))
        .collect()
}

fn picture(arguments: &BenchLoadArguments, host: &str) -> Result<Vec<PreparedRequest>, CliError> {
    let path = match arguments.surface {
        SurfaceName::Vision => "/embed/vision",
        SurfaceName::Pose => "/v1/pose",
        SurfaceName::Segment => "/v1/segment",
        SurfaceName::Faces => "/v1/faces",
        _ => "/v1/detect",
    };
    let file = arguments.picture.as_deref();
    let file = file
        .ok_or_else(|| CliError::new("picture_required", "this surface takes pictures").cure("--picture FILE.jpg"))?;
    Ok(vec![picture_request(host, path, arguments.model.as_deref(), file)?])
}

/// A request with a picture for a model.
///
/// # Errors
/// A file that cannot be read.
pub fn picture_request(host: &str, path: &str, model: Option<&str>, file: &Path) -> Result<PreparedRequest, CliError> {
    let query = model.map_or_else(String::new, |model| format!("?model={model}"));
    let lines = "Content-Type: application/octet-stream\r\n";
    Ok(PreparedRequest::post(host, &format!("{path}{query}"), lines, &read(file)?))
}

fn body(arguments: &BenchLoadArguments, host: &str) -> Result<Vec<PreparedRequest>, CliError> {
    let (path, file) = (arguments.path.as_deref().unwrap_or("/"), arguments.body.as_deref());
    let bytes = file.map(read).transpose()?.unwrap_or_default();
    let lines = format!("Content-Type: {}\r\n", arguments.content_type);
    Ok(vec![PreparedRequest::post(host, path, &lines, &bytes)])
}

/// Tensors for a model as the server describes it, and all outputs back in binary.
async fn infer(arguments: &BenchLoadArguments, address: SocketAddr) -> Result<PreparedRequest, CliError> {
    let host = address.to_string();
    let model = arguments.model.as_deref();
    let model = model.ok_or_else(|| CliError::new("model_required", "tensors go to a model").cure("--model NAME"))?;
    let request = PreparedRequest::get(&host, &format!("/v2/models/{model}"));
    let mut client = HttpClient::new(address);
    let no_answer = |error| CliError::new("server_unreachable", format!("{host} does not answer: {error}"));
    let answer = client.send(&request.bytes).await.map_err(no_answer)?;
    let told: Value = serde_json::from_slice(client.body(answer)).unwrap_or_default();
    let inputs = told["inputs"].as_array().filter(|_| answer.status == 200);
    let inputs = inputs
        .ok_or_else(|| CliError::new("model_not_found", format!("the server tells nothing of a model `{model}`")))?;
    tensors(&host, model, inputs, &arguments.sizes)
}

/// The request for a model with these inputs as the Open Inference Protocol describes them.
///
/// # Errors
/// An input whose elements have no fixed size.
pub fn tensors(host: &str, model: &str, inputs: &[Value], sizes: &[usize]) -> Result<PreparedRequest, CliError> {
    let mut sizes = sizes.iter();
    let (mut described, mut data) = (Vec::new(), Vec::new());
    for input in inputs {
        let open = |size: &Value| size.as_u64().unwrap_or_else(|| *sizes.next().unwrap_or(&1) as u64);
        let shape: Vec<u64> = input["shape"].as_array().into_iter().flatten().map(open).collect();
        let data_type = input["datatype"].as_str().unwrap_or_default();
        let Some(bytes) = element_bytes(data_type) else {
            return Err(CliError::new(
                "tensor_unsupported",
                format!("an input of type `{data_type}` cannot be made up"),
            ));
        };
        let bytes = shape.iter().product::<u64>() as usize * bytes;
        described.push(json!({"name": input["name"], "shape": shape, "datatype": data_type, "parameters": {"binary_data_size": bytes}}));
        data.resize(data.len() + bytes, 0_u8);
    }
    let head = json!({"inputs": described, "parameters": {"binary_data_output": true}}).to_string();
    let lines =
        format!("Content-Type: application/octet-stream\r\nInference-Header-Content-Length: {}\r\n", head.len());
    let body = [head.as_bytes(), &data].concat();
    Ok(PreparedRequest::post(host, &format!("/v2/models/{model}/infer"), &lines, &body))
}

fn element_bytes(data_type: &str) -> Option<usize> {
    match data_type {
        "BOOL" | "UINT8" | "INT8" => Some(1),
        "UINT16" | "INT16" | "FP16" | "BF16" => Some(2),
        "UINT32" | "INT32" | "FP32" => Some(4),
        "UINT64" | "INT64" | "FP64" => Some(8),
        _ => None,
    }
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(file).map_err(|error| CliError::new("file_unreadable", format!("{}: {error}", file.display())))
}

fn lines_of(file: &Path) -> Result<Vec<String>, CliError> {
    let text = String::from_utf8(read(file)?)
        .map_err(|_| CliError::new("file_unreadable", format!("{} is no UTF-8 text", file.display())))?;
    let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() {
        return Err(CliError::new("file_unreadable", format!("{} has no line", file.display())));
    }
    Ok(lines)
}

/// Made-up sentences of 6 to 24 words, the same every time.
pub fn sentences() -> Vec<String> {
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        // Knuth's MMIX generator: enough to mix words.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let sentence = |_| {
        let count = 6 + next(19);
        (0..count).map(|_| WORDS[next(WORDS.len())]).collect::<Vec<_>>().join(" ")
    };
    (0..512).map(sentence).collect()
}

const WORDS: [&str; 48] = [
    "the", "a", "camera", "street", "person", "walks", "slowly", "across", "kettle", "boils", "water", "while",
    "train", "leaves", "station", "at", "night", "music", "plays", "in", "small", "kitchen", "where", "somebody",
    "reads", "old", "letter", "about", "harbour", "storm", "and", "ships", "that", "never", "came", "home", "because",
    "light", "failed", "red", "door", "opens", "under", "bridge", "children", "run", "through", "rain",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_sentences_have_6_to_24_words() {
        let sentences = sentences();
        assert!(sentences.iter().all(|text| (6..=24).contains(&text.split(' ').count())));
        assert!(sentences.iter().collect::<std::collections::HashSet<_>>().len() > 500);
    }

    #[test]
    fn tensors_are_as_long_as_their_shapes_say() {
        let inputs = [
            json!({"name": "x", "datatype": "FP32", "shape": [-1, 3, -1]}),
            json!({"name": "n", "datatype": "INT64", "shape": [2]}),
        ];
        let request = tensors("h", "m", &inputs, &[2, 5]).unwrap();
        let text = String::from_utf8(request.bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        assert!(body.contains("\"binary_data_size\":120") && body.contains("[2,3,5]"), "{body}");
        assert_eq!(body.bytes().filter(|byte| *byte == 0).count(), 120 + 16);
        assert!(tensors("h", "m", &[json!({"name": "s", "datatype": "BYTES", "shape": [1]})], &[]).is_err());
    }
}
