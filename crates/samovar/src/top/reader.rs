//! Asks the server again and again on a thread of its own, so that the screen answers keys while the server does not.

use super::reading::Reading;
use crate::failure::CliError;
use crate::remote::Client;
use serde_json::Value;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// What came of one look.
pub type Look = Result<Reading, CliError>;

/// Looks at a server until it is dropped. Its thread then ends by itself, after the answer that it waits for.
pub struct Reader {
    looks: Receiver<Look>,
    _stop: SyncSender<()>,
}

impl Reader {
    /// Begins to look, once in every interval.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(client: Client, interval: Duration) -> Result<Self, CliError> {
        // One look waits at most: who is slow to take it sees the next one later.
        let (tell, looks) = sync_channel(1);
        let (stop, stopped) = sync_channel::<()>(0);
        let thread = std::thread::Builder::new().name("top-reader".to_owned());
        let spawned = thread.spawn(move || {
            loop {
                let next = Instant::now() + interval;
                if tell.send(look(&client)).is_err() {
                    return;
                }
                let rest = next.saturating_duration_since(Instant::now());
                if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        spawned.map_err(|error| CliError::new("internal", format!("the system gives no thread: {error}")))?;
        Ok(Self { looks, _stop: stop })
    }

    /// The look that came since the last question; none where none did.
    pub fn news(&self) -> Option<Look> {
        self.looks.try_recv().ok()
    }
}

/// Jobs of a state that are asked for: more than a screen shows.
const JOBS: [(&str, u32); 3] = [("running", 100), ("queued", 100), ("failed", 50)];

/// Asks for everything once.
///
/// # Errors
/// A server that cannot be reached, or that is none of this version.
pub fn look(client: &Client) -> Look {
    let machine = client.get("/v1/machine")?;
    let (models, streams) = (client.get("/v1/models")?, client.get("/v1/streams")?);
    let ask = |(state, limit): (&str, u32)| client.get(&format!("/v1/jobs?state={state}&limit={limit}"));
    let jobs: Vec<Value> = match &machine["jobs"] {
        Value::Null => Vec::new(),
        _ => JOBS.into_iter().map(ask).collect::<Result<_, _>>()?,
    };
    Reading::new(machine, models, streams, jobs).map_err(|_| client.not_samovar())
}
