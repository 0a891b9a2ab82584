//! `samovar bench open`: how long a stream takes to open on a warm model, what an idle one holds, and start to ready.

use super::idle;
use super::server_process::ServerProcess;
use super::server_setup::{ServerSetup, name_of};
use super::statistics::percentile;
use super::workplace::Workplace;
use crate::arguments::BenchOpenArguments;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A stream's client end.
pub type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    /// What was typed.
    command: String,
    /// Models of the server that was started for this.
    models: usize,
    /// From its start to its readiness; none for a server that ran already.
    start_to_ready_ms: Option<f64>,
    /// Streams that were opened at once while the model was not in memory; none for a server that ran already.
    cold: Option<ColdOpens>,
    opens: usize,
    /// From the connection's beginning to the `ready` event.
    open_p50_ms: f64,
    open_p99_ms: f64,
    open_max_ms: f64,
    idle_streams: usize,
    /// Growth of the server's resident memory by one idle stream.
    idle_stream_bytes: Option<u64>,
}

/// Streams that were opened at once on a model that was not in memory.
#[derive(Debug, Serialize)]
struct ColdOpens {
    rounds: usize,
    streams: usize,
    open_p50_ms: f64,
    open_p99_ms: f64,
    /// Warm-ups of all rounds, and opens that found the model warm.
    warm_ups: f64,
    skipped: f64,
}

/// Runs the command.
///
/// # Errors
/// Where the server does not start or a stream does not open.
pub fn open(arguments: &BenchOpenArguments) -> Result<Exit, CliError> {
    let workplace = Workplace::new("open")?;
    let server = match &arguments.url {
        Some(url) => ServerProcess::running(address(url)?),
        None => {
            let setup = ServerSetup::new(workplace.path(), arguments.choices);
            ServerProcess::start(&setup.files(&arguments.model))?
        }
    };
    let ready = server.wait_until_ready()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let figures = runtime.block_on(measure(arguments, &server, ready.as_secs_f64() * 1e3))?;
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

async fn measure(arguments: &BenchOpenArguments, server: &ServerProcess, ready_ms: f64) -> Result<Figures, CliError> {
    let url = stream_url(server.address(), arguments);
    let cold = match arguments.model.first() {
        Some(model) => Some(cold_opens(server, &name_of(model), &url).await?),
        None => None,
    };
    for _ in 0..WARM_UP_OPENS {
        open_one(&url).await?;
    }
    // First, while the server has nothing to give back that a new stream could take.
    let idle_stream_bytes = idle::bytes_per_stream(server, &url, arguments.idle).await?;
    let mut opens_ms = Vec::new();
    for _ in 0..arguments.opens.max(1) {
        let (mut client, took_ms) = open_one(&url).await?;
        opens_ms.push(took_ms);
        // The next open must not meet the last one's end.
        let _ = client.close(None).await;
        while let Some(Ok(_)) = client.next().await {}
    }
    Ok(Figures {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        models: arguments.model.len(),
        start_to_ready_ms: arguments.url.is_none().then_some(ready_ms),
        cold,
        opens: opens_ms.len(),
        open_p50_ms: percentile(&opens_ms, 0.5),
        open_p99_ms: percentile(&opens_ms, 0.99),
        open_max_ms: percentile(&opens_ms, 1.0),
        idle_streams: arguments.idle,
        idle_stream_bytes,
    })
}

/// Frees the model, then opens several streams at once, a few times over.
async fn cold_opens(server: &ServerProcess, model: &str, url: &str) -> Result<ColdOpens, CliError> {
    let counts = || {
        ["warmup", "warmup_skipped"].map(|name| server.metric(&format!("samovar_{name}_total{{model=\"{model}\"}}")))
    };
    let before = counts();
    let mut opens_ms = Vec::new();
    for _ in 0..COLD_ROUNDS {
        server.post("/v1/models/clear", &json!({}))?;
        let mut opening: JoinSet<_> = (0..COLD_STREAMS).map(|_| open_owned(url.to_owned())).collect();
        while let Some(opened) = opening.join_next().await {
            let (_, took_ms) = opened.map_err(|_| CliError::new("internal", "a stream's task failed"))??;
            opens_ms.push(took_ms);
        }
    }
    let after = counts();
    Ok(ColdOpens {
        rounds: COLD_ROUNDS,
        streams: COLD_STREAMS,
        open_p50_ms: percentile(&opens_ms, 0.5),
        open_p99_ms: percentile(&opens_ms, 0.99),
        warm_ups: after[0] - before[0],
        skipped: after[1] - before[1],
    })
}

async fn open_owned(url: String) -> Result<(Client, f64), CliError> {
    open_one(&url).await
}

const COLD_ROUNDS: usize = 5;
const COLD_STREAMS: usize = 10;

/// Opens before anything counts.
const WARM_UP_OPENS: usize = 5;

/// Opens a stream and waits for its `ready`; tells the milliseconds.
///
/// # Errors
/// Where it does not get there.
pub async fn open_one(url: &str) -> Result<(Client, f64), CliError> {
    let started = Instant::now();
    let refused = |what: String| CliError::new("stream_failed", format!("a stream could not be opened: {what}"));
    let (mut client, _) = connect_async(url).await.map_err(|error| refused(error.to_string()))?;
    match client.next().await {
        Some(Ok(Message::Text(text))) if text.contains("\"ready\"") => {
            Ok((client, started.elapsed().as_secs_f64() * 1e3))
        }
        Some(Ok(other)) => Err(refused(format!("the server said {other}"))),
        Some(Err(error)) => Err(refused(error.to_string())),
        None => Err(refused("the server closed it".to_owned())),
    }
}

/// Streams of the first model.
fn stream_url(address: SocketAddr, arguments: &BenchOpenArguments) -> String {
    let stem = arguments.model.first().and_then(|path| path.file_stem());
    let model = stem.map_or_else(String::new, |stem| format!("?model={}", stem.to_string_lossy()));
    format!("ws://{address}/v1/streams/detect{model}")
}

/// The address of `http://127.0.0.1:8080`.
fn address(url: &str) -> Result<SocketAddr, CliError> {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let mut found = std::net::ToSocketAddrs::to_socket_addrs(authority).into_iter().flatten();
    found.next().ok_or_else(|| {
        CliError::new("url_invalid", format!("`{url}` is no server address"))
            .cure("write it like http://127.0.0.1:8080")
            .exit(Exit::Usage)
    })
}

impl Figures {
    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(ready_ms) = self.start_to_ready_ms {
            text += &format!("start to ready, {} models   {ready_ms:8.0} ms\n", self.models);
        }
        if let Some(cold) = &self.cold {
            text += &format!(
                "cold, {} × {} at once      p50 {:.0} ms, p99 {:.0} ms; {} warm-ups, {} skipped\n",
                cold.rounds, cold.streams, cold.open_p50_ms, cold.open_p99_ms, cold.warm_ups, cold.skipped
            );
        }
        text += &format!(
            "warm, {} opens           p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms\n",
            self.opens, self.open_p50_ms, self.open_p99_ms, self.open_max_ms
        );
        text += &match self.idle_stream_bytes {
            Some(bytes) => format!("idle stream, of {}         {:8.1} KiB\n", self.idle_streams, bytes as f64 / 1024.0),
            None => {
                stderr::line("the memory of a server that was not started here is not told");
                String::new()
            }
        };
        text + &format!("$ {}\n", self.command)
    }
}
