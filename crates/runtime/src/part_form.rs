//! Where the compiled form of a part is kept: beside that of the model's first graph, under what the part is made of.

use crate::PartSource;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// The name of one part's compiled form.
///
/// Plans are kept under the digests of the model's files, those of its parts among them; so a part that is a file has its place for its
/// form. What is made for a load depends on how this version makes it too: its own bytes are in the name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PartForm {
    /// What the names of all forms of this part begin with.
    part: String,
    name: String,
}

impl PartForm {
    /// The name for part `index`.
    pub(crate) fn of(index: usize, source: &PartSource) -> Self {
        let part = format!("part-{index}-");
        let of = match source {
            PartSource::File(_) => "file".to_owned(),
            PartSource::Made(bytes) => Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        Self { name: format!("{part}{of}"), part }
    }

    /// Its folder in the place of the model's forms, made where it is missing; forms that the part had before go. None where it cannot be
    /// made: the part is compiled anew at every load.
    pub(crate) fn place(&self, folder: &Path) -> Option<PathBuf> {
        let place = folder.join(&self.name);
        self.remove_others(folder);
        let made = fs::create_dir_all(&place);
        made.inspect_err(|error| tracing::debug!(part = %self.name, %error, "no place for a compiled form")).ok()?;
        Some(place)
    }

    fn remove_others(&self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&self.part) && name != self.name.as_str() {
                // It is in nobody's way where it cannot be removed.
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_has_its_place_by_its_bytes_and_takes_that_of_what_was_made_before() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [b"one".to_vec(), b"other".to_vec()].map(|bytes| PartForm::of(0, &PartSource::Made(bytes)));
        let further = PartForm::of(1, &PartSource::File("decoder.onnx".into())).place(folder.path()).unwrap();
        let first = one.place(folder.path()).unwrap();
        fs::write(first.join("compiled.form"), "form").unwrap();
        assert_eq!(one.place(folder.path()).as_deref(), Some(first.as_path()));
        assert!(first.join("compiled.form").exists() && further.exists());
        let second = other.place(folder.path()).unwrap();
        assert!(second.exists() && further.exists() && !first.exists());
        assert_eq!(one.place(Path::new("/dev/null")), None);
    }
}
