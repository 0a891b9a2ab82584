//! The HTTP client of a running server: one request, one JSON answer; an error of the server becomes ours, with its code and cure.

use crate::failure::CliError;
use crate::remote::key::ShowKey;
use crate::remote::model_view::ModelView;
use crate::stdout::write_error;
use serde::Deserialize;
use serde_json::Value;
use std::io::{Read, Write};
use std::time::Duration;
use ureq::http::Response;
use ureq::{Agent, Body, SendBody};

/// Talks to one server.
pub struct Client {
    url: String,
    agent: Agent,
}

/// What a model is asked for.
#[derive(Clone, Debug)]
pub struct Action {
    /// The last part of the address: `load`.
    pub verb: &'static str,
    /// The body.
    pub body: Value,
}

/// A model as the server tells it, and as it can be shown.
pub struct Told {
    /// Word for word.
    pub json: Value,
    /// What is shown of it.
    pub model: ModelView,
}

/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest wait for an answer: a model may be loaded, compiled and warmed before it comes.
const ANSWER_MAX: Duration = Duration::from_secs(900);
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Longest transfer of a video or of results.
const TRANSFER_MAX: Duration = Duration::from_secs(24 * 3600);
const COPY_BYTES: usize = 64 << 10;
/// The header that lets a request count once.
const ONCE: &str = "idempotency-key";

impl Client {
    /// A client of the server at `url`, as `http://127.0.0.1:8080`.
    pub fn new(url: String) -> Self {
        Self { url, agent: agent(ANSWER_MAX) }
    }

    /// The same with a shorter wait for answers.
    #[must_use]
    pub fn patience(self, answer_max: Duration) -> Self {
        Self { agent: agent(answer_max), ..self }
    }

    /// Every model of the server.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn models(&self) -> Result<Vec<Told>, CliError> {
        let answer = self.get("/v1/models")?;
        let models = answer["data"].as_array().cloned().ok_or_else(|| self.not_samovar())?;
        models.into_iter().map(|model| self.told(model)).collect()
    }

    /// One model.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn model(&self, name: &str) -> Result<Told, CliError> {
        self.told(self.get(&format!("/v1/models/{}", path_part(name)))?)
    }

    /// Does something with one model; answers when it is done.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn act(&self, name: &str, action: &Action) -> Result<Told, CliError> {
        let answer = self.post(&format!("/v1/models/{}/{}", path_part(name), action.verb), &action.body)?;
        self.told(answer)
    }

    /// Unloads every model.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn clear(&self) -> Result<Value, CliError> {
        self.post("/v1/models/clear", &Value::Null)
    }

    /// What is at this path.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn get(&self, path: &str) -> Result<Value, CliError> {
        self.read(self.agent.get(format!("{}{path}", self.url)).call())
    }

    /// Takes away what is at this path.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn delete(&self, path: &str) -> Result<Value, CliError> {
        self.read(self.agent.delete(format!("{}{path}", self.url)).call())
    }

    /// Gives something to this path; nothing for `Null`.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let sent = if body.is_null() {
            request.send_empty()
        } else {
            request.header("content-type", "application/json").send(body.to_string())
        };
        self.read(sent)
    }

    /// The same; given twice with the same key, it counts once.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn post_once(&self, path: &str, body: &Value, key: Option<&str>) -> Result<Value, CliError> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let request = key.into_iter().fold(request, |request, key| request.header(ONCE, key));
        self.read(request.send(body.to_string()))
    }

    /// Sends so many bytes to this path, for as long as they take, once the server says that it wants them: one that
    /// refuses does so before they go, and its reason is not lost with the connection.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells.
    pub fn upload(&self, path: &str, body: &mut dyn Read, bytes: u64, key: Option<&str>) -> Result<Value, CliError> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/octet-stream").header("content-length", bytes);
        let request = request.header("expect", "100-continue");
        let request = key.into_iter().fold(request, |request, key| request.header(ONCE, key));
        let request = request.config().timeout_global(None).timeout_send_body(Some(TRANSFER_MAX)).build();
        self.read(request.send(SendBody::from_reader(body)))
    }

    /// Writes what is at this path to `out`, and tells how many bytes that were.
    ///
    /// # Errors
    /// Whatever [`read`](Self::read) tells; `output_failed`.
    pub fn download(&self, path: &str, out: &mut dyn Write) -> Result<u64, CliError> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.config().timeout_global(None).timeout_recv_body(Some(TRANSFER_MAX)).build();
        let mut response = request.call().map_err(|error| self.not_reached(&error))?;
        if !response.status().is_success() {
            return Err(self.read(Ok(response)).err().unwrap_or_else(|| self.not_samovar()));
        }
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; COPY_BYTES];
        let mut bytes = 0;
        loop {
            let read = body.read(&mut buffer).map_err(|error| self.not_reached(&error.into()))?;
            if read == 0 {
                return Ok(bytes);
            }
            out.write_all(&buffer[..read]).map_err(|error| write_error("the result", &error))?;
            bytes += read as u64;
        }
    }

    /// The answer as JSON.
    ///
    /// # Errors
    /// A server that cannot be reached, that is none of ours, or what it says is wrong.
    fn read(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Value, CliError> {
        let mut response = sent.map_err(|error| self.not_reached(&error))?;
        let status = response.status();
        let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.map_err(|error| self.not_reached(&error))?;
        if status.is_success() && text.is_empty() {
            return Ok(Value::Null);
        }
        if status.is_success() {
            return serde_json::from_str(&text).map_err(|_| self.not_samovar());
        }
        Err(serde_json::from_str::<Problem>(&text).map_or_else(|_| self.not_samovar(), CliError::from))
    }

    fn told(&self, json: Value) -> Result<Told, CliError> {
        let model = serde_json::from_value(json.clone()).map_err(|_| self.not_samovar())?;
        Ok(Told { json, model })
    }

    fn not_reached(&self, error: &ureq::Error) -> CliError {
        let why = match error {
            ureq::Error::Timeout(_) => "it does not answer in time".to_owned(),
            ureq::Error::HostNotFound => "that host has no address".to_owned(),
            other => other.to_string(),
        };
        CliError::new("server_unreachable", format!("no server can be reached at {}: {why}", self.url))
            .cure("start one with `samovar serve`, or name the right one with --url")
    }

    /// What is said of an answer that has not the expected form.
    pub fn not_samovar(&self) -> CliError {
        CliError::new("server_not_samovar", format!("what answers at {} is not a samovar of this version", self.url))
            .cure("name the right server with --url")
    }
}

fn agent(answer_max: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_connect(Some(CONNECT_MAX))
        .timeout_global(Some(answer_max))
        .http_status_as_error(false)
        // A proxy of the environment is meant for the world outside.
        .proxy(None)
        .middleware(ShowKey::of_environment())
        .build();
    Agent::new_with_config(config)
}

/// An error of the server (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    cure: Option<String>,
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        // The server speaks to those who send headers.
        let own =
            (problem.code == "unauthenticated").then(|| "put a key that the server knows into SAMOVAR_KEY".to_owned());
        let failure = Self::new(problem.code, problem.detail);
        own.or(problem.cure).map_or(failure.clone(), |cure| failure.cure(cure))
    }
}

/// A name as a part of an address. Names of models and sources need nothing; what somebody typed instead must not become another address.
pub fn path_part(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_address() {
        assert_eq!(path_part("seg-fast_2.1"), "seg-fast_2.1");
        assert_eq!(path_part("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }
}
