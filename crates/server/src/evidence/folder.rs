//! The folder of evidence: whole files under random names, nothing half written, nothing of anybody else's touched.

use super::EvidenceFacts;
use super::sidecar::Sidecar;
use crate::random_id::RandomId;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder of evidence.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

/// One of the files of a piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EvidencePart {
    /// The annotated picture.
    Snapshot,
    /// The clip.
    Clip,
    /// The event.
    Sidecar,
}

/// What a file is called while it is written.
const DRAFT: &str = "part";
/// A sidecar is an event and some figures.
const SIDECAR_BYTES_MAX: u64 = 1 << 20;

impl EvidencePart {
    pub(super) const ALL: [Self; 3] = [Self::Snapshot, Self::Clip, Self::Sidecar];

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Clip => "clip",
            Self::Sidecar => "sidecar",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Snapshot => "jpg",
            Self::Clip => "mp4",
            Self::Sidecar => "json",
        }
    }
}

impl Folder {
    /// Makes the folder where it is missing and tries to write in it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let folder = Self(path.to_owned());
        let trial = folder.draft(RandomId::new(), EvidencePart::Sidecar);
        let tried = File::create(&trial).and_then(|mut file| file.write_all(b"{}"));
        let removed = fs::remove_file(&trial);
        tried.and(removed).map(|()| folder)
    }

    /// Everything that is there. What a server left half done when it ended is removed; what is not ours is left alone: a picture or clip
    /// without its event is taken for ours only where a draft of the same name says so.
    pub(super) fn read(&self) -> io::Result<Vec<EvidenceFacts>> {
        let mut found = Vec::new();
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            let Some((id, ending)) = name.to_str().and_then(ours) else { continue };
            match ending {
                "json" => found.extend(self.facts(id)),
                _ => files.push((id, name)),
            }
        }
        let is_draft = |name: &OsString| name.to_str().is_some_and(|name| name.ends_with(DRAFT));
        let known: HashSet<_> = found.iter().map(|facts| facts.id).collect();
        let begun: HashSet<_> = files.iter().filter(|(_, name)| is_draft(name)).map(|(id, _)| *id).collect();
        for (id, name) in files {
            if is_draft(&name) || (begun.contains(&id) && !known.contains(&id)) {
                fs::remove_file(self.0.join(name))?;
            }
        }
        Ok(found)
    }

    /// Where a part lies, or would lie.
    pub(super) fn path(&self, id: RandomId, part: EvidencePart) -> PathBuf {
        self.0.join(format!("{id}.{}", part.ending()))
    }

    /// Where a part is written before it is whole.
    pub(super) fn draft(&self, id: RandomId, part: EvidencePart) -> PathBuf {
        self.0.join(format!("{id}.{}.{DRAFT}", part.ending()))
    }

    /// Leaves a sign that this piece is being written, until its sidecar is there.
    pub(super) fn begin(&self, id: RandomId) -> io::Result<()> {
        File::create(self.draft(id, EvidencePart::Sidecar)).map(drop)
    }

    /// Takes back what was begun, and these parts.
    pub(super) fn take_back(&self, id: RandomId, parts: &[EvidencePart]) {
        let drafts = EvidencePart::ALL.map(|part| self.draft(id, part));
        let whole = parts.iter().map(|part| self.path(id, *part));
        // What cannot be removed is removed at the next start.
        whole.chain(drafts).for_each(|path| drop(fs::remove_file(path)));
    }

    /// Writes a part, which is there whole or not at all.
    pub(super) fn write(&self, id: RandomId, part: EvidencePart, bytes: &[u8]) -> io::Result<u64> {
        let draft = self.draft(id, part);
        let written = File::create(&draft).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.and_then(|()| self.keep(id, part)).inspect_err(|_| drop(fs::remove_file(&draft)))
    }

    /// Makes a whole draft the part, and tells its bytes.
    pub(super) fn keep(&self, id: RandomId, part: EvidencePart) -> io::Result<u64> {
        let path = self.path(id, part);
        fs::rename(self.draft(id, part), &path)?;
        Ok(fs::metadata(&path)?.len())
    }

    /// The sidecar's own words.
    pub(super) fn sidecar(&self, id: RandomId) -> io::Result<Sidecar> {
        let path = self.path(id, EvidencePart::Sidecar);
        if fs::metadata(&path)?.len() > SIDECAR_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Removes all parts, the sidecar last: what is interrupted is done again.
    pub(super) fn remove(&self, id: RandomId) -> io::Result<()> {
        EvidencePart::ALL.into_iter().try_for_each(|part| match fs::remove_file(self.path(id, part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }

    fn facts(&self, id: RandomId) -> Option<EvidenceFacts> {
        let bytes = fs::metadata(self.path(id, EvidencePart::Sidecar)).ok()?.len();
        self.sidecar(id).ok()?.facts(bytes).filter(|facts| facts.id == id)
    }
}

/// The name and ending of a file of ours.
fn ours(name: &str) -> Option<(RandomId, &str)> {
    let (id, ending) = name.split_once('.')?;
    let id = RandomId::parse(id)?;
    let bare = ending.strip_suffix(DRAFT).map_or(ending, |part| part.trim_end_matches('.'));
    EvidencePart::ALL.iter().any(|part| part.ending() == bare).then_some((id, ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar(id: RandomId) -> Vec<u8> {
        let event = serde_json::value::RawValue::from_string("{\"number\":1}".into()).unwrap();
        let sidecar = Sidecar {
            id: id.to_string(),
            time_unix_ms: 7,
            source: Some("yard".into()),
            stream: "s".into(),
            snapshot_bytes: Some(3),
            clip_bytes: None,
            event,
        };
        serde_json::to_vec(&sidecar).unwrap()
    }

    #[test]
    fn what_was_left_half_done_goes_and_what_is_not_ours_stays() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("evidence")).unwrap();
        let [whole, orphan] = [RandomId::new(), RandomId::new()];
        folder.write(whole, EvidencePart::Snapshot, b"jpg").unwrap();
        folder.write(whole, EvidencePart::Sidecar, &sidecar(whole)).unwrap();
        folder.begin(orphan).unwrap();
        folder.write(orphan, EvidencePart::Snapshot, b"jpg").unwrap();
        fs::write(folder.draft(whole, EvidencePart::Clip), b"half").unwrap();
        // Other programs name files by 32 digits, too.
        let digest = "d41d8cd98f00b204e9800998ecf8427e.jpg";
        let foreign = ["holiday.jpg", "notes.json", &format!("{orphan}.txt"), digest].map(|name| folder.0.join(name));
        foreign.iter().for_each(|path| fs::write(path, b"mine").unwrap());
        let found = folder.read().unwrap();
        assert_eq!(found.iter().map(|facts| facts.id).collect::<Vec<_>>(), [whole]);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2 + foreign.len());
        folder.remove(whole).unwrap();
        folder.remove(whole).unwrap();
        assert!(foreign.iter().all(|path| path.is_file()));
        assert!(folder.read().unwrap().is_empty());
    }

    #[test]
    fn a_sidecar_that_is_none_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let [garbage, liar] = [RandomId::new(), RandomId::new()];
        folder.write(garbage, EvidencePart::Sidecar, b"\0\xff{").unwrap();
        folder.write(liar, EvidencePart::Sidecar, &sidecar(RandomId::new())).unwrap();
        assert!(folder.read().unwrap().is_empty());
    }
}
