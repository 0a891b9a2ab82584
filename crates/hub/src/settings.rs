//! Where the Hub is, where its cache is, who asks, and how long is waited: from the Hub's own environment variables.

use crate::cache::Cache;
use crate::error::{HubError, HubErrorKind};
use crate::token::Token;
use crate::url::Url;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a [`Hub`](crate::Hub) is made of.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// The Hub's address without a slash at the end. `HF_ENDPOINT`.
    pub endpoint: String,
    /// `HF_TOKEN`, or the file at `HF_TOKEN_PATH` or in `HF_HOME`.
    pub token: Option<Token>,
    /// `HF_HUB_CACHE`, or `hub` in `HF_HOME`.
    pub cache: Cache,
    /// Nothing is asked of the Hub. `HF_HUB_OFFLINE`.
    pub is_offline: bool,
    /// Certificates (PEM) to trust in place of those that are compiled in. `SSL_CERT_FILE`, as other programs read it.
    pub certificates: Option<PathBuf>,
    /// How long is waited, how often tried, how much fetched.
    pub limits: HubLimits,
}

/// Every wait has an end, and so has every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubLimits {
    /// For a connection to be made.
    pub connect: Duration,
    /// For the next byte. `HF_HUB_DOWNLOAD_TIMEOUT`, in seconds.
    pub silence: Duration,
    /// Attempts in a row that bring nothing new.
    pub attempts: u32,
    /// After the first failed attempt; doubled after each further one.
    pub backoff: Duration,
    /// The longest `Retry-After` that is waited for.
    pub retry_after_max: Duration,
    /// For another process that fetches the same file.
    pub lock: Duration,
    /// The largest file.
    pub file_bytes_max: u64,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            attempts: 5,
            backoff: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(120),
            lock: Duration::from_secs(600),
            file_bytes_max: 32 << 30,
        }
    }
}

const ENDPOINT: &str = "https://huggingface.co";

impl HubSettings {
    /// As the environment says.
    ///
    /// # Errors
    /// `Settings`, where a variable cannot be used.
    pub fn from_environment() -> Result<Self, HubError> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// As `variable` says, which stands for the environment.
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let variables = Variables(&variable);
        let home = variables.home()?;
        let mut limits = HubLimits::default();
        if let Some(seconds) = variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT")? {
            limits.silence = seconds;
        }
        Ok(Self {
            endpoint: variables.endpoint()?,
            token: variables.token(&home),
            cache: Cache::new(
                variables.path(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).unwrap_or_else(|| home.join("hub")),
            ),
            is_offline: variables.is_on("HF_HUB_OFFLINE") || variables.is_on("TRANSFORMERS_OFFLINE"),
            certificates: variables.path(&["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]),
            limits,
        })
    }
}

/// Reads variables; an empty one counts as unset.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
    }

    /// The first of `names` that is set, with `~` for the user's home.
    fn path(&self, names: &[&str]) -> Option<PathBuf> {
        let set = |name: &&str| (self.0)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let path = names.iter().find_map(set)?;
        let below_home = path.strip_prefix("~").ok().and_then(|rest| Some(PathBuf::from((self.0)("HOME")?).join(rest)));
        Some(below_home.unwrap_or(path))
    }

    /// The folder of all that belongs to the Hub on this machine.
    fn home(&self) -> Result<PathBuf, HubError> {
        let in_cache = || Some(self.path(&["XDG_CACHE_HOME"])?.join("huggingface"));
        let in_home = || Some(self.path(&["HOME"])?.join(".cache/huggingface"));
        self.path(&["HF_HOME"])
            .or_else(in_cache)
            .or_else(in_home)
            .ok_or_else(|| HubError::new(HubErrorKind::Settings, "neither HF_HOME nor HOME says where the cache is"))
    }

    fn endpoint(&self) -> Result<String, HubError> {
        let text = self.text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let text = text.trim_end_matches('/');
        Url::new(text).map_err(|_| HubError::new(HubErrorKind::Settings, "HF_ENDPOINT is no http or https address"))?;
        Ok(text.to_owned())
    }

    fn token(&self, home: &Path) -> Option<Token> {
        if self.is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            return None;
        }
        let set = self.text("HF_TOKEN").or_else(|| self.text("HUGGING_FACE_HUB_TOKEN"));
        set.as_deref().and_then(Token::new).or_else(|| {
            let file = self.path(&["HF_TOKEN_PATH"]).unwrap_or_else(|| home.join("token"));
            Token::new(&std::fs::read_to_string(file).ok()?)
        })
    }

    fn is_on(&self, name: &str) -> bool {
        let on = |value: String| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on");
        self.text(name).is_some_and(on)
    }

    fn seconds(&self, name: &str) -> Result<Option<Duration>, HubError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let seconds = text.trim().parse().ok().filter(|seconds| (1..=3_600).contains(seconds));
        let bad = || HubError::new(HubErrorKind::Settings, format!("{name} must be 1 to 3600 whole seconds"));
        seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        let value = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        HubSettings::from_variables(value)
    }

    #[test]
    fn the_cache_is_where_the_hub_has_it() {
        for (pairs, folder) in [
            (&[("HOME", "/h")][..], "/h/.cache/huggingface/hub"),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "~/models")], "/h/models/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "/f"), ("HF_HUB_CACHE", "/c")], "/c"),
            (&[("HF_HOME", "/f"), ("HF_HUB_CACHE", "")], "/f/hub"),
        ] {
            assert_eq!(settings(pairs).unwrap().cache.folder(), Path::new(folder), "{pairs:?}");
        }
        assert_eq!(settings(&[]).unwrap_err().kind(), HubErrorKind::Settings);
    }

    #[test]
    fn the_environment_is_respected() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        let plain = settings(&[("HF_HOME", home)]).unwrap();
        assert_eq!((plain.endpoint.as_str(), plain.token, plain.is_offline), (ENDPOINT, None, false));
        let set =
            settings(&[("HF_HOME", home), ("HF_ENDPOINT", "http://mirror:9/"), ("HF_HUB_OFFLINE", "ON")]).unwrap();
        assert_eq!((set.endpoint.as_str(), set.is_offline), ("http://mirror:9", true));
        std::fs::write(Path::new(home).join("token"), "from-file\n").unwrap();
        assert_eq!(settings(&[("HF_HOME", home)]).unwrap().token, Token::new("from-file"));
        assert_eq!(settings(&[("HF_HOME", home), ("HF_TOKEN", "set")]).unwrap().token, Token::new("set"));
        assert_eq!(settings(&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).unwrap().token, None);
        let waits = settings(&[("HF_HOME", home), ("HF_HUB_DOWNLOAD_TIMEOUT", "7")]).unwrap();
        assert_eq!(waits.limits.silence, Duration::from_secs(7));
        for bad in [("HF_ENDPOINT", "ftp://a"), ("HF_HUB_DOWNLOAD_TIMEOUT", "0"), ("HF_HUB_DOWNLOAD_TIMEOUT", "soon")] {
            assert_eq!(settings(&[("HF_HOME", home), bad]).unwrap_err().kind(), HubErrorKind::Settings, "{bad:?}");
        }
    }
}
