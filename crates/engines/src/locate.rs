//! Where engine libraries may lie, in the order in which they are tried.
//!
//! 1. the environment variable of the engine (a library or the folder that holds it): who sets it means it;
//! 2. Samovar's own folder, where `samovar engine install` puts the pinned version;
//! 3. the loader's folders (`LD_LIBRARY_PATH`, the system's);
//! 4. the site-packages of a Python: the active virtual environment, the user's, the system's.
//!
//! No program is started to find one: a server must not wait for a Python at start. [`Locations::with_python`] asks it, for those
//! who only look.

use std::cmp::Reverse;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a library is found.
pub(crate) struct Library {
    /// The engine's name, which is also its folder in Samovar's own.
    pub(crate) engine: &'static str,
    /// Environment variables, first come first.
    pub(crate) variables: &'static [&'static str],
    /// The file name without what follows `.so`.
    pub(crate) stem: &'static str,
    /// Where its Python package keeps it, under site-packages.
    pub(crate) package_folder: &'static str,
}

pub(crate) const OPENVINO: Library = Library {
    engine: "openvino",
    variables: &["SAMOVAR_OPENVINO_LIB"],
    stem: "libopenvino_c.so",
    package_folder: "openvino/libs",
};

pub(crate) const ONNXRUNTIME: Library = Library {
    engine: "onnxruntime",
    variables: &["SAMOVAR_ONNXRUNTIME_LIB", "ORT_DYLIB_PATH"],
    stem: "libonnxruntime.so",
    package_folder: "onnxruntime/capi",
};

/// The folders of this machine: one value, made once and passed down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations {
    /// Samovar's own folder (`SAMOVAR_HOME`).
    pub home: PathBuf,
    /// What the environment variables of the engines name, by variable.
    pub named: Vec<(String, PathBuf)>,
    /// Folders of the loader.
    pub loader_folders: Vec<PathBuf>,
    /// Site-packages folders.
    pub site_packages: Vec<PathBuf>,
}

impl Locations {
    /// The folders that this process's environment and the usual places give.
    pub fn from_environment() -> Self {
        let variables = OPENVINO.variables.iter().chain(ONNXRUNTIME.variables);
        let named = variables.filter_map(|&name| Some((name.to_owned(), PathBuf::from(non_empty(name)?))));
        Self {
            home: home_folder(),
            named: named.collect(),
            loader_folders: loader_folders(),
            site_packages: site_packages(),
        }
    }

    /// Only Samovar's own folder, at `home`.
    pub fn only_home(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), ..Self::default() }
    }

    /// Also the site-packages that `python3` on the path tells; none where there is no Python.
    #[must_use]
    pub fn with_python(mut self) -> Self {
        let script = "import site,sys;print('\\n'.join(site.getsitepackages()+[site.getusersitepackages()]))";
        let output = Command::new("python3").args(["-c", script]).stdin(Stdio::null()).stderr(Stdio::null()).output();
        let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
        for folder in String::from_utf8_lossy(&text).lines().map(PathBuf::from) {
            if !self.site_packages.contains(&folder) {
                self.site_packages.push(folder);
            }
        }
        self
    }

    /// Where an engine's versions are installed.
    pub fn engine_folder(&self, engine: &str) -> PathBuf {
        self.home.join("engines").join(engine)
    }

    /// Where programs (`ffmpeg`) are installed.
    pub fn program_folder(&self) -> PathBuf {
        self.home.join("bin")
    }

    /// Every file that may be `library`, in the order in which they should be tried.
    pub(crate) fn candidates(&self, library: &Library) -> Vec<PathBuf> {
        let named =
            library.variables.iter().flat_map(|variable| self.named.iter().filter(move |(name, _)| name == variable));
        let named: Vec<PathBuf> = named.flat_map(|(_, path)| in_folder_or_itself(path, library.stem)).collect();
        if !named.is_empty() {
            return named;
        }
        let mut installed = subfolders(&self.engine_folder(library.engine));
        installed.sort_unstable_by_key(|folder| Reverse(version_of(folder)));
        let packages = self.site_packages.iter().map(|folder| folder.join(library.package_folder));
        let folders = installed.into_iter().chain(self.loader_folders.iter().cloned()).chain(packages);
        folders.filter_map(|folder| in_folder(&folder, library.stem)).collect()
    }
}

