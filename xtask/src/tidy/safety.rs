//! Every use of `unsafe` says why it is sound, right where it stands.

use super::Finding;
use super::rust_text::{line_of, word_positions};
use super::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, rust) in tree.rust_files() {
        let source: Vec<&str> = file.text.as_deref().unwrap_or_default().lines().collect();
        for at in word_positions(&rust.code, "unsafe") {
            let line = line_of(&rust.code, at);
            if needs_note(&rust.code[at..]) && !has_note(&source, line) {
                let message = "say above in a `// SAFETY:` comment (`# Safety` for a function) why this is sound";
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// Blocks, implementations and functions; not the type of an unsafe function pointer, nor `unsafe(attribute)`.
fn needs_note(code: &str) -> bool {
    let mut words = code.split(|part: char| !(part.is_ascii_alphanumeric() || part == '_' || part == '{'));
    let next = words.by_ref().skip(1).find(|word| !word.is_empty()).unwrap_or_default();
    let pointer = code["unsafe".len()..].trim_start().strip_prefix("fn").is_some_and(|rest| rest.starts_with('('));
    (next.starts_with('{') || matches!(next, "impl" | "fn" | "trait")) && !pointer
}

/// Whether the line itself, or the comments, attributes and unfinished statement above it, carry the note.
fn has_note(source: &[&str], line: usize) -> bool {
    let is_note = |text: &&&str| text.contains("SAFETY:") || text.contains("# Safety");
    let above = source[..line].iter().rev().skip(1).take_while(|text| continues(text));
    source[line - 1..line].iter().chain(above).any(|text| is_note(&text))
}

/// Whether a line belongs to what follows it: a comment, an attribute, or the beginning of a statement.
fn continues(text: &str) -> bool {
    let text = text.trim();
    let ends = text.is_empty() || text.ends_with([';', '{', '}']);
    text.starts_with("//") || text.starts_with('#') || !ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&Tree::of(&[("crates/a/src/b.rs", text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_note_stands_above() {
        assert!(lines("// SAFETY: it is.\nlet x = unsafe { f() };\n").is_empty());
        assert!(lines("let x =\n    // SAFETY: it is.\n    unsafe { f() };\n").is_empty());
        assert!(lines("// SAFETY: it is.\nlet x =\n    unsafe { f() };\n").is_empty());
        assert!(lines("/// # Safety\n/// Be careful.\n#[inline]\npub unsafe fn f() {}\n").is_empty());
        assert!(lines("// unsafe { }\nlet f: unsafe fn() = g;\nconst S: &str = \"unsafe {\";\n").is_empty());
    }

    #[test]
    fn a_missing_note_is_found() {
        assert_eq!(lines("let x = unsafe { f() };\n"), [1]);
        assert_eq!(lines("// SAFETY: of another.\nlet y = unsafe { g() };\nlet x = unsafe { f() };\n"), [3]);
        assert_eq!(lines("unsafe impl Send for X {}\n"), [1]);
        assert_eq!(lines("/// Does a thing.\npub unsafe fn f() {}\n"), [2]);
    }
}
