//! How long the k-th stream takes to open on warm models, and from its first frame to its first result.

use super::player::Play;
use crate::bench::statistics::{median, percentile};
use crate::bench::stream_client::StreamClient;
use crate::failure::CliError;
use serde::Serialize;
use std::time::Instant;
use tokio::task::JoinSet;

/// What openings took.
#[derive(Clone, Debug, Serialize)]
pub struct Openings {
    pub rounds: usize,
    /// The 1st, 2nd, 3rd and 10th.
    pub nth: Vec<NthOpening>,
    /// Three streams opened at once: until all three have their first result; the median.
    pub three_at_once_ms: f64,
    /// One frame on an idle server, the first one not counted; the median.
    pub lone_frame_ms: f64,
}

/// Opening a stream while others are open and idle.
#[derive(Clone, Debug, Serialize)]
pub struct NthOpening {
    pub nth: usize,
    pub open_p50_ms: f64,
    pub open_p99_ms: f64,
    /// From sending the first frame to its result; the median.
    pub first_result_ms: f64,
    /// That, divided by the time of a lone frame.
    pub first_to_lone: f64,
}

const ROUNDS: usize = 100;
const NTH: [usize; 4] = [1, 2, 3, 10];
const LONE_FRAMES: usize = 50;

/// Measures.
///
/// # Errors
/// Where a stream does not open or breaks off.
pub async fn openings(play: &Play) -> Result<Openings, CliError> {
    let lone_frame_ms = lone_frame(play).await?;
    let (mut opens, mut firsts) = ([const { Vec::new() }; NTH.len()], [const { Vec::new() }; NTH.len()]);
    for _ in 0..ROUNDS {
        round(play, &mut opens, &mut firsts).await?;
    }
    let mut at_once = Vec::new();
    for _ in 0..ROUNDS / 10 {
        at_once.push(three_at_once(play).await?);
    }
    let nth = NTH.iter().zip(opens.iter().zip(&firsts)).map(|(&nth, (opens, firsts))| NthOpening {
        nth,
        open_p50_ms: percentile(opens, 0.5),
        open_p99_ms: percentile(opens, 0.99),
        first_result_ms: median(firsts),
        first_to_lone: median(firsts) / lone_frame_ms.max(1e-9),
    });
    Ok(Openings { rounds: ROUNDS, nth: nth.collect(), three_at_once_ms: median(&at_once), lone_frame_ms })
}

async fn lone_frame(play: &Play) -> Result<f64, CliError> {
    let mut client = StreamClient::open(&play.url).await?;
    first_result(&mut client, play, 0).await?;
    let mut took_ms = Vec::new();
    for frame in 1..=LONE_FRAMES {
        took_ms.push(first_result(&mut client, play, frame as u64).await?);
    }
    client.close().await;
    Ok(median(&took_ms))
}

async fn round(play: &Play, opens: &mut [Vec<f64>], firsts: &mut [Vec<f64>]) -> Result<(), CliError> {
    let mut clients = Vec::new();
    for nth in 1..=NTH[NTH.len() - 1] {
        let started = Instant::now();
        let mut client = StreamClient::open(&play.url).await?;
        let open_ms = started.elapsed().as_secs_f64() * 1e3;
        if let Some(place) = NTH.iter().position(|counted| *counted == nth) {
            opens[place].push(open_ms);
            firsts[place].push(first_result(&mut client, play, nth as u64).await?);
        }
        clients.push(client);
    }
    for client in clients {
        client.close().await;
    }
    Ok(())
}

/// Milliseconds until three streams that open at once all have their first result.
async fn three_at_once(play: &Play) -> Result<f64, CliError> {
    let started = Instant::now();
    let mut opening = JoinSet::new();
    for frame in 0..3 {
        let play = play.clone();
        opening.spawn(async move {
            let mut client = StreamClient::open(&play.url).await?;
            first_result(&mut client, &play, frame).await?;
            Ok::<_, CliError>(client)
        });
    }
    let mut clients = Vec::new();
    while let Some(opened) = opening.join_next().await {
        clients.push(opened.map_err(|_| CliError::new("internal", "a stream's task failed"))??);
    }
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    for client in clients {
        client.close().await;
    }
    Ok(took_ms)
}

/// Milliseconds from sending a frame to its result.
async fn first_result(client: &mut StreamClient, play: &Play, frame: u64) -> Result<f64, CliError> {
    let started = Instant::now();
    client.send(play.clip.picture(frame).clone()).await?;
    loop {
        let event = client.event().await?;
        match event["type"].as_str() {
            Some("result") => return Ok(started.elapsed().as_secs_f64() * 1e3),
            Some("event" | "options") => {}
            _ => return Err(CliError::new("stream_failed", format!("a frame gave {event}"))),
        }
    }
}
