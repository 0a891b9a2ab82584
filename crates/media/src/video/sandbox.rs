//! What a child may open: the program and its libraries to read, the one media file or device, nothing else; no TCP but for
//! network sources.
//!
//! Done by Landlock where the kernel has it (Linux 5.13, TCP from 6.7), as much of it as the kernel knows. It is
//! prepared here, in the parent, and taken on by the child between fork and exec. Not covered: UDP, and system calls
//! that open nothing; the protocol allow-list in the child's arguments stands before those.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

/// What a child may open besides its program: one of these, or the network.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grant<'a> {
    /// A decoder's input.
    Read(&'a File),
    /// An encoder's output.
    Write(&'a File),
    /// A capture device.
    Device(&'a Path),
    /// Nothing: all that it needs comes and goes by descriptors that it has.
    Nothing,
    /// TCP connections, to this port alone where there is one, and what names and certificates are looked up in.
    Network(Option<u16>),
}

/// A prepared set of rules; empty where the kernel has none.
#[derive(Debug, Default)]
pub(crate) struct Sandbox {
    pub(crate) ruleset: Option<OwnedFd>,
}

#[cfg(not(target_os = "linux"))]
impl Sandbox {
    pub(crate) fn new(_program: &Path, _grant: Grant<'_>) -> Self {
        Self::default()
    }
}

#[cfg(target_os = "linux")]
impl Sandbox {
    /// Rules for `program` and one thing besides.
    pub(crate) fn new(program: &Path, grant: Grant<'_>) -> Self {
        rules(program, grant).unwrap_or_else(|error| {
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
/// Names, hosts and certificates, for network sources: one by one, since other programs keep their keys and passwords beside them.
#[cfg(target_os = "linux")]
const NETWORK_PLACES: [&str; 14] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates/extracted",
    "/etc/crypto-policies",
    "/run/systemd/resolve",
];

#[cfg(target_os = "linux")]
fn rules(program: &Path, given: Grant<'_>) -> Result<Sandbox, landlock::RulesetError> {
    use landlock::{ABI, Access, AccessFs, AccessNet, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope};
    let abi = ABI::V6;
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi))?.scope(Scope::from_all(abi))?;
    if !matches!(given, Grant::Network(None)) {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
    }
    let mut ruleset = ruleset.create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
    LIBRARY_FOLDERS.iter().for_each(|folder| grant(&mut ruleset, Path::new(folder), read));
    DEVICES.iter().for_each(|device| grant(&mut ruleset, Path::new(device), AccessFs::ReadFile.into()));
    grant(&mut ruleset, program, read);
    if let Some(libraries) = program.parent().and_then(Path::parent).map(|root| root.join("lib")) {
        grant(&mut ruleset, &libraries, read);
    }
    match given {
        Grant::Read(file) => grant_file(&mut ruleset, file, AccessFs::ReadFile.into()),
        Grant::Write(file) => {
            grant_file(&mut ruleset, file, AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate);
        }
        Grant::Device(path) => grant_device(&mut ruleset, path),
        Grant::Nothing => {}
        Grant::Network(port) => {
            NETWORK_PLACES.iter().for_each(|place| grant(&mut ruleset, Path::new(place), read));
            if let Some(port) = port {
                (&mut ruleset).add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
            }
        }
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
fn grant_file(ruleset: &mut landlock::RulesetCreated, file: &File, access: landlock::BitFlags<landlock::AccessFs>) {
    use landlock::{PathBeneath, RulesetCreatedAttr};
    if let Err(error) = ruleset.add_rule(PathBeneath::new(file, access)) {
        tracing::debug!(%error, "the media file needs no sandbox rule");
    }
}

/// Grants one device, with the calls that set its format and map its pictures.
#[cfg(target_os = "linux")]
fn grant_device(ruleset: &mut landlock::RulesetCreated, path: &Path) {
    use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr};
    let Ok(handle) = PathFd::new(path) else { return };
    let access = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    if let Err(error) = ruleset.add_rule(PathBeneath::new(handle, access)) {
        tracing::warn!(%error, "the video device could not be granted");
    }
}
