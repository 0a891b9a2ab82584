//! What an idle stream holds of the server's memory.

use super::open::{Client, open_one};
use super::server_process::ServerProcess;
use crate::failure::CliError;
use std::time::Duration;

/// Pause before memory is read: buffers of what just happened are given back by then.
const REST: Duration = Duration::from_millis(1_500);

/// Growth of the server's resident memory by each of `count` idle streams; none where it cannot be seen.
///
/// As many are opened before anything counts: they take up what the allocator has kept from loading the models, and
/// make it give the rest back, so that the growth by the others is theirs alone.
///
/// # Errors
/// Where a stream does not open.
pub async fn bytes_per_stream(server: &ServerProcess, url: &str, count: usize) -> Result<Option<u64>, CliError> {
    if server.resident_bytes().is_none() {
        return Ok(None);
    }
    let mut clients = Vec::with_capacity(2 * count);
    let before = open_many(server, url, count, &mut clients).await?;
    let after = open_many(server, url, count, &mut clients).await?;
    Ok(Some(after.saturating_sub(before) / count.max(1) as u64))
}

/// The server's memory once `count` more streams are open.
async fn open_many(
    server: &ServerProcess,
    url: &str,
    count: usize,
    clients: &mut Vec<Client>,
) -> Result<u64, CliError> {
    for _ in 0..count {
        clients.push(open_one(url).await?.0);
    }
    tokio::time::sleep(REST).await;
    Ok(server.resident_bytes().unwrap_or(0))
}
