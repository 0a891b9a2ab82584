//! What an idle stream holds of the server's memory.

use super::open::open_one;
use super::server_process::ServerProcess;
use crate::failure::CliError;
use std::time::Duration;

/// Pause before memory is read: buffers of what just happened are given back by then.
const REST: Duration = Duration::from_millis(300);

/// Growth of the server's resident memory by each of `count` idle streams; none where it cannot be seen.
///
/// # Errors
/// Where a stream does not open.
pub async fn bytes_per_stream(server: &ServerProcess, url: &str, count: usize) -> Result<Option<u64>, CliError> {
    tokio::time::sleep(REST).await;
    let Some(before) = server.resident_bytes() else { return Ok(None) };
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(open_one(url).await?.0);
    }
    tokio::time::sleep(REST).await;
    let after = server.resident_bytes().unwrap_or(before);
    drop(clients);
    Ok(Some(after.saturating_sub(before) / count.max(1) as u64))
}
