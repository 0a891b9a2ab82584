//! Checks of the whole tree: `cargo xtask check` runs everything that must pass before a change goes in,
//! `cargo xtask tidy` only the quick look at the source text.
#![forbid(unsafe_code)]

mod check;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask check [--fast]   format, tidy, lints, docs and tests; with --fast no docs and no tests
       cargo xtask tidy             only the quick look at the source text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["check"] => check::run(&root(), check::Extent::Everything),
        ["check", "--fast"] => check::run(&root(), check::Extent::Fast),
        ["tidy"] => tidy::run(&root()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root, from where this package lies in it.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
