//! One client: asks every model in turn, and times every answer.

use crate::bench::load::{HttpClient, PreparedRequest, picture_request, tensors, text_requests};
use crate::failure::CliError;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

/// What one model is asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub model: String,
    pub family: String,
    /// In which it is served.
    pub precision: String,
    pub request: PreparedRequest,
}

impl Question {
    /// What fits a model's family: texts, a picture, or tensors.
    ///
    /// # Errors
    /// A family that takes a picture where there is none, or one that this bench does not know.
    pub fn of(host: &str, model: &Value, described: &Value, picture: Option<&Path>) -> Result<Self, CliError> {
        let name = model["id"].as_str().unwrap_or_default();
        let family = model["serving"]["family"].as_str().unwrap_or_default();
        let precision = model["serving"]["precision"].as_str().unwrap_or_default();
        let inputs = described["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let takes_pictures = inputs.iter().any(|input| input["shape"].as_array().is_some_and(|shape| shape.len() == 4));
        let sent = |path| {
            let picture = picture.ok_or_else(|| {
                CliError::new("picture_required", format!("`{name}` takes pictures")).cure("--picture FILE.jpg")
            })?;
            picture_request(host, path, Some(name), picture)
        };
        let request = match family {
            "text-embedding" => one_text(host, name),
            "image-text-embedding" if takes_pictures => sent("/embed/vision")?,
            "image-text-embedding" => one_text(host, name),
            "yunet" => sent("/v1/faces")?,
            "yolo" | "yolox" => sent("/v1/detect")?,
            _ => tensors(host, name, inputs, &sizes(inputs))?,
        };
        Ok(Self { model: name.to_owned(), family: family.to_owned(), precision: precision.to_owned(), request })
    }
}

fn one_text(host: &str, model: &str) -> PreparedRequest {
    text_requests(host, model, 1).swap_remove(0)
}

/// One row, and a few numbers for every other axis that a graph leaves open.
fn sizes(inputs: &[Value]) -> Vec<usize> {
    let axes = inputs.iter().flat_map(|input| input["shape"].as_array().into_iter().flatten().enumerate());
    let open = axes.filter(|(_, size)| size.as_i64().is_some_and(|size| size < 0));
    open.map(|(axis, _)| if axis == 0 { 1 } else { 4 }).collect()
}

/// Milliseconds of every answer, one list for each question.
///
/// # Errors
/// An answer that is none.
pub async fn ask(address: SocketAddr, questions: &[Question], requests: u32) -> Result<Vec<Vec<f64>>, CliError> {
    let mut client = HttpClient::new(address);
    let mut times = vec![Vec::new(); questions.len()];
    for _ in 0..requests {
        for (question, times) in questions.iter().zip(&mut times) {
            let began = Instant::now();
            let failed = |what: String| CliError::new("request_failed", format!("`{}`: {what}", question.model));
            let answer = client.send(&question.request.bytes).await.map_err(|error| failed(error.to_string()))?;
            if answer.status >= 400 {
                return Err(failed(String::from_utf8_lossy(client.body(answer)).into_owned()));
            }
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(times)
}
