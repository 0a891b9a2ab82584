//! The files of the repository, read once and shared by all rules.

use std::path::Path;
use std::process::Command;

use super::rust_text::RustText;

/// All files that git tracks or would track.
pub struct Tree {
    pub files: Vec<File>,
}

/// One file.
pub struct File {
    /// From the root, with slashes.
    pub path: String,
    pub size_bytes: u64,
    /// `None` for a file that is not UTF-8.
    pub text: Option<String>,
    /// For `.rs` files: the text with comments and strings told apart from code.
    pub rust: Option<RustText>,
}

impl Tree {
    /// Reads the work tree at `root`.
    pub fn read(root: &Path) -> Result<Self, String> {
        // CI may check the tree out as another user, which git takes for an attack.
        let listing = Command::new("git")
            .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("tidy needs git to list the files: {error}"))?;
        if !listing.status.success() {
            return Err(format!("tidy needs a git checkout: {}", String::from_utf8_lossy(&listing.stderr).trim()));
        }
        let paths = String::from_utf8_lossy(&listing.stdout).into_owned();
        // A file that was deleted but is still in git's index is skipped.
        let read = |path: &str| Some(File::new(path, std::fs::read(root.join(path)).ok()?));
        Ok(Self { files: paths.split_terminator('\0').filter_map(read).collect() })
    }

    /// The files below `crates/` and `xtask/` that hold Rust, with their text taken apart.
    pub fn rust_files(&self) -> impl Iterator<Item = (&File, &RustText)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    /// A tree out of paths and texts.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| File::new(path, text.as_bytes().to_vec())).collect() }
    }
}

impl File {
    fn new(path: &str, bytes: Vec<u8>) -> Self {
        let size_bytes = bytes.len() as u64;
        // A protobuf without weights may happen to be UTF-8.
        let text = String::from_utf8(bytes).ok().filter(|_| !path.ends_with(".onnx"));
        let rust = text.as_deref().filter(|_| path.ends_with(".rs")).map(RustText::new);
        Self { path: path.to_owned(), size_bytes, text, rust }
    }

    /// The crate's folder name for a file of `crates/NAME/`, `xtask` for one of `xtask/`.
    pub fn crate_name(&self) -> Option<&str> {
        let mut parts = self.path.split('/');
        match parts.next()? {
            "crates" => parts.next(),
            "xtask" => Some("xtask"),
            _ => None,
        }
    }

    /// Whether this is part of a crate's tests, examples or benches and not of the crate itself.
    pub fn is_test(&self) -> bool {
        let beside = ["/tests.rs", "_tests.rs"].iter().any(|ending| self.path.ends_with(ending));
        beside || self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "examples"))
    }
}
