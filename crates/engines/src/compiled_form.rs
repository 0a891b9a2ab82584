//! An engine's compiled form, kept in one sealed file of [`LoadOptions::cache`].
//!
//! Engines trust such a file: one that is damaged may crash them, or change the numbers. So it ends with a seal, a sha256 over its
//! bytes and over what it was compiled for; whoever reads it gets the very bytes that were checked. The file appears whole, by a
//! rename, so that processes which share the folder need no lock: each reads a whole form or none, and the last one written stays.
//! A form that cannot be read, checked or kept costs its compilation again, never the load.

use crate::form_bytes::FormBytes;
use samovar_engine_api::{EngineInfo, LoadOptions};
use sha2::{Digest, Sha256};
use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FILE_NAME: &str = "compiled.form";

/// What the seal begins with; the digest follows.
const MARK: &[u8; 16] = b"samovar form 1\r\n";

const SEAL_BYTES: usize = MARK.len() + 32;

/// Larger forms are neither kept nor read.
const FORM_BYTES_MAX: u64 = 64 << 30;

/// Larger ones are not kept where they come by way of memory.
const HELD_BYTES_MAX: u64 = 1 << 30;

const FILE_BYTES_MAX: u64 = FORM_BYTES_MAX + SEAL_BYTES as u64;

/// What stays free on the disk.
const FREE_BYTES_MIN: u64 = 512 << 20;

/// Nobody writes to a form: a mapped one would change under a model that serves.
const READ_ONLY: u32 = 0o400;

/// How the name of a file ends that is being written.
const DRAFT: &str = "draft";

/// A file that was begun so long ago is finished by nobody.
const DRAFT_MAX_AGE: Duration = Duration::from_secs(3600);

/// The place of one compiled form.
pub(crate) struct CompiledForm {
    path: PathBuf,
    engine: &'static str,
    /// What the form was compiled for, as far as this crate knows it: part of what is sealed.
    label: String,
}

impl CompiledForm {
    /// The place that `options` give to a form of the engine; none where they give none.
    pub(crate) fn of(info: &EngineInfo, options: &LoadOptions) -> Option<Self> {
        let LoadOptions { precision, device, slots, threads, shapes, cache, gpu_memory, .. } = options;
        let path = cache.as_ref()?.join(FILE_NAME);
        let mut label = format!("{} {} {precision} {device} {slots} × {threads} {shapes:?}", info.name, info.version);
        if let Some(share) = gpu_memory {
            // What TensorRT builds depends on the memory that it may use.
            label += &format!(" {share} of the memory");
        }
        Some(Self { path, engine: info.name, label })
    }

    /// The same place for forms that are made in the way that `way` names: those of another way are not read.
    pub(crate) fn made_with(mut self, way: &str) -> Self {
        self.label += &format!(" with {way}");
        self
    }

    /// The form as it was sealed; none where there is none, or where it is not what was sealed (which is told, and deleted).
    pub(crate) fn read(&self) -> Option<FormBytes> {
        match self.read_sealed() {
            Ok(form) => form,
            Err(reason) => {
                self.discard(&reason);
                None
            }
        }
    }

    /// Deletes a form that the engine cannot use, with a line that says why. Should another process have put a good one in its place
    /// meanwhile, that one is compiled again.
    pub(crate) fn discard(&self, reason: &str) {
        tracing::warn!(engine = self.engine, form = %self.path.display(), reason, "a compiled form is not used: compiling again");
        drop(fs::remove_file(&self.path));
    }

    /// Seals and keeps what `form` gives. Where that fails (full disk, read-only folder) the model is served without.
    pub(crate) fn keep(&self, form: impl Read) {
        self.put(|draft| self.write(form, draft));
    }

    /// The same for a form too large to be held in memory: `write` puts it at the path that it is given, and need not notice a full
    /// disk. `bytes_max` is how large it may become. Tells whether it was kept.
    pub(crate) fn keep_written(&self, bytes_max: u64, write: impl FnOnce(&Path) -> Result<(), String>) -> bool {
        self.put(|draft| {
            let folder = draft.parent().unwrap_or(draft);
            // Asked before and after: what is left then tells that nothing was lost for want of room.
            room_for(folder, bytes_max.saturating_add(FREE_BYTES_MIN))?;
            write(draft).map_err(io::Error::other)?;
            room_for(folder, FREE_BYTES_MIN)?;
            self.seal(draft)
        })
    }

    /// Makes a draft and renames it into its place; tells whether that came about.
    fn put(&self, make: impl FnOnce(&Path) -> io::Result<()>) -> bool {
        self.remove_drafts();
        let draft = self.draft_path();
        let kept = make(&draft).and_then(|()| fs::rename(&draft, &self.path));
        if let Err(error) = &kept {
            drop(fs::remove_file(&draft));
            tracing::warn!(engine = self.engine, form = %self.path.display(), %error, "a compiled form cannot be kept");
        }
        kept.is_ok()
    }

