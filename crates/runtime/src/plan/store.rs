//! Plans on disk: `plans/<key>.json`, and the engines' compiled forms under `compiled/<key>-<candidate>/`.
//!
//! Files are written beside their place and renamed into it, so that a reader finds a whole plan or none. What cannot be read
//! is a line in the log and no plan.

use super::{Candidate, Plan, PlanKey, file};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A folder of plans.
#[derive(Clone, Debug)]
pub struct PlanStore {
    folder: PathBuf,
}

/// Plans kept at most; the oldest go.
const PLANS_MAX: usize = 256;
/// A plan is some hundred kilobytes at most: what is larger is no plan.
const FILE_MAX_BYTES: u64 = 4 << 20;
/// How the name of a file ends that is being written.
const PART: &str = "part";
/// A file that was begun so long ago is finished by nobody.
const PART_MAX_AGE: Duration = Duration::from_secs(3600);
/// What is written to see whether anything can be: some bytes, since a full disk takes an empty file.
const PROBE: &[u8] = &[b'p'; 4096];

impl PlanStore {
    /// The plans in `folder`, which is made when the first one is put there.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Writes a file where plans are kept, and removes it and the folders that had to be made for it.
    ///
    /// # Errors
    /// Those of the file system: a plan could not be kept.
    pub fn check_writable(&self) -> io::Result<()> {
        let plans = self.plans();
        let missing: Vec<&Path> = plans.ancestors().take_while(|folder| !folder.exists()).collect();
        let probe = plans.join(format!("probe.{:016x}.{PART}", chance()));
        let checked = fs::create_dir_all(&plans).and_then(|()| write_new(&probe, PROBE));
        // What has never been there needs no removal; a folder that another process has filled meanwhile stays.
        let removed = is_gone(fs::remove_file(&probe));
        missing.into_iter().for_each(|folder| drop(fs::remove_dir(folder)));
        checked.and(removed).map(drop)
    }

    /// All plans that were measured and can be read, the newest first.
    pub fn list(&self) -> Vec<Plan> {
        self.records().into_iter().filter(Plan::is_measured).collect()
    }

    /// The same, and what is recorded of large models that run by default.
    pub fn records(&self) -> Vec<Plan> {
        let mut plans: Vec<Plan> = self.files().into_iter().filter_map(|(_, key)| self.get(&key)).collect();
        plans.sort_by_key(|plan| std::cmp::Reverse(plan.measured_at));
        plans
    }

    /// The plan of that key; none where there is none or it cannot be read.
    pub fn get(&self, key: &PlanKey) -> Option<Plan> {
        let path = self.path(key);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(plan = %key, %error, "a plan cannot be read: it is measured again");
                return None;
            }
        };
        let parsed = file::parse(&text)
            .and_then(|plan| if plan.key == *key { Ok(plan) } else { Err("it is another's".to_owned()) });
        parsed
            .inspect_err(|reason| tracing::warn!(plan = %key, %reason, "a plan is damaged: it is measured again"))
            .ok()
    }

    /// Removes a plan and its compiled forms; tells whether it was there.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self, key: &PlanKey) -> io::Result<bool> {
        // First what is used; a compiled form that stays is only in the way.
        let was_there = is_gone(fs::remove_file(self.path(key)))?;
        self.remove_forms(key, None)?;
        Ok(was_there)
    }

    /// Removes every plan, those that cannot be read too, and every compiled form; tells how many plans there were.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn clear(&self) -> io::Result<usize> {
        let files = self.files();
        for (_, key) in &files {
            self.remove(key)?;
        }
        for entry in fs::read_dir(self.folder.join("compiled")).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(key) = name.to_str().and_then(|name| PlanKey::parse(name.get(..64)?)) {
                self.remove_forms(&key, None)?;
            }
        }
        Ok(files.len())
    }

    /// Keeps a plan in place of an older one of the same key, whose compiled form goes unless it is the same candidate's.
    pub(crate) fn put(&self, plan: &Plan) -> io::Result<()> {
        fs::create_dir_all(self.plans())?;
        self.remove_parts();
        write_whole(&self.path(&plan.key), file::text(plan).as_bytes())?;
        self.remove_forms(&plan.key, Some(&self.form(&plan.key, &plan.candidate())))?;
        // Whatever the clock says: the one that has just been put is the newest.
        let others = self.files().into_iter().map(|(_, key)| key).filter(|key| *key != plan.key);
        for key in others.skip(PLANS_MAX - 1) {
            self.remove(&key)?;
        }
        Ok(())
    }

    /// The folder for the compiled form of a plan's winner; made when it is asked for.
    pub(crate) fn compiled(&self, key: &PlanKey, candidate: &Candidate) -> io::Result<PathBuf> {
        let folder = self.form(key, candidate);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn plans(&self) -> PathBuf {
        self.folder.join("plans")
    }

    fn path(&self, key: &PlanKey) -> PathBuf {
        self.plans().join(format!("{key}.json"))
    }

    fn form(&self, key: &PlanKey, candidate: &Candidate) -> PathBuf {
        self.folder.join("compiled").join(format!("{key}-{}", candidate.file_part()))
    }

    /// Removes all compiled forms of a key but `kept`.
    pub(crate) fn remove_forms(&self, key: &PlanKey, kept: Option<&Path>) -> io::Result<()> {
        let Ok(entries) = fs::read_dir(self.folder.join("compiled")) else { return Ok(()) };
        for entry in entries.flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(key.as_str());
            if is_ours && kept != Some(&entry.path()) {
                // A link goes as a file does, and what it leads to stays.
                let is_folder = entry.file_type()?.is_dir();
                is_gone(if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) })?;
            }
        }
        Ok(())
    }

    /// Removes what a process that was ended has left half written.
    fn remove_parts(&self) {
        let age = |path: &Path| path.metadata().ok()?.modified().ok()?.elapsed().ok();
        for entry in fs::read_dir(self.plans()).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_part = path.extension().is_some_and(|extension| extension == PART);
            if is_part && age(&path).is_some_and(|age| age > PART_MAX_AGE) {
                // It is in nobody's way where it cannot be removed.
                drop(fs::remove_file(path));
            }
        }
    }

    /// The files whose names are keys, the one written last first.
    fn files(&self) -> Vec<(SystemTime, PlanKey)> {
        let Ok(entries) = fs::read_dir(self.plans()) else { return Vec::new() };
        let named = |entry: fs::DirEntry| {
            let key = PlanKey::parse(entry.file_name().to_str()?.strip_suffix(".json")?)?;
            Some((entry.metadata().ok()?.modified().ok()?, key))
        };
        let mut files: Vec<_> = entries.flatten().filter_map(named).collect();
        files.sort_by(|a, b| b.cmp(a));
        files
    }
}

