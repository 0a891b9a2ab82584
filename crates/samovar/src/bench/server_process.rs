//! A `samovar serve` of one's own, in a child process, and what can be seen of it from outside.

use super::server_setup::ServerSetup;
use crate::failure::CliError;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server to measure; one that was started here ends with this.
#[derive(Debug)]
pub struct ServerProcess {
    address: SocketAddr,
    child: Option<Child>,
    config: Option<PathBuf>,
    started: Instant,
    said: Arc<Mutex<Said>>,
}

/// What a server that was started here has said.
#[derive(Debug, Default)]
struct Said {
    /// Bounded by [`SAID_LINES`].
    last: VecDeque<String>,
    /// It will say no more.
    ended: bool,
}

/// Longest wait for the server to be ready.
const READY_MAX: Duration = Duration::from_secs(900);
/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Longest wait for a model to be loaded, swapped or freed.
const LOAD_MAX: Duration = Duration::from_secs(300);
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// How long the server takes at most to say what its state shows already.
const SAYS_WITHIN: Duration = Duration::from_millis(500);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// What the server says before its address.
const SAYS: &str = "listens on http://";
/// Lines of it that are kept, to say why it failed.
const SAID_LINES: usize = 8;

impl ServerProcess {
    /// A server that runs already.
    pub fn running(address: SocketAddr) -> Self {
        Self { address, child: None, config: None, started: Instant::now(), said: Arc::default() }
    }

    /// Starts this program as a server on a free port.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start(setup: &ServerSetup) -> Result<Self, CliError> {
        let config = setup.write().map_err(|_| failed("cannot be configured"))?;
        let mut server = Self::of_config(&config)?;
        server.config = Some(config);
        Ok(server)
    }

    /// Starts this program as a server on a free port with that configuration.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn of_config(config: &Path) -> Result<Self, CliError> {
        let started = Instant::now();
        let program = std::env::current_exe().map_err(|_| failed("cannot be started"))?;
        let mut command = Command::new(program);
        command.args(["serve", "--port", "0", "--config"]).arg(config);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|_| failed("cannot be started"))?;
        let stderr = child.stderr.take();
        let lines = BufReader::new(stderr.ok_or_else(|| failed("tells nothing"))?).lines().map_while(Result::ok);
        let said = Arc::<Mutex<Said>>::default();
        let (heard, ended) = (Arc::clone(&said), Arc::clone(&said));
        let lines = lines.inspect(move |line| heard.lock().add(line));
        let mut server = Self { address: LOOPBACK, child: Some(child), config: None, started, said };
        let mut lines = lines.skip_while(|line| !line.contains(SAYS));
        let address = lines.next().and_then(|line| line.split_once(SAYS)?.1.trim().parse().ok());
        server.address = address.ok_or_else(|| server.complaint("did not start"))?;
        // What it says later is read to its end, or its pipe would fill.
        let reader = std::thread::Builder::new().name("server-log".to_owned()).spawn(move || {
            lines.for_each(drop);
            ended.lock().ended = true;
        });
        reader.map_err(|_| failed("cannot be read from"))?;
        Ok(server)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it says that it is ready; tells how long that took from its start.
    ///
    /// # Errors
    /// Where a model fails, the server ends, or that takes too long.
    pub fn wait_until_ready(&self) -> Result<Duration, CliError> {
        while self.started.elapsed() < READY_MAX {
            let answer = get(self.address, "/health/ready");
            if answer.as_ref().is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(self.started.elapsed());
            }
            if self.said.lock().ended {
                return Err(self.complaint("ended"));
            }
            if answer.as_deref().is_some_and(names_a_failure) {
                // It says why a moment after its state does.
                std::thread::sleep(SAYS_WITHIN);
                return Err(self.complaint("did not get ready"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(self.complaint("did not get ready in time"))
    }

    /// What became of it, and what it says of that.
    fn complaint(&self, what: &str) -> CliError {
        let said = self.said.lock().last.iter().fold(String::new(), |said, line| said + "\n" + line);
        failed(&format!("{what}{said}")).cure("look at it: samovar serve")
    }

    /// Asks it to do something to its models, and gives what it answers.
    ///
    /// # Errors
    /// Where it does not answer, or with a problem.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        post(self.address, path, body)
    }

    /// Sends it a file, and gives what it answers.
    ///
    /// # Errors
    /// Where it does not answer, or with a problem.
    pub fn post_bytes(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Value, CliError> {
        send(self.address, path, content_type, body)
    }

    /// One value of its metrics, by name and labels as they are written there; 0 where it is not.
    pub fn metric(&self, name: &str) -> f64 {
        let page = get(self.address, "/metrics").unwrap_or_default();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }

    /// What it answers at `path`, which must be JSON.
    ///
    /// # Errors
    /// Where it does not answer, or with a problem.
    pub fn get(&self, path: &str) -> Result<Value, CliError> {
        let failed = |what: &str| CliError::new("request_failed", format!("GET {path}: {what}"));
        let answer = get(self.address, path).ok_or_else(|| failed("no answer"))?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed("half an answer"))?;
        serde_json::from_str(body).map_err(|_| failed(body))
    }

    /// CPU-seconds that it has taken so far; 0 for a server that was not started here.
    pub fn cpu_s(&self) -> f64 {
        let Some(child) = &self.child else { return 0.0 };
        let text = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        // The name, in brackets, may hold spaces; user and system time are the 14th and 15th field.
        let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 =
            after_name.split_ascii_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }

    /// Resident memory of its children, which are decoders.
    pub fn children_bytes(&self) -> u64 {
        let Some(child) = &self.child else { return 0 };
        let parent = child.id().to_string();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let of_server = |stat: &str| {
            let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
            after_name.split_ascii_whitespace().nth(1) == Some(parent.as_str())
        };
        let children = processes
            .filter(|entry| std::fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| of_server(&stat)));
        children.filter_map(|entry| resident_of(&entry.path())).sum()
    }

    /// Its number; none for a server that was not started here.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Its resident memory; none for a server that was not started here.
    pub fn resident_bytes(&self) -> Option<u64> {
        resident_of(&PathBuf::from(format!("/proc/{}", self.child.as_ref()?.id())))
    }

    /// What of its resident memory lies in files, which the system takes away where it is needed for something else.
    pub fn mapped_bytes(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.as_ref()?.id());
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("RssFile:"))?;
        Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
    }
}

