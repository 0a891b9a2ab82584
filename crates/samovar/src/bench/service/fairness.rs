//! Four clients of four kinds on one server, and one of them sends fifty times as much: what is left of the others' rates.

use super::arguments::BenchServiceArguments;
use super::report::{Fairness, FairnessRow};
use super::workload::Workload;
use crate::bench::load::{LevelFigures, PreparedRequest, Rate, picture_request, tensors, text_requests};
use crate::bench::server_process::ServerProcess;
use crate::bench::server_setup::ServerSetup;
use crate::bench::workplace::Workplace;
use crate::failure::CliError;
use crate::stderr;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Requests a second of each of the modest.
const MODEST_PER_SECOND: f64 = 4.0;
/// How many times as much the greedy one sends.
const GREED: f64 = 50.0;
const MODEST_CONNECTIONS: u32 = 8;
const GREEDY_CONNECTIONS: u32 = 64;

/// Measures everybody alone, then all together, with the detector's client as the greedy one.
///
/// # Errors
/// A server that does not start.
pub async fn fairness(arguments: &BenchServiceArguments, files: Files<'_>) -> Result<Fairness, CliError> {
    let workplace = Workplace::new("service")?;
    let setup = ServerSetup::new(&workplace.path().join("plans"), arguments.choices);
    let setup =
        setup.model("text", files.embedding, "").model("objects", files.detector, "").model("faces", files.faces, "");
    let server = ServerProcess::start(&setup)?;
    server.wait_until_ready()?;
    let (address, duration) = (server.address(), Duration::from_secs(arguments.duration.max(10)));
    let modest = modest(&address.to_string(), &files)?;
    let mut alone = Vec::new();
    for workload in &modest {
        stderr::line(&format!("{} alone", workload.name));
        alone.push(workload.measure(address, duration).await);
    }
    stderr::line("all together, one of them greedy");
    let greedy = greedy(&address.to_string(), &files)?;
    let (greedy, together) = tokio::join!(greedy.measure(address, duration), all(&modest, address, duration));
    let rows = modest.iter().zip(alone).zip(together);
    let rows = rows.map(|((workload, alone), together)| FairnessRow::new(workload.name, &alone, &together)).collect();
    Ok(Fairness { greed: GREED, rows, greedy })
}

/// The models' files and the picture.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    pub embedding: &'a Path,
    pub detector: &'a Path,
    pub faces: &'a Path,
    pub picture: &'a Path,
}

async fn all(workloads: &[Workload], address: SocketAddr, duration: Duration) -> Vec<LevelFigures> {
    futures_util::future::join_all(workloads.iter().map(|workload| workload.measure(address, duration))).await
}

fn modest(host: &str, files: &Files<'_>) -> Result<Vec<Workload>, CliError> {
    let words = |name, requests: Vec<PreparedRequest>| Workload {
        rate: Rate::PerSecond(MODEST_PER_SECOND),
        ..Workload::closed(name, requests, MODEST_CONNECTIONS)
    };
    let tokens = |name: &str| json!({"name": name, "datatype": "INT64", "shape": [1, 16]});
    let inputs = ["input_ids", "attention_mask", "token_type_ids"].map(tokens);
    Ok(vec![
        words("embeddings", text_requests(host, "text", 8)),
        words("faces", vec![picture_request(host, "/v1/faces", Some("faces"), files.picture)?]),
        words("tensors", vec![tensors(host, "text", &inputs, &[])?]),
    ])
}

fn greedy(host: &str, files: &Files<'_>) -> Result<Workload, CliError> {
    let request = picture_request(host, "/v1/detect", Some("objects"), files.picture)?;
    let rate = Rate::PerSecond(MODEST_PER_SECOND * GREED);
    Ok(Workload { rate, ..Workload::closed("detect", vec![request], GREEDY_CONNECTIONS) })
}
