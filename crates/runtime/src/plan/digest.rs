//! The sha256 of weights, taken once per file and process as long as the file stays what it was.

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Digests of files that were read before.
#[derive(Default)]
pub(crate) struct Digests {
    /// Bounded: see [`KNOWN_MAX`].
    known: Mutex<HashMap<FileState, String>>,
}

/// What tells a file that was read before from one that is another or was written since.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FileState {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified_ns: i128,
    /// Moves with every write, also where a copy sets the other time back.
    changed_ns: i128,
}

/// Files remembered; beyond it everything is forgotten and read again when it is asked for.
const KNOWN_MAX: usize = 4096;
const PIECE_BYTES: usize = 256 << 10;

impl Digests {
    /// 64 hexadecimal digits, as `sha256sum` prints them.
    ///
    /// # Errors
    /// Those of opening and reading the file; `InvalidInput` where it is no plain file.
    pub(crate) fn of(&self, path: &Path) -> io::Result<String> {
        let state = FileState::of(path)?;
        if let Some(digest) = self.known.lock().get(&state) {
            return Ok(digest.clone());
        }
        let digest = read(path)?;
        // A file that was written meanwhile is read again next time.
        if FileState::of(path)? == state {
            let mut known = self.known.lock();
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(state, digest.clone());
        }
        Ok(digest)
    }
}

impl FileState {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
        }
        let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.len(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            count => hasher.update(&piece[..count]),
        }
    }
}

/// The same of text.
pub(crate) fn of_text(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        std::fs::write(&path, "abc").unwrap();
        let digests = Digests::default();
        let first = digests.of(&path).unwrap();
        assert_eq!(first, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((digests.of(&path).unwrap(), digests.known.lock().len()), (first.clone(), 1));
        std::fs::write(&path, "abcd").unwrap();
        assert_ne!(digests.of(&path).unwrap(), first);
        assert!(digests.of(folder.path()).is_err());
    }
}
