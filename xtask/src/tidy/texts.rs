//! What no file may contain: paths of one machine, notes of unfinished work, foreign line endings, bulk.

use super::Finding;
use super::tree::{File, Tree};

/// Split so that this file does not find itself.
const PRIVATE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

const FILE_MAX_BYTES: u64 = 1_000_000;
/// Folders whose files may be larger.
const BULKY: [&str; 1] = ["starter/"];
/// Files made by programs, of which only size and line endings are looked at.
const GENERATED: [&str; 3] = ["Cargo.lock", "package-lock.json", "LICENSE"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.size_bytes > FILE_MAX_BYTES && !BULKY.iter().any(|folder| file.path.starts_with(folder)) {
        let message =
            format!("{} bytes, the limit is {FILE_MAX_BYTES}; keep bulk outside the repository", file.size_bytes);
        findings.push(Finding::new(&file.path, 0, message));
    }
    let Some(text) = &file.text else { return findings };
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::new(&file.path, 0, "end the last line with a line break"));
    }
    let generated = GENERATED.iter().any(|name| file.path.ends_with(name));
    for (number, line) in text.split('\n').enumerate() {
        let objection = if generated { foreign_ending(line) } else { foreign_ending(line).or_else(|| stray(line)) };
        findings.extend(objection.map(|message| Finding::new(&file.path, number + 1, message)));
    }
    findings
}

fn foreign_ending(line: &str) -> Option<String> {
    line.ends_with('\r').then(|| "end lines with LF alone".to_owned())
}

fn stray(line: &str) -> Option<String> {
    if let Some(path) = PRIVATE_PATHS.iter().find(|path| contains_absolute(line, path)) {
        return Some(format!("`{path}` is a path of one machine"));
    }
    let word =
        UNFINISHED.iter().find(|word| line.split(|part: char| !part.is_alphanumeric()).any(|part| part == **word))?;
    Some(format!("`{word}`: finish it, or write an issue"))
}

/// Whether `path` stands in `line` as an absolute path: not after another path component, nor inside a URL.
fn contains_absolute(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "._-~}/".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn private_paths_are_found() {
        for path in PRIVATE_PATHS {
            assert_eq!(lines("docs/a.md", &format!("fine\nsee {path}x\n")), [2]);
            assert!(lines("docs/a.md", &format!("https://example.org{path}x ..{path}x a{path}\n")).is_empty());
        }
    }

    #[test]
    fn notes_of_unfinished_work_are_found() {
        for word in UNFINISHED {
            assert_eq!(lines("a.py", &format!("# {word}: later\n")), [1]);
            assert!(lines("a.py", &format!("{word}NE\n")).is_empty());
            assert!(lines("Cargo.lock", &format!("{word}\n")).is_empty());
        }
    }

    #[test]
    fn line_endings_are_lf() {
        assert_eq!(lines("a.txt", "a\r\nb\n"), [1]);
        assert_eq!(lines("a.txt", "a\nb"), [0]);
        assert!(lines("a.txt", "").is_empty());
    }

    #[test]
    fn bulk_is_found() {
        let bulk = "x\n".repeat(500_001);
        assert_eq!(lines("docs/a.txt", &bulk), [0]);
        assert!(lines("starter/a.txt", &bulk).is_empty());
    }
}
