//! One try to post an event: its headers, its signature, and what the answer means.
//!
//! The signature is `v1=` and the hexadecimal HMAC-SHA256 of `TIMESTAMP.BODY` under the shared key, made anew for each try, so that a
//! receiver may refuse what is old and still takes a late try.

use super::{SinkEvent, WebhookSettings};
use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode};
use sha2::Sha256;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::Agent;
use ureq::http::Request;

/// Posts events to one address.
pub(super) struct Post {
    agent: Agent,
    url: String,
    key: Option<Hmac<Sha256>>,
}

/// What became of a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// Try again, not before the receiver says where it says so; the word tells why.
    Later(Option<Duration>, &'static str),
    /// Trying again would change nothing.
    Refused(u16),
}

const USER_AGENT: &str = concat!("samovar/", env!("CARGO_PKG_VERSION"));

impl Post {
    pub(super) fn new(settings: &WebhookSettings) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .timeout_global(Some(settings.timeout));
        if is_loopback(&settings.url) {
            config = config.proxy(None);
        }
        let key = settings.secret.as_ref().map(|secret| key(secret.words()));
        Self { agent: config.build().new_agent(), url: settings.url.clone(), key }
    }

    /// One try, on a thread where waiting is allowed.
    pub(super) async fn send(&self, event: &SinkEvent) -> Answer {
        let Some(request) = self.request(event) else { return Answer::Refused(0) };
        let agent = self.agent.clone();
        let tried = tokio::task::spawn_blocking(move || agent.run(request)).await;
        match tried {
            Ok(Ok(response)) => judge(response.status(), response.headers()),
            Ok(Err(ureq::Error::Timeout(_))) => Answer::Later(None, "timeout"),
            Ok(Err(_)) => Answer::Later(None, "connection"),
            Err(_) => Answer::Later(None, "panic"),
        }
    }

    fn request(&self, event: &SinkEvent) -> Option<Request<String>> {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("samovar-event", event.kind.name())
            .header("samovar-delivery", event.delivery.to_string())
            .header("samovar-timestamp", timestamp);
        if let Some(key) = &self.key {
            request = request.header("samovar-signature", signature(key.clone(), timestamp, &event.body));
        }
        request.body(event.body.to_string()).ok()
    }
}

fn key(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("a key of any length serves")
}

fn signature(mut mac: Hmac<Sha256>, timestamp: u64, body: &str) -> String {
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("v1=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Answer {
    match status {
        status if status.is_success() => Answer::Taken,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Answer::Later(retry_after(headers), "busy"),
        status if status.is_server_error() => Answer::Later(retry_after(headers), "server_error"),
        status => Answer::Refused(status.as_u16()),
    }
}

/// Seconds only; a date falls back to Samovar's own wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn is_loopback(url: &str) -> bool {
    let uri = url.parse::<http::Uri>().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_of_timestamp_and_body() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let expected = "v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
        assert_eq!(signature(key("key"), 1_700_000_000, r#"{"a":1}"#), expected);
    }

    #[test]
    fn answers_are_judged_by_whether_another_try_can_help() {
        let mut headers = HeaderMap::new();
        let judged = |status: u16, headers: &HeaderMap| judge(StatusCode::from_u16(status).unwrap(), headers);
        for status in [200, 202, 204] {
            assert_eq!(judged(status, &headers), Answer::Taken);
        }
        for status in [301, 302, 307, 400, 401, 404, 410, 422] {
            assert_eq!(judged(status, &headers), Answer::Refused(status));
        }
        for status in [500, 502, 503, 504] {
            assert_eq!(judged(status, &headers), Answer::Later(None, "server_error"));
        }
        headers.insert("retry-after", "7".parse().unwrap());
        assert_eq!(judged(429, &headers), Answer::Later(Some(Duration::from_secs(7)), "busy"));
        headers.insert("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
        assert_eq!(judged(408, &headers), Answer::Later(None, "busy"));
    }

    #[test]
    fn loopback_is_reached_without_a_proxy() {
        assert!(
            is_loopback("http://127.0.0.1:80/x") && is_loopback("http://[::1]/") && is_loopback("http://localhost")
        );
        assert!(!is_loopback("https://127.example/") && !is_loopback("nonsense"));
    }
}
