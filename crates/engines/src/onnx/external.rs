//! Data outside the model's file: it must lie in the model's folder, be a plain file of its own, and be long enough.
//!
//! A model file comes from elsewhere, and names files that the engine will then read: without these checks it could name
//! `/etc/shadow` (CVE-2022-25882, CVE-2024-27318), directly, by a link, or by a hard link.
//!
//! One link may leave the folder: the Hugging Face cache keeps a repository as `snapshots/REVISION/FILE` → `../../blobs/DIGEST`, graph
//! and data alike. See [`is_blob_of_same_repository`] for what exactly is taken.
//!
//! The engine opens the files again after these checks, by name. Who may write to the model's folder can put others in their place
//! between; the checks hold off a hostile model, not a hostile owner of its folder. Pins do not close that gap either.

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
    ends.into_iter().map(|(location, end)| check_file((model, folder), location, end)).collect()
}

fn check_file((model, folder): (&Path, &Path), location: &str, end: u64) -> Result<(PathBuf, u64), String> {
    let is_inside =
        Path::new(location).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || location.contains('\0') || !is_inside {
        return Err(format!("external data `{location}` is outside the model's folder"));
    }
    let path = folder.join(location);
    let absent = |error: std::io::Error| format!("external data `{location}` cannot be read: {error}");
    let real = path.canonicalize().map_err(absent)?;
    let is_inside = real.starts_with(folder.canonicalize().map_err(absent)?);
    if !is_inside && !is_blob_of_same_repository(model, &path, &real) {
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

/// Whether graph and data lie side by side in the `blobs` folder of one repository of the Hugging Face cache, and the name of the data
/// is one link, in that repository's `snapshots`, straight to it: no link to a link, and no folder that is a link on the way.
fn is_blob_of_same_repository(model: &Path, data: &Path, real_data: &Path) -> bool {
    let found = || {
        let blobs = model.canonicalize().ok()?.parent()?.to_owned();
        let snapshots = blobs.parent()?.join("snapshots");
        let folder = data.parent()?.canonicalize().ok()?;
        let target = folded(&folder.join(data.read_link().ok()?));
        let is_blob = blobs.ends_with("blobs") && real_data.parent()? == blobs && target == real_data;
        let is_snapshot = folder.strip_prefix(snapshots).is_ok_and(|revision| revision != Path::new(""));
        Some(is_blob && is_snapshot)
    };
    found().unwrap_or(false)
}

/// The path without `.` and `..`, by its text alone.
fn folded(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(folded.pop()),
            Component::CurDir => {}
            part => folded.push(part),
        }
    }
    folded
}
