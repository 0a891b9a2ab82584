//! A real server as a process, on a free port, with plans of its own.

use crate::support::{Ended, samovar};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running server; killed when a test fails before its end.
pub struct Running {
    pub child: Child,
    pub address: String,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
    /// Its configuration and its plans, where they end with it.
    _folder: Option<TempDir>,
}

/// What tests do not wait for: balancers, and measurements that nobody asked for.
const QUICK: &str = "[server]\ndrain_delay_ms = 0\ngrace_ms = 20000\n[plans]\nfolder = \"plans\"\nbackground = false\n";

impl Running {
    /// Serves what the command line says.
    pub fn start(arguments: &[&str]) -> Self {
        Self::configured(QUICK, arguments)
    }

    /// Serves models of the built-in engine, each with its keys in TOML.
    pub fn models(models: &[(&str, String)]) -> Self {
        Self::configured(&config(QUICK, models), &[])
    }

    /// Serves that configuration; its relative paths end with the server.
    pub fn configured(config: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samovar.toml");
        // Nobody's own jobs are worked on here.
        let jobs = if config.contains("[jobs]") { "" } else { "\n[jobs]\nfolder = \"jobs\"\n" };
        std::fs::write(&path, format!("{config}{jobs}")).unwrap();
        let mut running = Self::spawn(&path, arguments);
        running._folder = Some(folder);
        running
    }

    /// Serves the configuration of that file, which stays.
    pub fn at(path: &Path) -> Self {
        Self::spawn(path, &[])
    }

    fn spawn(path: &Path, arguments: &[&str]) -> Self {
        let mut command = samovar();
        command.args(["serve", "--port", "0", "--config"]).arg(path).args(arguments);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            said += &format!("{line}\n");
            Some(line.split_once("listens on http://")?.1.to_owned())
        });
        Self { child, address: address.unwrap_or_else(|| panic!("{said}")), lines, _folder: None }
    }

    /// Reads what it says until a line holds `words`.
    pub fn wait_for(&mut self, words: &str) -> String {
        let mut said = String::new();
        let found = self.lines.by_ref().map(Result::unwrap).find(|line| {
            said += &format!("{line}\n");
            line.contains(words)
        });
        found.unwrap_or_else(|| panic!("it does not say `{words}`:\n{said}"))
    }

    /// One request and its whole answer.
    pub fn request(&self, head: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let host = &self.address;
        write!(stream, "{head} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
            .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A model as `/v1/models` tells it.
    pub fn model(&self, name: &str) -> Value {
        let answer = self.request(&format!("GET /v1/models/{name}"), b"");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Runs a command of the program on this server.
    pub fn command(&self, arguments: &[&str]) -> Ended {
        let url = format!("http://{}", self.address);
        Ended::from(samovar().args(arguments).args(["--url", &url]).output().unwrap()).without_panic()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Ends it as a person would, and waits.
    pub fn end(mut self) {
        self.signal("INT");
        self.wait_for("all finished");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration with models of the built-in engine, each with its keys in TOML.
pub fn config(head: &str, models: &[(&str, String)]) -> String {
    let model = |(name, keys): &(&str, String)| format!("[models.{name}]\nengine = \"rten\"\n{keys}\n");
    head.to_owned() + &models.iter().map(model).collect::<String>()
}
