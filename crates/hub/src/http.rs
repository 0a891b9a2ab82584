//! Requests: timeouts, redirects, who is told the token, and what an answer's status means.

use crate::error::{HubError, HubErrorKind};
use crate::fault::Fault;
use crate::settings::HubSettings;
use crate::token::Token;
use crate::url::Url;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Request, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// Speaks to the Hub and to where it sends us.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) agent: Agent,
    endpoint: Url,
    token: Option<Token>,
}

/// An answer, and who gave it after all redirects.
pub(crate) struct Answer {
    pub(crate) url: Url,
    pub(crate) response: Response<ureq::Body>,
}

/// How an address is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Head,
    Get,
}

const REDIRECTS_MAX: usize = 5;

const USER_AGENT: &str = concat!("samovar/", env!("CARGO_PKG_VERSION"));

impl Http {
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let endpoint = Url::new(&settings.endpoint)
            .map_err(|_| HubError::new(HubErrorKind::Settings, "the Hub's address is no http or https address"))?;
        let limits = &settings.limits;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_recv_response(Some(limits.silence))
            .timeout_per_read(Some(limits.silence))
            .timeout_per_write(Some(limits.silence));
        if let Some(path) = &settings.certificates {
            config = config.tls_config(TlsConfig::builder().root_certs(certificates(path)?).build());
        }
        if endpoint.is_loopback() {
            config = config.proxy(None);
        } else if !endpoint.is_https() && settings.token.is_some() {
            tracing::warn!(host = endpoint.host(), "the token is not sent over plain http");
        }
        Ok(Self { agent: config.build().new_agent(), endpoint, token: settings.token.clone() })
    }

    /// An address of the Hub, out of a path that is escaped already.
    pub(crate) fn hub_url(&self, path: &str) -> Result<Url, HubError> {
        Url::new(&format!("{}/{path}", self.endpoint.as_str()))
    }

    pub(crate) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub(crate) fn is_hub(&self, url: &Url) -> bool {
        url.is_same_server(&self.endpoint)
    }

    /// Asks once, without following a redirect. A redirect is an answer like any other.
    pub(crate) fn ask(&self, method: Method, url: &Url, headers: &[(&str, String)]) -> Result<Answer, Fault> {
        let name = if method == Method::Head { "HEAD" } else { "GET" };
        let mut request = Request::builder().method(name).uri(url.as_str()).header("accept-encoding", "identity");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(token) = self.token.as_ref().filter(|_| self.may_know_token(url)) {
            request = request.header("authorization", token.header());
        }
        let request = request.body(()).map_err(|_| Fault::protocol("the request cannot be written"))?;
        tracing::debug!(method = name, host = url.host(), "asking");
        let response = self.agent.run(request).map_err(|error| Fault::of_request(&error, url.host()))?;
        Ok(Answer { url: url.clone(), response })
    }

    /// Gets, following redirects.
    pub(crate) fn get(&self, url: &Url, headers: &[(&str, String)]) -> Result<Answer, Fault> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.ask(Method::Get, &url, headers)?;
            match self.redirect(&answer)? {
                Some(next) => url = next,
                None => return Ok(answer),
            }
        }
        Err(Fault::protocol("the server redirects without end"))
    }

    /// Where an answer sends us, if anywhere.
    ///
    /// # Errors
    /// `Protocol`, where we do not go: out of https, or nowhere.
    pub(crate) fn redirect(&self, answer: &Answer) -> Result<Option<Url>, Fault> {
        if !answer.response.status().is_redirection() || answer.response.status() == 304 {
            return Ok(None);
        }
        let location =
            header(answer.response.headers(), "location").ok_or_else(|| Fault::protocol("a redirect leads nowhere"))?;
        let next = answer.url.join(location)?;
        if self.endpoint.is_https() && !next.is_https() {
            return Err(Fault::protocol("the server redirects out of https"));
        }
        Ok(Some(next))
    }

    /// What an answer that is no success means for `subject`.
    pub(crate) fn fault(&self, answer: &Answer, subject: &str) -> Fault {
        let headers = answer.response.headers();
        let status = answer.response.status().as_u16();
        let retry_after =
            header(headers, "retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let host = answer.url.host();
        match status {
            408 | 429 | 500..=599 => Fault::Passing { reason: format!("{host} answers {status}"), retry_after },
            // A link to the store has a term; the Hub gives a new one.
            401 | 403 | 404 | 410 if !self.is_hub(&answer.url) => Fault::passing(format!("{host} answers {status}")),
            401 | 403 => Fault::Final(HubError::new(HubErrorKind::Denied, self.denied(headers, subject))),
            404 | 410 => Fault::Final(HubError::new(HubErrorKind::NotFound, missing(headers, subject))),
            _ => Fault::protocol(format!("{host} answers {status}")),
        }
    }

    fn denied(&self, headers: &HeaderMap, subject: &str) -> String {
        match (header(headers, "x-error-code"), self.has_token()) {
            (Some("GatedRepo"), false) => {
                format!("{subject} is gated: its terms must be accepted, and the Hub must know by whom")
            }
            (Some("GatedRepo"), true) => format!("{subject} is gated, and the owner of the token has not been let in"),
            (_, false) => format!("there is no {subject}, or it is private; nobody is told without a token"),
            (_, true) => format!("there is no {subject} for the owner of this token"),
        }
    }

    /// The token goes to the Hub alone, and over an open line only to this machine.
    fn may_know_token(&self, url: &Url) -> bool {
        self.is_hub(url) && (url.is_https() || url.is_loopback())
    }
}