/// `SAMOVAR_HOME`, or `samovar` in the user's data folder.
fn home_folder() -> PathBuf {
    let data = || non_empty("XDG_DATA_HOME").map(PathBuf::from);
    let user = || non_empty("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    match non_empty("SAMOVAR_HOME") {
        Some(home) => PathBuf::from(home),
        None => data().or_else(user).unwrap_or_else(|| PathBuf::from("/var/lib")).join("samovar"),
    }
}

fn loader_folders() -> Vec<PathBuf> {
    let named =
        non_empty("LD_LIBRARY_PATH").map(|text| env::split_paths(&text).collect::<Vec<_>>()).unwrap_or_default();
    let arch = env::consts::ARCH;
    let usual = [
        "/usr/local/lib".to_owned(),
        format!("/usr/lib/{arch}-linux-gnu"),
        "/usr/lib64".to_owned(),
        "/usr/lib".to_owned(),
        "/opt/intel/openvino/runtime/lib/intel64".to_owned(),
        "/opt/homebrew/lib".to_owned(),
    ];
    named.into_iter().filter(|folder| folder.is_absolute()).chain(usual.into_iter().map(PathBuf::from)).collect()
}

fn site_packages() -> Vec<PathBuf> {
    let virtual_env = non_empty("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("lib"));
    let user = non_empty("HOME").map(|home| PathBuf::from(home).join(".local/lib"));
    let system = [PathBuf::from("/usr/local/lib"), PathBuf::from("/usr/lib")];
    let roots = virtual_env.into_iter().chain(user).chain(system);
    let pythons = roots.flat_map(|root| {
        let mut pythons = subfolders(&root);
        pythons.retain(|folder| name_of(folder).starts_with("python3"));
        pythons.sort_unstable_by_key(|folder| Reverse(version_of(folder)));
        pythons
    });
    pythons
        .flat_map(|folder| [folder.join("site-packages"), folder.join("dist-packages")])
        .filter(|folder| folder.is_dir())
        .collect()
}

fn non_empty(variable: &str) -> Option<std::ffi::OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

fn in_folder_or_itself(path: &Path, stem: &str) -> Option<PathBuf> {
    if path.is_dir() { in_folder(path, stem) } else { Some(path.to_owned()) }
}

/// `stem` itself, or else the highest of `stem.1.2.3`.
fn in_folder(folder: &Path, stem: &str) -> Option<PathBuf> {
    let plain = folder.join(stem);
    if plain.is_file() {
        return Some(plain);
    }
    let entries = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let versions = entries.filter(|path| name_of(path).strip_prefix(stem).is_some_and(|rest| rest.starts_with('.')));
    versions.filter(|path| path.is_file()).max_by_key(|path| version_of(path))
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    // Names that begin with a dot are installations under way.
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !name_of(path).starts_with('.'))
        .collect()
}

fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default()
}

/// The numbers in a name, so that 1.10 is above 1.9.
fn version_of(path: &Path) -> Vec<u64> {
    name_of(path).split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn touch(path: PathBuf) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"").unwrap();
        path
    }

    #[test]
    fn the_newest_installed_version_comes_before_site_packages() {
        let home = tempfile::tempdir().unwrap();
        let old = touch(home.path().join("engines/onnxruntime/1.9.2/libonnxruntime.so.1.9.2"));
        let new = touch(home.path().join("engines/onnxruntime/1.31.1/libonnxruntime.so.1.31.1"));
        touch(home.path().join("engines/onnxruntime/.under-way/libonnxruntime.so.2.0.0"));
        let package = touch(home.path().join("site/onnxruntime/capi/libonnxruntime.so.1.30.0"));
        let site_packages = vec![home.path().join("site")];
        let locations = Locations { home: home.path().into(), site_packages, ..Locations::default() };
        assert_eq!(locations.candidates(&ONNXRUNTIME), [new, old, package]);
        assert!(locations.candidates(&OPENVINO).is_empty());
    }

    #[test]
    fn a_named_library_is_the_only_one_that_counts() {
        let home = tempfile::tempdir().unwrap();
        touch(home.path().join("engines/openvino/2026.4.1/libopenvino_c.so.2641"));
        let named = touch(home.path().join("mine/libopenvino_c.so"));
        let folder = named.parent().unwrap().to_owned();
        let locations = Locations {
            home: home.path().into(),
            named: vec![("SAMOVAR_OPENVINO_LIB".into(), folder)],
            ..Locations::default()
        };
        assert_eq!(locations.candidates(&OPENVINO), [named]);
    }
}
