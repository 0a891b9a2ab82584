//! What may name a repository, a revision and a file. Nothing that passes here can leave the cache's folder.

use crate::error::{HubError, HubErrorKind};
use std::fmt;

/// A model repository, `ORG/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoName(String);

/// A branch, a tag or a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

/// A file's path in a repository, `onnx/model.onnx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath(String);

/// What `ORG/NAME[@REVISION][:FILE]` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The repository.
    pub repo: RepoName,
    /// Where none is given: nothing, so that the caller's default holds.
    pub revision: Option<Revision>,
    /// The file, where one is named.
    pub file: Option<FilePath>,
}

const REPO_BYTES_MAX: usize = 96;
const REVISION_BYTES_MAX: usize = 250;
const PATH_BYTES_MAX: usize = 1_000;

impl RepoName {
    /// Reads `ORG/NAME`.
    ///
    /// # Errors
    /// `Name`, where it cannot be a repository of the Hub.
    pub fn new(text: &str) -> Result<Self, HubError> {
        let is_name = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            part.bytes().all(plain) && !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(['.', '-'])
        };
        let two = text.split_once('/').is_some_and(|(org, name)| is_name(org) && is_name(name));
        let is_repo = two && text.len() <= REPO_BYTES_MAX && !text.contains("--") && !text.contains("..");
        if is_repo { Ok(Self(text.to_owned())) } else { Err(invalid("a repository", text)) }
    }

    /// The folder that holds it in a cache.
    pub(crate) fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }
}

impl Revision {
    /// Reads a branch, a tag or a commit.
    ///
    /// # Errors
    /// `Name`, where it cannot be one.
    pub fn new(text: &str) -> Result<Self, HubError> {
        let fits = text.len() <= REVISION_BYTES_MAX && text.split('/').all(is_segment);
        if fits { Ok(Self(text.to_owned())) } else { Err(invalid("a revision", text)) }
    }

    /// The branch that every repository has.
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// Whether it can never mean anything else: a commit in full.
    pub fn is_commit(&self) -> bool {
        is_commit(&self.0)
    }
}

impl FilePath {
    /// Reads a path with slashes, from the repository's root.
    ///
    /// # Errors
    /// `Name`, where it is none or would leave the repository.
    pub fn new(text: &str) -> Result<Self, HubError> {
        let fits = text.len() <= PATH_BYTES_MAX && text.split('/').all(is_segment);
        if fits { Ok(Self(text.to_owned())) } else { Err(invalid("a file's path", text)) }
    }

    /// How many folders and files deep it lies: 1 for a file at the root.
    pub(crate) fn depth(&self) -> usize {
        self.0.split('/').count()
    }
}

impl Source {
    /// Reads `ORG/NAME[@REVISION][:FILE]`.
    ///
    /// # Errors
    /// `Name`, where a part is none.
    pub fn new(text: &str) -> Result<Self, HubError> {
        let (rest, file) = match text.split_once(':') {
            Some((rest, file)) => (rest, Some(FilePath::new(file)?)),
            None => (text, None),
        };
        let (repo, revision) = match rest.split_once('@') {
            Some((repo, revision)) => (repo, Some(Revision::new(revision)?)),
            None => (rest, None),
        };
        Ok(Self { repo: RepoName::new(repo)?, revision, file })
    }
}

/// Whether `text` is a commit: 40 hexadecimal digits.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `part` may be one folder or file of a path: neither empty, nor a way up, nor something with another meaning to a system.
fn is_segment(part: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    !matches!(part, "" | "." | "..") && part.len() <= 255 && !part.contains(odd)
}

fn invalid(what: &str, text: &str) -> HubError {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
    HubError::new(HubErrorKind::Name, format!("`{shown}` cannot be {what} of the Hub"))
}

macro_rules! shown_as_text {
    ($($name:ident)*) => { $(
        impl $name {
            /// As it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )* };
}

shown_as_text!(RepoName Revision FilePath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_hub_pass() {
        let source = Source::new("onnx-community/whisper-base@refs/pr/2:onnx/encoder_model.onnx").unwrap();
        assert_eq!(source.repo.folder(), "models--onnx-community--whisper-base");
        assert_eq!(source.revision.unwrap().as_str(), "refs/pr/2");
        assert_eq!(source.file.unwrap().depth(), 2);
        assert_eq!(Source::new("a/b").unwrap().file, None);
        assert!(FilePath::new("with space/größe.onnx").is_ok());
        assert!(Revision::new("0123456789abcdef0123456789abcdef01234567").unwrap().is_commit());
        assert!(!Revision::main().is_commit());
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for path in ["../x", "a/../x", "/etc/passwd", "a//b", "./a", "a/.", "", "a\\..\\b", "a\0b", "c:d", "a\nb"] {
            assert_eq!(FilePath::new(path).unwrap_err().kind(), HubErrorKind::Name, "{path:?}");
            assert!(Revision::new(path).is_err(), "{path:?}");
        }
        for repo in ["x", "a/b/c", "../a", "a/..", "a/b--c", "-a/b", "a/b c", "/a", "a/", "a/b/", "a/.b"] {
            assert!(RepoName::new(repo).is_err(), "{repo:?}");
        }
        assert!(Source::new("a/b:../../c").is_err() && Source::new("a/b@../c").is_err());
    }
}
