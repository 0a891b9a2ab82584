//! How much room the disk has.

use std::io;
use std::path::Path;

/// Bytes that this user may still write.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
