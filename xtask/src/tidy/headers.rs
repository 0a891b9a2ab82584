//! Every source file says in its first line what it is responsible for.

use super::Finding;
use super::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let headless = tree.rust_files().filter(|(file, _)| {
        let first = file.text.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
        first.strip_prefix("//! ").is_none_or(|sentence| sentence.trim().len() < 10)
    });
    let message = "begin the file with a `//!` header that says what it is responsible for";
    headless.map(|(file, _)| Finding::new(&file.path, 1, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_a_header() {
        let tree = Tree::of(&[
            ("crates/a/src/good.rs", "//! Says what it does.\n"),
            ("crates/a/src/none.rs", "fn f() {}\n"),
            ("crates/a/src/empty.rs", ""),
            ("crates/a/src/short.rs", "//! Hm.\n"),
            ("crates/a/src/late.rs", "use x;\n//! Says what it does.\n"),
        ]);
        let paths: Vec<String> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["none", "empty", "short", "late"].map(|name| format!("crates/a/src/{name}.rs")));
    }
}