/// A header's value, where it is there and is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn missing(headers: &HeaderMap, subject: &str) -> String {
    let what = match header(headers, "x-error-code") {
        Some("RepoNotFound") => "the Hub has no such repository",
        Some("RevisionNotFound") => "the repository has no such revision",
        Some("EntryNotFound") => "the repository has no such file",
        _ => "the Hub has nothing there",
    };
    format!("{subject}: {what}")
}

fn certificates(path: &std::path::Path) -> Result<RootCerts, HubError> {
    let bad = |why: String| {
        let message = format!("the certificates {} cannot be used: {why}", path.display());
        HubError::new(HubErrorKind::Settings, message)
    };
    let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(bad("there is none in it".to_owned())) } else { Ok(RootCerts::Specific(Arc::new(found))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;
    use crate::settings::HubLimits;

    fn http(endpoint: &str) -> Http {
        let settings = HubSettings {
            endpoint: endpoint.to_owned(),
            token: Token::new("secret"),
            cache: Cache::new("unused".into()),
            is_offline: false,
            certificates: None,
            limits: HubLimits::default(),
        };
        Http::new(&settings).unwrap()
    }

    #[test]
    fn the_token_is_for_the_hub_alone_and_for_no_open_line() {
        for (endpoint, url, knows) in [
            ("https://hub.example", "https://hub.example/a/resolve/main/b", true),
            ("https://hub.example", "http://hub.example/a", false),
            ("https://hub.example", "https://cdn.example/a", false),
            ("https://hub.example", "https://hub.example:8443/a", false),
            ("https://hub.example", "https://hub.example.evil/a", false),
            ("http://mirror.example", "http://mirror.example/a", false),
            ("http://127.0.0.1:9", "http://127.0.0.1:9/a", true),
            ("http://127.0.0.1:9", "http://127.0.0.1:10/a", false),
        ] {
            assert_eq!(http(endpoint).may_know_token(&Url::new(url).unwrap()), knows, "{endpoint} {url}");
        }
    }

    #[test]
    fn no_redirect_leads_out_of_https() {
        let next = |endpoint: &str, location: &str| {
            let body = ureq::Body::builder().data("");
            let response = Response::builder().status(302).header("location", location).body(body).unwrap();
            let http = http(endpoint);
            http.redirect(&Answer { url: http.hub_url("a").unwrap(), response })
        };
        assert!(next("https://hub.example", "http://hub.example/b").is_err());
        let there = next("https://hub.example", "https://cdn.example/b").unwrap().unwrap();
        assert_eq!(there.as_str(), "https://cdn.example/b");
        assert!(next("http://mirror.example", "http://cdn.example/b").unwrap().is_some());
    }
}
