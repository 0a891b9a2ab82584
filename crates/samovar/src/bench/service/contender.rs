//! Who is measured: a process that says where it listens, and goes when it is dropped.

use crate::failure::CliError;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A server in a child process.
#[derive(Debug)]
pub struct Contender {
    child: Child,
    address: SocketAddr,
}

/// What every contender says before its address.
const SAYS: &str = "listens on http://";

impl Contender {
    /// Starts `command`, which tells on its standard error where it listens once it answers.
    ///
    /// # Errors
    /// Where it does not start; what it said last is told.
    pub fn start(mut command: Command) -> Result<Self, CliError> {
        let shown = command.get_program().to_string_lossy().into_owned();
        let failed = |what: String| CliError::new("contender_failed", format!("{shown} {what}"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| failed(format!("cannot be started: {error}")))?;
        let Some(stderr) = child.stderr.take() else { return Err(failed("tells nothing".to_owned())) };
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let mut last = String::new();
        let address = lines.by_ref().find_map(|line| {
            let address = line.split_once(SAYS).and_then(|(_, address)| address.trim().parse().ok());
            last = line;
            address
        });
        let Some(address) = address else {
            let _ = child.wait();
            return Err(failed(format!("did not start: {last}")));
        };
        let reader = std::thread::Builder::new().name("contender-log".to_owned()).spawn(move || lines.for_each(drop));
        reader.map_err(|_| failed("cannot be read from".to_owned()))?;
        Ok(Self { child, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        peak_bytes(self.child.id())
    }
}

/// The most memory that a process ever had resident, in bytes; 0 where the system does not tell.
pub fn peak_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    peak.unwrap_or(0) * 1_024
}

impl Drop for Contender {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
