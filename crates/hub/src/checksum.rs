//! What a file's content must hash to, and whether it does.
//!
//! The Hub names a large file by the sha256 of its content and a small one as git does: by the sha1 of
//! `blob SIZE\0` and the content (git's object format).

use crate::cancel::Cancel;
use crate::error::HubError;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What a content hashes to, in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    Sha256(String),
    GitBlob(String),
}

impl Checksum {
    /// The checksum that `text` is by its length; none for anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match text.len() {
            64 if is_hex => Some(Self::Sha256(text.to_owned())),
            40 if is_hex => Some(Self::GitBlob(text.to_owned())),
            _ => None,
        }
    }

    /// Whether the file at `path` has it.
    ///
    /// # Errors
    /// `Files` where it cannot be read, `Cancelled`.
    pub(crate) fn holds(&self, path: &Path, cancel: &Cancel) -> Result<bool, HubError> {
        let reading = |error: io::Error| HubError::files("reading what was fetched", &error);
        let file = File::open(path).map_err(reading)?;
        match self {
            Self::Sha256(expected) => Ok(digest(Sha256::new(), file, cancel)? == *expected),
            Self::GitBlob(expected) => {
                let size = file.metadata().map_err(reading)?.len();
                let begun = Sha1::new().chain_update(format!("blob {size}\0"));
                Ok(digest(begun, file, cancel)? == *expected)
            }
        }
    }
}

fn digest<D: Digest>(mut hasher: D, mut file: File, cancel: &Cancel) -> Result<String, HubError> {
    let mut piece = vec![0; 256 << 10];
    loop {
        if cancel.is_stopped() {
            return Err(HubError::cancelled());
        }
        match file.read(&mut piece).map_err(|error| HubError::files("reading what was fetched", &error))? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => hasher.update(&piece[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        let cancel = Cancel::new(ureq::Agent::new_with_defaults());
        // As `sha256sum` and `git hash-object` print them.
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        for text in [sha256, git] {
            assert!(Checksum::read(text).unwrap().holds(&path, &cancel).unwrap());
            let other = text.replace('0', "1");
            assert!(!Checksum::read(&other).unwrap().holds(&path, &cancel).unwrap());
        }
        for text in ["", "abc", &sha256.to_uppercase(), &format!("{sha256}-2")] {
            assert_eq!(Checksum::read(text), None);
        }
    }
}