/// Whether it was there: another process may remove the same things.
fn is_gone(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Processes in containers share a folder and have the same number: chance tells their files apart.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Writes a file that is not there yet, and waits until its bytes are on disk.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes beside `path`, waits until the bytes are on disk, and renames.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{:016x}.{PART}", chance()));
    let written = write_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // Half a file is of no use; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::file::tests::plan;

    fn key(digit: char) -> PlanKey {
        PlanKey::parse(&digit.to_string().repeat(64)).unwrap()
    }

    fn store() -> (tempfile::TempDir, PlanStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = PlanStore::open(folder.path().join("cache"));
        (folder, store)
    }

    #[test]
    fn what_is_put_is_found_listed_and_removed_with_its_compiled_form() {
        let (_folder, store) = store();
        assert!(store.list().is_empty());
        let plan = plan(key('a'));
        store.put(&plan).unwrap();
        let form = store.compiled(&plan.key, &plan.candidate()).unwrap();
        fs::write(form.join("blob"), "x").unwrap();
        store.put(&plan).unwrap();
        assert!(form.join("blob").exists(), "the same candidate keeps its form");
        assert_eq!(store.list(), std::slice::from_ref(&plan));
        assert_eq!((store.remove(&plan.key).unwrap(), form.exists()), (true, false));
        assert_eq!((store.get(&plan.key), store.remove(&plan.key).unwrap()), (None, false));
    }

    #[test]
    fn a_check_tells_whether_plans_can_be_kept_and_leaves_nothing() {
        let (folder, store) = store();
        store.check_writable().unwrap();
        assert!(!folder.path().join("cache").exists());
        store.put(&plan(key('a'))).unwrap();
        store.check_writable().unwrap();
        assert_eq!(fs::read_dir(store.plans()).unwrap().count(), 1);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(PlanStore::open(file.join("plans")).check_writable().is_err());
    }

    #[test]
    fn another_winner_takes_the_place_of_the_old_ones_form() {
        let (_folder, store) = store();
        let old = plan(key('a'));
        let form = store.compiled(&old.key, &old.candidate()).unwrap();
        store.put(&Plan { batch: old.batch * 2, ..old }).unwrap();
        assert!(!form.exists());
    }

    #[test]
    fn damaged_and_foreign_files_are_no_plans() {
        let (_folder, store) = store();
        let good = plan(key('a'));
        store.put(&good).unwrap();
        let text = fs::read_to_string(store.path(&good.key)).unwrap();
        fs::write(store.path(&key('b')), &text[..text.len() / 2]).unwrap();
        fs::write(store.path(&key('c')), &text).unwrap();
        fs::write(store.path(&key('d')), [0xff; 64]).unwrap();
        fs::write(store.path(&key('e')), text.replacen("\"schema\": 2", "\"schema\": 99", 1)).unwrap();
        fs::create_dir(store.path(&key('f'))).unwrap();
        fs::write(store.plans().join("notes.txt"), "").unwrap();
        assert_eq!(store.list(), [good]);
        fs::remove_dir(store.path(&key('f'))).unwrap();
        let orphan = store.compiled(&key('9'), &plan(key('9')).candidate()).unwrap();
        assert_eq!((store.clear().unwrap(), store.files(), orphan.exists()), (5, Vec::new(), false));
        assert!(store.plans().join("notes.txt").exists());
    }

    #[test]
    fn what_an_ended_process_left_half_written_goes_and_what_is_being_written_stays() {
        let (_folder, store) = store();
        store.put(&plan(key('a'))).unwrap();
        let [old, fresh] = ["old.part", "fresh.part"].map(|name| store.plans().join(name));
        let day_ago = SystemTime::now() - Duration::from_secs(24 * 3600);
        File::create(&old).unwrap().set_modified(day_ago).unwrap();
        File::create(&fresh).unwrap();
        store.put(&plan(key('b'))).unwrap();
        assert_eq!((old.exists(), fresh.exists(), store.list().len()), (false, true, 2));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (_folder, store) = store();
        for nth in 0..PLANS_MAX + 3 {
            store.put(&plan(PlanKey::parse(&format!("{nth:064x}")).unwrap())).unwrap();
        }
        assert_eq!(store.files().len(), PLANS_MAX);
        // The clock was set back since the others were written.
        let (late, future) = (key('a'), SystemTime::now() + Duration::from_secs(24 * 3600));
        for (_, other) in store.files() {
            File::options().write(true).open(store.path(&other)).unwrap().set_modified(future).unwrap();
        }
        store.put(&plan(late.clone())).unwrap();
        assert!(store.get(&late).is_some());
        assert_eq!(store.files().len(), PLANS_MAX);
    }
}
