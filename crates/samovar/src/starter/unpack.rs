//! Writes what ships to disk, because engines and ffmpeg read files: whole or not at all, and again where it was damaged.

use super::shipped::ShippedFile;
use crate::sha256;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder in which all `files` lie as they are here; its name follows from their content, so that two versions of Samovar
/// do not get into each other's way.
///
/// # Errors
/// Where a file cannot be written.
pub fn unpack(files: &[ShippedFile], home: &Path) -> io::Result<PathBuf> {
    let folder = home.join(version(files));
    for (path, content) in files {
        let path = folder.join(path);
        if !is_whole(&path, content) {
            write(&path, content)?;
        }
    }
    Ok(folder)
}

/// Hexadecimal digits of a version's name: too many to meet by accident.
const VERSION_DIGITS: usize = 16;

fn version(files: &[ShippedFile]) -> String {
    let digests: String =
        files.iter().map(|(path, content)| format!("{path} {}\n", sha256::of_bytes(content))).collect();
    sha256::of_bytes(digests.as_bytes())[..VERSION_DIGITS].to_owned()
}

/// The content is here anyway, so it is compared itself rather than a digest of it.
fn is_whole(path: &Path, content: &[u8]) -> bool {
    let length_fits = fs::metadata(path).is_ok_and(|metadata| metadata.len() == content.len() as u64);
    length_fits && fs::read(path).is_ok_and(|found| found == content)
}

/// Under another name first: a process that looks meanwhile finds the file whole or not at all.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".unfinished-{}-{number}", std::process::id()));
    let written = fs::write(&unfinished, content).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[ShippedFile] = &[("a.onnx", b"graph"), ("words/b.json", b"{}")];

    #[test]
    fn what_was_damaged_is_written_anew() {
        let home = tempfile::tempdir().unwrap();
        let folder = unpack(FILES, home.path()).unwrap();
        let found = || FILES.iter().map(|(path, _)| fs::read(folder.join(path)).unwrap()).collect::<Vec<_>>();
        assert_eq!(found(), [b"graph".to_vec(), b"{}".to_vec()]);
        // Of the same length, shorter, and gone.
        fs::write(folder.join("a.onnx"), "graqh").unwrap();
        fs::write(folder.join("words/b.json"), "{").unwrap();
        assert_eq!(unpack(FILES, home.path()).unwrap(), folder);
        assert_eq!(found(), [b"graph".to_vec(), b"{}".to_vec()]);
        fs::remove_dir_all(folder.join("words")).unwrap();
        unpack(FILES, home.path()).unwrap();
        assert_eq!(found(), [b"graph".to_vec(), b"{}".to_vec()]);
    }

    #[test]
    fn what_is_whole_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let written = |folder: &Path| fs::metadata(folder.join("a.onnx")).unwrap().modified().unwrap();
        let first = written(&unpack(FILES, home.path()).unwrap());
        assert_eq!(written(&unpack(FILES, home.path()).unwrap()), first);
    }

    #[test]
    fn other_content_has_another_folder() {
        let home = tempfile::tempdir().unwrap();
        let other: &[ShippedFile] = &[("a.onnx", b"grapf"), ("words/b.json", b"{}")];
        assert_ne!(unpack(FILES, home.path()).unwrap(), unpack(other, home.path()).unwrap());
    }

    #[test]
    fn many_at_once_leave_whole_files_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let folder = unpack(FILES, home.path()).unwrap();
                    assert_eq!(fs::read(folder.join("a.onnx")).unwrap(), b"graph");
                });
            }
        });
        let folder = unpack(FILES, home.path()).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.onnx", "words"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "in the way").unwrap();
        assert!(unpack(FILES, &file).is_err());
    }
}
