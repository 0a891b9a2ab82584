//! Data outside the model's file: it must lie in the model's folder, be a plain file of its own, and be long enough.
//!
//! A model file comes from elsewhere, and names files that the engine will then read: without these checks it could name
//! `/etc/shadow` (CVE-2022-25882, CVE-2024-27318), directly, by a link, or by a hard link.

use super::tensor::ExternalRange;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Checks all `ranges` of the model at `model`; the files they lie in, with their sizes in bytes.
pub(super) fn check(model: &Path, ranges: &[ExternalRange]) -> Result<BTreeMap<PathBuf, u64>, String> {
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for range in ranges {
        let end = range.offset.checked_add(range.length).ok_or("external data ends beyond any file")?;
        let known = ends.entry(&range.location).or_default();
        *known = end.max(*known);
    }
    let folder = model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ends.into_iter().map(|(location, end)| check_file(folder, location, end)).collect()
}

fn check_file(folder: &Path, location: &str, end: u64) -> Result<(PathBuf, u64), String> {
    let is_inside =
        Path::new(location).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || location.contains('\0') || !is_inside {
        return Err(format!("external data `{location}` is outside the model's folder"));
    }
    let path = folder.join(location);
    let absent = |error: std::io::Error| format!("external data `{location}` cannot be read: {error}");
    let real = path.canonicalize().map_err(absent)?;
    if !real.starts_with(folder.canonicalize().map_err(absent)?) {
        return Err(format!("external data `{location}` is a link that leaves the model's folder"));
    }
    let metadata = real.metadata().map_err(absent)?;
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(format!("external data `{location}` is not a plain file with a single name"));
    }
    if metadata.len() < end {
        return Err(format!("external data `{location}` has {} bytes, {end} are needed", metadata.len()));
    }
    Ok((path, metadata.len()))
}
