//! The key that this program shows a server. From the environment alone: command lines are seen by everybody on the machine.

use ureq::http::HeaderValue;
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::{Error, SendBody};

/// Where the key stands.
pub const VARIABLE: &str = "SAMOVAR_KEY";

/// `Bearer …`, where a key is set that can stand in a header.
pub fn authorization() -> Option<String> {
    let key = std::env::var(VARIABLE).ok()?;
    let key = key.trim();
    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic())).then(|| format!("Bearer {key}"))
}

/// Shows the key with every request.
#[derive(Debug)]
pub struct ShowKey(pub Option<HeaderValue>);

impl ShowKey {
    /// The environment's key.
    pub fn of_environment() -> Self {
        let value = authorization().and_then(|value| HeaderValue::from_str(&value).ok());
        Self(value.map(|mut value| {
            value.set_sensitive(true);
            value
        }))
    }
}

impl Middleware for ShowKey {
    fn handle(
        &self,
        mut request: ureq::http::Request<SendBody<'_>>,
        next: MiddlewareNext<'_>,
    ) -> Result<ureq::http::Response<ureq::Body>, Error> {
        if let Some(value) = &self.0 {
            request.headers_mut().insert(ureq::http::header::AUTHORIZATION, value.clone());
        }
        next.handle(request)
    }
}
