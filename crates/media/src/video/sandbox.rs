//! What a child may open: the program and its libraries to read, the one media file, nothing else; for files, no TCP.
//!
//! Done by Landlock where the kernel has it (Linux 5.13, TCP from 6.7), as much of it as the kernel knows. It is
//! prepared here, in the parent, and taken on by the child between fork and exec. Not covered: UDP, and system calls
//! that open nothing; the protocol allow-list in the child's arguments stands before those.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

/// What the one media file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileUse {
    /// A decoder's input.
    Read,
    /// An encoder's output.
    Write,
}

/// A prepared set of rules; empty where the kernel has none.
#[derive(Debug, Default)]
pub(super) struct Sandbox {
    pub(super) ruleset: Option<OwnedFd>,
}

#[cfg(not(target_os = "linux"))]
impl Sandbox {
    pub(super) fn new(_program: &Path, _file: Option<(&File, FileUse)>) -> Self {
        Self::default()
    }
}

#[cfg(target_os = "linux")]
impl Sandbox {
    /// Rules for `program` and one file; without a file the child reads from the network.
    pub(super) fn new(program: &Path, file: Option<(&File, FileUse)>) -> Self {
        rules(program, file).unwrap_or_else(|error| {
            tracing::warn!(%error, "the video child runs without file system rules");
            Self::default()
        })
    }
}

/// Where distributions keep programs' libraries.
#[cfg(target_os = "linux")]
const LIBRARY_FOLDERS: [&str; 6] = ["/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache"];
/// Devices that the C library and the codecs' own libraries open.
#[cfg(target_os = "linux")]
const DEVICES: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/random"];
/// Names, hosts and certificates, for network sources.
#[cfg(target_os = "linux")]
const NETWORK_FOLDERS: [&str; 2] = ["/etc", "/run/systemd/resolve"];

#[cfg(target_os = "linux")]
fn rules(program: &Path, file: Option<(&File, FileUse)>) -> Result<Sandbox, landlock::RulesetError> {
    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, Scope};
    let abi = ABI::V6;
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi))?.scope(Scope::from_all(abi))?;
    if file.is_some() {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
    }
    let mut ruleset = ruleset.create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
    LIBRARY_FOLDERS.iter().for_each(|folder| grant(&mut ruleset, Path::new(folder), read));
    DEVICES.iter().for_each(|device| grant(&mut ruleset, Path::new(device), AccessFs::ReadFile.into()));
    if file.is_none() {
        NETWORK_FOLDERS.iter().for_each(|folder| grant(&mut ruleset, Path::new(folder), read));
    }
    grant(&mut ruleset, program, read);
    if let Some(libraries) = program.parent().and_then(Path::parent).map(|root| root.join("lib")) {
        grant(&mut ruleset, &libraries, read);
    }
    if let Some((file, usage)) = file {
        grant_file(&mut ruleset, file, usage);
    }
    Ok(Sandbox { ruleset: ruleset.into() })
}

/// Grants what is there; an absent place needs no rule.
#[cfg(target_os = "linux")]
fn grant(ruleset: &mut landlock::RulesetCreated, path: &Path, access: landlock::BitFlags<landlock::AccessFs>) {
    use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr};
    let Ok(handle) = PathFd::new(path) else { return };
    let access = if path.is_dir() { access } else { access & (AccessFs::ReadFile | AccessFs::Execute) };
    if let Err(error) = ruleset.add_rule(PathBeneath::new(handle, access)) {
        tracing::debug!(%error, "a sandbox rule was not taken");
    }
}

/// Grants the opened file itself. A file in memory has no place in the file system and needs no rule.
#[cfg(target_os = "linux")]
fn grant_file(ruleset: &mut landlock::RulesetCreated, file: &File, usage: FileUse) {
    use landlock::{AccessFs, PathBeneath, RulesetCreatedAttr};
    let access = match usage {
        FileUse::Read => AccessFs::ReadFile.into(),
        FileUse::Write => AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate,
    };
    if let Err(error) = ruleset.add_rule(PathBeneath::new(file, access)) {
        tracing::debug!(%error, "the media file needs no sandbox rule");
    }
}
