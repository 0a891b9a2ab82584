//! A file in memory, for libraries that write only to a path and do not tell a full disk.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the kernel's call has no interface in the standard library")
)]

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::PathBuf;

/// Freed with the last handle to it.
pub(crate) struct MemoryFile {
    file: File,
}

impl MemoryFile {
    /// An empty file.
    ///
    /// # Errors
    /// Those of the kernel; `Unsupported` where the system is not Linux.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { file: create()? })
    }

    /// The path at which this process, and no other, opens it.
    #[cfg(unix)]
    pub(crate) fn path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// What was written, from its beginning.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn into_reader(mut self) -> io::Result<File> {
        self.file.rewind()?;
        Ok(self.file)
    }
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(target_os = "linux")]
fn create() -> io::Result<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: the name is a C string, the flag one that the kernel knows; nothing else is passed.
    let descriptor = unsafe { libc::memfd_create(c"samovar-form".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, new, and nobody else's.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

#[cfg(not(target_os = "linux"))]
fn create() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
