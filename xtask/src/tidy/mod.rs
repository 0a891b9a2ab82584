//! A quick look at the source text for what neither rustc nor clippy holds: layers, headers, lengths, links, codes of errors, stray words.
//!
//! Every rule is a function from the tree to findings, and carries tests that show it can fail.

mod bans;
mod codes;
mod headers;
mod layers;
mod lengths;
mod links;
mod rust_text;
mod safety;
mod starter;
mod texts;
mod tree;

use std::path::Path;

use tree::Tree;

/// One place that breaks one rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// From the root, with slashes.
    path: String,
    /// Counted from 1; 0 where the finding is about the whole file.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [Rule; 9] = [
    bans::check,
    codes::check,
    headers::check,
    layers::check,
    lengths::check,
    links::check,
    safety::check,
    starter::check,
    texts::check,
];

/// Looks through every file that git tracks or would track, and prints what it finds.
pub fn run(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort();
    for Finding { path, line, message } in &findings {
        println!("{path}:{line}: {message}");
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(format!("== tidy failed: {count} findings in {} files", tree.files.len())),
    }
}