impl Said {
    fn add(&mut self, line: &str) {
        self.last.push_back(line.to_owned());
        if self.last.len() > SAID_LINES {
            self.last.pop_front();
        }
    }
}

/// Whether what `/health/ready` answers names a model that could not be loaded.
fn names_a_failure(answer: &str) -> bool {
    let body = answer.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str::<Value>(body).ok());
    let models = body.as_ref().and_then(|body| body["models"].as_array());
    models.into_iter().flatten().any(|model| model["state"] == "failed")
}

fn failed(what: &str) -> CliError {
    CliError::new("server_failed", format!("a server to measure {what}"))
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(config) = &self.config {
            let _ = std::fs::remove_file(config);
        }
    }
}

/// Resident memory of the process whose folder of `/proc` that is.
fn resident_of(process: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(process.join("statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Asks a server to do something to its models, and gives what it answers.
///
/// # Errors
/// Where it does not answer, or with a problem.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Result<Value, CliError> {
    send(address, path, "application/json", body.to_string().as_bytes())
}

fn send(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Result<Value, CliError> {
    let failed = |what: &str| CliError::new("request_failed", format!("POST {path}: {what}"));
    let head = format!("POST {path} HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
    let head = head + &format!("Host: {address}\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, &[head.as_bytes(), body].concat(), LOAD_MAX);
    let answer = answer.ok_or_else(|| failed("no answer"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed("half an answer"))?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(failed(body));
    }
    serde_json::from_str(body).map_err(|_| failed("the answer is no JSON"))
}

/// The answer to one plain request; none where there is none.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    exchange(address, request.as_bytes(), ANSWER_MAX)
}

fn exchange(address: SocketAddr, request: &[u8], limit: Duration) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_failed_ends_the_wait_and_one_that_loads_does_not() {
        let answer = |state: &str| {
            format!("HTTP/1.1 503 Service Unavailable\r\n\r\n{{\"models\":[{{\"name\":\"m\",\"state\":\"{state}\"}}]}}")
        };
        assert!(names_a_failure(&answer("failed")));
        assert!(!names_a_failure(&answer("loading")));
        assert!(!names_a_failure("HTTP/1.1 503"));
    }
}
