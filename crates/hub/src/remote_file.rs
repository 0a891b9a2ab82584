//! What the Hub says about a file before any of it is fetched.

use crate::checksum::Checksum;
use crate::fault::Fault;
use crate::http::{Answer, Http, Method, header};
use crate::names::{FilePath, RepoName, Revision, is_commit};
use crate::url::{Url, escaped};
use ureq::http::HeaderMap;

/// One file of one commit.
#[derive(Clone, Debug)]
pub(crate) struct RemoteFile {
    /// The commit that the revision means now.
    pub(crate) commit: String,
    pub(crate) etag: Etag,
    /// Where the Hub says it.
    pub(crate) size_bytes: Option<u64>,
    /// Where its bytes are.
    pub(crate) location: Url,
    /// Whether the Hub gives the bytes itself, under the same tag.
    pub(crate) is_direct: bool,
}

/// The name of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Etag {
    name: String,
    is_weak: bool,
}

/// The same server may send us about so often, where it has renamed a repository.
const REDIRECTS_MAX: usize = 5;

impl RemoteFile {
    /// Asks the Hub.
    pub(crate) fn ask(http: &Http, repo: &RepoName, revision: &Revision, file: &FilePath) -> Result<Self, Fault> {
        let subject = format!("{repo}@{revision}:{file}");
        let path = format!("{repo}/resolve/{}/{}", escaped(revision.as_str(), false), escaped(file.as_str(), true));
        let mut url = http.hub_url(&path)?;
        for _ in 0..=REDIRECTS_MAX {
            let answer = http.ask(Method::Head, &url, &[])?;
            let redirect = http.redirect(&answer)?;
            if redirect.is_none() && !answer.response.status().is_success() {
                return Err(http.fault(&answer, &subject));
            }
            match redirect {
                Some(next) if http.is_hub(&next) && !names_content(answer.response.headers()) => url = next,
                redirect => return Self::read(&answer, redirect),
            }
        }
        Err(Fault::protocol("the Hub redirects without end"))
    }

    fn read(answer: &Answer, redirect: Option<Url>) -> Result<Self, Fault> {
        let headers = answer.response.headers();
        let commit = header(headers, "x-repo-commit").filter(|text| is_commit(text));
        let commit =
            commit.ok_or_else(|| Fault::protocol(format!("{} does not speak as the Hub does", answer.url.host())))?;
        let tag = header(headers, "x-linked-etag").or_else(|| header(headers, "etag").filter(|_| redirect.is_none()));
        let etag =
            tag.and_then(Etag::read).ok_or_else(|| Fault::protocol("the Hub does not name the file's content"))?;
        let own_size = || header(headers, "content-length").filter(|_| redirect.is_none());
        let size = header(headers, "x-linked-size").or_else(own_size);
        Ok(Self {
            commit: commit.to_owned(),
            etag,
            size_bytes: size.and_then(|text| text.trim().parse().ok()),
            is_direct: redirect.is_none(),
            location: redirect.unwrap_or_else(|| answer.url.clone()),
        })
    }
}

impl Etag {
    /// Reads `"…"` or `W/"…"`; none for what could not be a file's name.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let strong = text.strip_prefix("W/");
        let name = strong.unwrap_or(text).trim_matches('"');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = !name.is_empty() && name.len() <= 128 && name.bytes().all(plain);
        fits.then(|| Self { name: name.to_owned(), is_weak: strong.is_some() })
    }

    /// The content's name, which may be a file's.
    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }

    /// What the content must hash to, where the name says it.
    pub(crate) fn checksum(&self) -> Option<Checksum> {
        Checksum::read(&self.name)
    }

    /// As an `If-Range` header has it; none where the tag does not promise equal bytes.
    pub(crate) fn if_range(&self) -> Option<String> {
        (!self.is_weak).then(|| format!("\"{}\"", self.name))
    }
}

fn names_content(headers: &HeaderMap) -> bool {
    headers.contains_key("x-linked-etag") && headers.contains_key("x-repo-commit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_and_odd_ones_refused() {
        let strong = Etag::read("\"abc\"").unwrap();
        assert_eq!((strong.as_str(), strong.if_range().as_deref()), ("abc", Some("\"abc\"")));
        let weak = Etag::read("W/\"abc\"").unwrap();
        assert_eq!((weak.as_str(), weak.if_range()), ("abc", None));
        assert!(Etag::read(&"a".repeat(64)).unwrap().checksum().is_some());
        for odd in ["", "\"\"", "../x", "a/b", "a b", ".x", "a\\b", &"a".repeat(200)] {
            assert_eq!(Etag::read(odd), None, "{odd}");
        }
    }
}