    fn read_sealed(&self) -> Result<Option<FormBytes>, String> {
        let about = match fs::metadata(&self.path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        // A pipe would let the load wait for ever, a device would never end.
        if !about.is_file() || about.len() > FILE_BYTES_MAX {
            return Err("it is no file, or larger than any that is kept".to_owned());
        }
        let file = File::open(&self.path).map_err(|error| error.to_string())?;
        let mut bytes = FormBytes::of(file, about.len()).map_err(|error| error.to_string())?;
        self.unseal(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Cuts the seal off, once it was found to be right.
    fn unseal(&self, bytes: &mut FormBytes) -> Result<(), String> {
        let seal = *bytes.last_chunk::<SEAL_BYTES>().ok_or("it is too short")?;
        let digest = seal.strip_prefix(MARK).ok_or("it ends without a seal")?;
        bytes.truncate(bytes.len() - SEAL_BYTES);
        let mut hasher = self.hasher();
        bytes.look_through(|piece| hasher.update(piece));
        if *hasher.finalize() == *digest {
            return Ok(());
        }
        Err("it is not what was sealed, or was sealed for something else".to_owned())
    }

    fn write(&self, mut form: impl Read, draft: &Path) -> io::Result<()> {
        let mut file = File::create_new(draft)?;
        let (mut hasher, mut piece, mut size) = (self.hasher(), vec![0; 256 << 10], 0);
        loop {
            let count = form.read(&mut piece)?;
            if count == 0 {
                break;
            }
            size += count as u64;
            if size > HELD_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than what is kept"));
            }
            hasher.update(&piece[..count]);
            file.write_all(&piece[..count])?;
        }
        file.write_all(MARK)?;
        file.write_all(&hasher.finalize())?;
        file.set_permissions(Permissions::from_mode(READ_ONLY))
    }

    /// Seals the form that was written at `draft`.
    fn seal(&self, draft: &Path) -> io::Result<()> {
        let mut file = File::options().read(true).append(true).open(draft)?;
        let mut hasher = self.hasher();
        let size = io::copy(&mut file, &mut hasher)?;
        if size > FORM_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than what is kept"));
        }
        file.write_all(MARK)?;
        file.write_all(&hasher.finalize())?;
        file.set_permissions(Permissions::from_mode(READ_ONLY))
    }

    fn hasher(&self) -> Sha256 {
        Sha256::new_with_prefix(self.label.as_bytes())
    }

    /// A name that no other load writes to. Processes in containers share a folder and have the same number: chance tells them apart.
    fn draft_path(&self) -> PathBuf {
        let chance = RandomState::new().build_hasher().finish();
        self.path.with_extension(format!("{chance:016x}.{DRAFT}"))
    }

    /// Removes what a process that was ended has left half written.
    fn remove_drafts(&self) {
        let age = |path: &Path| path.metadata().ok()?.modified().ok()?.elapsed().ok();
        let entries = self.path.parent().and_then(|folder| fs::read_dir(folder).ok());
        for entry in entries.into_iter().flatten().flatten() {
            let path = entry.path();
            let is_draft = path.extension().is_some_and(|extension| extension == DRAFT);
            if is_draft && age(&path).is_some_and(|age| age > DRAFT_MAX_AGE) {
                // It is in nobody's way where it cannot be removed.
                drop(fs::remove_file(path));
            }
        }
    }
}

/// Whether so many bytes are free where `folder` is.
fn room_for(folder: &Path, bytes: u64) -> io::Result<()> {
    let disk = rustix::fs::statvfs(folder)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let full = || format!("{} MiB are free on the disk, {} are needed", free >> 20, bytes >> 20);
    if free >= bytes { Ok(()) } else { Err(io::Error::new(io::ErrorKind::StorageFull, full())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_engine_api::{Device, Precision};

    fn info(version: &str) -> EngineInfo {
        let (devices, precisions) = (vec![Device::Cpu], vec![Precision::F32]);
        EngineInfo { name: "test", version: version.to_owned(), devices, precisions, library: None }
    }

    fn form(folder: &Path, slots: usize) -> CompiledForm {
        let options = LoadOptions { slots, cache: Some(folder.to_owned()), ..LoadOptions::default() };
        CompiledForm::of(&info("1"), &options).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.collect()
    }

    #[test]
    fn what_is_kept_is_read_by_the_same_combination_alone() {
        let folder = tempfile::tempdir().unwrap();
        form(folder.path(), 1).keep(&b"compiled"[..]);
        assert_eq!(form(folder.path(), 1).read().unwrap()[..], b"compiled"[..]);
        assert_eq!(names(folder.path()), [FILE_NAME]);
        assert!(form(folder.path(), 2).read().is_none(), "two slots are another combination");
        let options = LoadOptions { cache: Some(folder.path().to_owned()), ..LoadOptions::default() };
        form(folder.path(), 1).keep(&b"compiled"[..]);
        assert!(
            CompiledForm::of(&info("2"), &options).unwrap().read().is_none(),
            "another version is another combination"
        );
        assert!(CompiledForm::of(&info("1"), &LoadOptions::default()).is_none());
    }

    #[test]
    fn damage_of_any_byte_is_noticed_and_the_file_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let form = form(folder.path(), 1);
        form.keep(&b"compiled"[..]);
        let whole = fs::read(&form.path).unwrap();
        let flips = (0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        });
        let cuts = (0..whole.len()).map(|end| whole[..end].to_vec());
        for damaged in flips.chain(cuts).chain([[&whole[..], b"more"].concat()]) {
            fs::write(&form.path, &damaged).unwrap();
            assert!(form.read().is_none(), "{damaged:?}");
            assert!(names(folder.path()).is_empty());
        }
        assert!(form.read().is_none(), "an absent one is none");
    }

    #[test]
    fn what_was_written_to_the_disk_is_sealed_there_and_nobody_writes_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let form = form(folder.path(), 1);
        let write = |draft: &Path| fs::write(draft, "compiled").map_err(|error| error.to_string());
        assert!(form.keep_written(8, write));
        assert_eq!(form.read().unwrap()[..], b"compiled"[..]);
        assert_eq!(fs::metadata(&form.path).unwrap().permissions().mode() & 0o777, READ_ONLY);
        assert!(!form.keep_written(8, |_| Err("it cannot be exported".to_owned())));
        assert_eq!(form.read().unwrap()[..], b"compiled"[..], "a form that fails takes no other's place");
        assert_eq!(names(folder.path()), [FILE_NAME]);
    }

