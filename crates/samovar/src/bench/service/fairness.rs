//! Four clients of four kinds on one server, and one of them sends fifty times as much: what is left of the others' rates, where the
//! server tells them apart by address and where it does by key.

use super::arguments::BenchServiceArguments;
use super::report::{Fairness, FairnessRow};
use super::workload::Workload;
use crate::bench::load::{LevelFigures, PreparedRequest, Rate, picture_request, tensors, text_requests};
use crate::bench::server_process::ServerProcess;
use crate::bench::server_setup::ServerSetup;
use crate::bench::workplace::Workplace;
use crate::failure::CliError;
use crate::stderr;
use samovar_service::access::KeySecret;
use serde_json::json;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Requests a second of each of the modest.
const MODEST_PER_SECOND: f64 = 4.0;
/// How many times as much the greedy one sends.
const GREED: f64 = 50.0;
const MODEST_CONNECTIONS: u32 = 8;
const GREEDY_CONNECTIONS: u32 = 64;
/// One measurement, in seconds: forty requests of each of the modest.
const SECONDS_MIN: u64 = 10;

/// How the server tells its clients apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// No keys: each client asks from an address of its own.
    ByAddress,
    /// All ask from one address, each with a key of its own.
    ByKey,
}

/// Measures each of the modest alone, then all together with the detector's client as the greedy one: by address, then by key.
///
/// # Errors
/// A server that does not start.
pub async fn fairness(arguments: &BenchServiceArguments, files: Files<'_>) -> Result<Vec<Fairness>, CliError> {
    Ok(vec![measured(arguments, &files, Apart::ByAddress).await?, measured(arguments, &files, Apart::ByKey).await?])
}

/// The models' files and the picture.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    pub embedding: &'a Path,
    pub detector: &'a Path,
    pub faces: &'a Path,
    pub picture: &'a Path,
}

async fn measured(arguments: &BenchServiceArguments, files: &Files<'_>, apart: Apart) -> Result<Fairness, CliError> {
    let workplace = Workplace::new("service")?;
    let secrets = secrets()?;
    let setup = setup(&workplace, arguments, files);
    let setup = if apart == Apart::ByKey { setup.sections(&key_sections(&secrets)) } else { setup };
    let server = ServerProcess::start(&setup)?;
    server.wait_until_ready()?;
    let address = server.address();
    let mut clients = modest(&address.to_string(), files)?;
    clients.push(greedy(&address.to_string(), files)?);
    let mut clients: Vec<Workload> = clients
        .into_iter()
        .zip(1..)
        .zip(&secrets)
        .map(|((client, number), secret)| client.apart(apart, number, secret))
        .collect();
    let Some(greedy) = clients.pop() else { return Ok(Fairness::new(apart.name(), GREED)) };
    let duration = Duration::from_secs(arguments.duration.max(SECONDS_MIN));
    let mut figures = Fairness::new(apart.name(), GREED);
    figures.rows = clients.iter().map(|client| FairnessRow::new(client.name)).collect();
    for repetition in 1..=arguments.repetitions.max(1) {
        stderr::line(&format!("fairness, told apart by {}, {repetition} of {}", apart.name(), arguments.repetitions));
        for (client, row) in clients.iter().zip(&mut figures.rows) {
            row.alone.push(client.measure(address, duration).await);
        }
        let (greedy, together) = tokio::join!(greedy.measure(address, duration), all(&clients, address, duration));
        figures.rows.iter_mut().zip(together).for_each(|(row, together)| row.together.push(together));
        figures.greedy.push(greedy);
    }
    Ok(figures)
}

async fn all(workloads: &[Workload], address: SocketAddr, duration: Duration) -> Vec<LevelFigures> {
    futures_util::future::join_all(workloads.iter().map(|workload| workload.measure(address, duration))).await
}

fn setup(workplace: &Workplace, arguments: &BenchServiceArguments, files: &Files<'_>) -> ServerSetup {
    let setup = ServerSetup::new(&workplace.path().join("plans"), arguments.choices);
    setup.model("text", files.embedding, "").model("objects", files.detector, "").model("faces", files.faces, "")
}

/// One for each client.
fn secrets() -> Result<[KeySecret; 4], CliError> {
    let secret = || {
        KeySecret::random()
            .map_err(|error| CliError::new("internal", format!("the system gives no random numbers: {error}")))
    };
    Ok([secret()?, secret()?, secret()?, secret()?])
}

fn key_sections(secrets: &[KeySecret]) -> String {
    (1..).zip(secrets).fold(String::new(), |mut text, (number, secret)| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "[keys.client-{number}]\nsha256 = \"{}\"\nscopes = [\"infer\"]", secret.digest());
        text
    })
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

impl Apart {
    const fn name(self) -> &'static str {
        match self {
            Self::ByAddress => "address",
            Self::ByKey => "key",
        }
    }
}

impl Workload {
    /// The same of a client that the server can tell from the others.
    fn apart(self, apart: Apart, number: u8, secret: &KeySecret) -> Self {
        match apart {
            Apart::ByAddress => Self { from: Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))), ..self },
            Apart::ByKey => {
                let requests = self.requests.iter().map(|request| request.clone().with_key(secret.reveal())).collect();
                Self { requests, ..self }
            }
        }
    }
}
