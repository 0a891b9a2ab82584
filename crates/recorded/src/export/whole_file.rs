//! A file that is there whole or not at all: written beside its place, through to the disk, then renamed.

use crate::RecordedError;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Names that are tried for the file beside.
const NAMES_MAX: u32 = 1_000;

/// A file under construction. Dropped before [`finish`](Self::finish) nothing is left of it, and what had its name before stays.
#[derive(Debug)]
pub struct WholeFile {
    writer: BufWriter<File>,
    /// None where what has the name is no file but a device or a pipe: then it is written as it goes.
    beside: Option<Beside>,
}

/// A file that is to take another's place.
#[derive(Debug)]
pub(crate) struct Beside {
    path: PathBuf,
    place: PathBuf,
    renamed: bool,
}

impl WholeFile {
    /// Begins a file for that place.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn create(place: &Path) -> Result<Self, RecordedError> {
        let made = match std::fs::metadata(place) {
            Ok(facts) if !facts.is_file() && !facts.is_dir() => {
                File::options().write(true).open(place).map(|file| (file, None))
            }
            _ => Beside::create(place).map(|(file, beside)| (file, Some(beside))),
        };
        let (file, beside) = made.map_err(|error| RecordedError::output(&error))?;
        Ok(Self { writer: BufWriter::with_capacity(64 << 10, file), beside })
    }

    /// Where the content goes.
    pub const fn writer(&mut self) -> &mut BufWriter<File> {
        &mut self.writer
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn finish(mut self) -> Result<(), RecordedError> {
        let Some(beside) = &mut self.beside else {
            return self.writer.flush().map_err(|error| RecordedError::output(&error));
        };
        let written = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        written.and_then(|()| beside.rename()).map_err(|error| RecordedError::output(&error))
    }
}

impl Beside {
    /// A place in the same folder, where nothing is.
    pub(crate) fn create(place: &Path) -> io::Result<(File, Self)> {
        // A link stays a link: what it leads to is replaced.
        let place = place.canonicalize().unwrap_or_else(|_| place.to_path_buf());
        let name = place.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        for number in 0..NAMES_MAX {
            let path = place.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()));
            match File::options().write(true).read(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, Self { path, place, renamed: false })),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// Where the content goes.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the place.
    pub(crate) fn rename(&mut self) -> io::Result<()> {
        std::fs::rename(&self.path, &self.place)?;
        self.renamed = true;
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
        // A file system that cannot write folders through still has the file.
        let _ = File::open(folder.unwrap_or_else(|| Path::new("."))).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_given_up_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out.csv");
        std::fs::write(&place, "old").unwrap();
        let mut file = WholeFile::create(&place).unwrap();
        file.writer().write_all(b"new").unwrap();
        file.writer().flush().unwrap();
        assert_eq!(names(folder.path()).len(), 2);
        drop(file);
        assert_eq!(names(folder.path()), ["out.csv"]);
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "old");
        let mut file = WholeFile::create(&place).unwrap();
        file.writer().write_all(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!(names(folder.path()), ["out.csv"]);
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "new");
    }

    #[test]
    fn a_link_leads_to_the_new_content_and_a_device_stays_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let (place, link) = (folder.path().join("real.csv"), folder.path().join("link.csv"));
        std::fs::write(&place, "old").unwrap();
        std::os::unix::fs::symlink(&place, &link).unwrap();
        let mut file = WholeFile::create(&link).unwrap();
        file.writer().write_all(b"new").unwrap();
        file.finish().unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "new");
        let mut file = WholeFile::create(Path::new("/dev/null")).unwrap();
        file.writer().write_all(b"new").unwrap();
        file.finish().unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        let mut file = WholeFile::create(Path::new("/dev/full")).unwrap();
        file.writer().write_all(b"new").unwrap();
        assert_eq!(file.finish().unwrap_err().code(), "storage_full");
    }
}
