//! One registered region: an open file, and the part of it that belongs to the region.

use super::key::file_name;
use crate::{ServiceError, ServiceErrorKind};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, openat};
use rustix::io::{Errno, pread, pwrite};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// One registered region.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) key: String,
    /// Where in the file it begins, in bytes.
    pub(super) offset: u64,
    pub(super) byte_size: u64,
    file: OwnedFd,
}

/// A part of a region. It stays valid when the region is unregistered meanwhile.
#[derive(Clone, Debug)]
pub struct RegionSpan {
    region: Arc<Region>,
    /// Where in the file it begins, in bytes.
    offset: u64,
    byte_size: u64,
}

impl Region {
    pub(super) fn open(key: &str, offset: u64, byte_size: u64) -> Result<Self, ServiceError> {
        let file = open_object(file_name(key)?)?;
        let stat = fstat(&file).map_err(|error| unusable(&error))?;
        check_owner(&stat)?;
        let end = offset.checked_add(byte_size).filter(|end| byte_size > 0 && *end <= size_of(&stat));
        let message = "offset and byte size do not lie within the shared memory object";
        end.ok_or_else(|| ServiceError::invalid("shared_memory_range", message))?;
        Ok(Self { key: key.to_owned(), offset, byte_size, file })
    }

    pub(super) fn span(self: &Arc<Self>, offset: u64, byte_size: u64) -> Result<RegionSpan, ServiceError> {
        let end = offset.checked_add(byte_size).filter(|end| *end <= self.byte_size);
        let message = "offset and byte size do not lie within the registered region";
        end.ok_or_else(|| ServiceError::invalid("shared_memory_range", message))?;
        Ok(RegionSpan { region: Arc::clone(self), offset: self.offset + offset, byte_size })
    }
}

impl RegionSpan {
    /// How long it is, in bytes.
    pub const fn byte_size(&self) -> u64 {
        self.byte_size
    }

    /// Fills `into` with the span's first bytes.
    ///
    /// # Errors
    /// `shared_memory_range` where it is shorter than `into`, `shared_memory_truncated` where its owner has cut the file meanwhile.
    pub fn read(&self, mut into: &mut [u8]) -> Result<(), ServiceError> {
        self.holds(into.len())?;
        let mut at = self.offset;
        while !into.is_empty() {
            match pread(&self.region.file, &mut *into, at) {
                Ok(0) => return Err(truncated()),
                Ok(read) => (into, at) = (&mut into[read..], at + read as u64),
                Err(Errno::INTR) => {}
                Err(error) => return Err(unusable(&error)),
            }
        }
        Ok(())
    }

    /// Writes `bytes` at the span's beginning.
    ///
    /// # Errors
    /// `shared_memory_range` where it is shorter than `bytes`, `shared_memory_truncated` where its owner has cut the file: writing on
    /// would make it longer again.
    pub fn write(&self, mut bytes: &[u8]) -> Result<(), ServiceError> {
        self.holds(bytes.len())?;
        let stat = fstat(&self.region.file).map_err(|error| unusable(&error))?;
        if size_of(&stat) < self.offset + bytes.len() as u64 {
            return Err(truncated());
        }
        let mut at = self.offset;
        while !bytes.is_empty() {
            match pwrite(&self.region.file, bytes, at) {
                Ok(0) => return Err(truncated()),
                Ok(written) => (bytes, at) = (&bytes[written..], at + written as u64),
                Err(Errno::INTR) => {}
                Err(error) => return Err(unusable(&error)),
            }
        }
        Ok(())
    }

    fn holds(&self, bytes: usize) -> Result<(), ServiceError> {
        if bytes as u64 <= self.byte_size {
            return Ok(());
        }
        let message = format!("{bytes} bytes do not fit the {} bytes of shared memory that were named", self.byte_size);
        Err(ServiceError::invalid("shared_memory_range", message))
    }
}

/// Where `shm_open` keeps its objects.
const FOLDER: &str = "/dev/shm";

fn open_object(name: &str) -> Result<OwnedFd, ServiceError> {
    let folder = open(FOLDER, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let folder = folder.map_err(|_| {
        let kind = ServiceErrorKind::Unsupported { code: "shared_memory_unsupported" };
        ServiceError::new(kind, "this system has no shared memory that can be opened by name")
    })?;
    // A pipe of that name must not make the open wait.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    openat(&folder, name, flags, Mode::empty()).map_err(|error| unusable(&error))
}

/// The server must not read or write for a caller what the caller could not: the object is the server's own user's, or
/// everybody's.
fn check_owner(stat: &Stat) -> Result<(), ServiceError> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    let own = stat.st_uid == rustix::process::geteuid().as_raw();
    let plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if plain && (own || mode.contains(Mode::ROTH | Mode::WOTH)) { Ok(()) } else { Err(not_there()) }
}

fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn unusable(error: &Errno) -> ServiceError {
    tracing::debug!(%error, "a shared memory object could not be used");
    not_there()
}

/// One answer for what is absent, forbidden or something else, so that nobody learns what there is.
fn not_there() -> ServiceError {
    let message = "there is no shared memory object of that key that the server may use; it must belong to the server's user, or \
                   be open to everybody";
    ServiceError::new(ServiceErrorKind::NotFound { code: "shared_memory_missing" }, message)
}

fn truncated() -> ServiceError {
    ServiceError::invalid("shared_memory_truncated", "the shared memory object has become shorter than its region")
}