    #[test]
    fn a_form_for_which_there_is_no_room_is_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let form = form(folder.path(), 1);
        assert!(!form.keep_written(u64::MAX / 2, |_| unreachable!("the disk is smaller")));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_written_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let absent = form(&folder.path().join("absent"), 1);
        absent.keep(&b"compiled"[..]);
        assert!(absent.read().is_none());
        // A folder stands where the form should be: neither the rename nor the read works, and no draft is left.
        let blocked = form(folder.path(), 1);
        fs::create_dir(&blocked.path).unwrap();
        blocked.keep(&b"compiled"[..]);
        assert!(blocked.read().is_none());
        assert_eq!(names(folder.path()), [FILE_NAME]);
    }

    #[test]
    fn what_an_ended_process_left_half_written_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [old, fresh] = ["compiled.0.draft", "compiled.1.draft"].map(|name| folder.path().join(name));
        let day_ago = std::time::SystemTime::now() - Duration::from_secs(24 * 3600);
        File::create(&old).unwrap().set_modified(day_ago).unwrap();
        File::create(&fresh).unwrap();
        form(folder.path(), 1).keep(&b"compiled"[..]);
        assert_eq!((old.exists(), fresh.exists(), form(folder.path(), 1).read().is_some()), (false, true, true));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let form = form(folder.path(), 1);
        std::os::unix::fs::symlink("/dev/zero", &form.path).unwrap();
        assert!(form.read().is_none());
        std::os::unix::fs::symlink("nowhere", &form.path).unwrap();
        assert!(form.read().is_none());
        form.keep(&b"compiled"[..]);
        assert!(form.read().is_some() && form.path.symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn a_source_that_fails_leaves_the_old_form() {
        struct Failing(usize);
        impl Read for Failing {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                if self.0 == 1 { Ok(into.len()) } else { Err(io::ErrorKind::StorageFull.into()) }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let form = form(folder.path(), 1);
        form.keep(&b"old"[..]);
        form.keep(Failing(0));
        assert_eq!(form.read().unwrap()[..], b"old"[..]);
        assert_eq!(names(folder.path()), [FILE_NAME]);
    }

    #[test]
    fn writers_at_once_leave_one_whole_form() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let folder = folder.path();
                scope.spawn(move || {
                    for _ in 0..50 {
                        form(folder, 1).keep(&vec![writer; 10_000][..]);
                        let found = form(folder, 1).read().unwrap();
                        assert!(found.len() == 10_000 && found.iter().all(|byte| *byte == found[0]));
                    }
                });
            }
        });
        assert_eq!(names(folder.path()), [FILE_NAME]);
    }
}
