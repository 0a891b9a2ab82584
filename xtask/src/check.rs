//! One command that checks all: runs each step, shows its command line, stops at the first failure and says how to mend it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::tidy;

/// How much to check.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What CI checks.
    Everything,
    /// What is worth waiting for before each commit.
    Fast,
}

/// One command with what to do when it fails.
struct Step {
    name: &'static str,
    /// Arguments of `cargo`.
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    cure: &'static str,
}

const FORMAT: Step =
    Step { name: "format", arguments: &["fmt", "--all", "--check"], environment: &[], cure: "run `cargo fmt --all`" };

const LINTS: Step = Step {
    name: "lints",
    arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    environment: &[],
    cure: "mend what clippy names; an exception is `#[expect(lint, reason = \"…\")]` at the smallest place. \
           If Cargo.lock is out of date, run `cargo check` and commit it",
};

const DOCS: Step = Step {
    name: "docs",
    arguments: &["doc", "--workspace", "--no-deps", "--locked"],
    environment: &[("RUSTDOCFLAGS", "-D warnings")],
    cure: "mend the links and the missing documentation that rustdoc names",
};

const DOCTESTS: Step = Step {
    name: "examples in the docs",
    arguments: &["test", "--workspace", "--doc", "--locked"],
    environment: &[],
    cure: "mend the example that failed",
};

const NEXTEST: Step = Step {
    name: "tests",
    arguments: &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"],
    environment: &[],
    cure: "run one test alone with `cargo nextest run -p samovar-X NAME`",
};

const TESTS: Step = Step {
    name: "tests",
    arguments: &["test", "--workspace", "--locked", "--no-fail-fast"],
    environment: &[],
    cure: "run one test alone with `cargo test -p samovar-X NAME`",
};

/// Runs the checks; tests last, so that their summary ends the output.
pub fn run(root: &Path, extent: Extent) -> Result<(), String> {
    run_step(root, &FORMAT)?;
    println!("== tidy");
    tidy::run(root)?;
    run_step(root, &LINTS)?;
    if extent == Extent::Fast {
        return Ok(());
    }
    run_step(root, &DOCS)?;
    if has_nextest(root) {
        run_step(root, &DOCTESTS)?;
        run_step(root, &NEXTEST)
    } else {
        run_step(root, &TESTS)
    }
}

fn run_step(root: &Path, step: &Step) -> Result<(), String> {
    println!("== {}: cargo {}", step.name, step.arguments.join(" "));
    let begin = Instant::now();
    let status = cargo(root).args(step.arguments).envs(step.environment.iter().copied()).status();
    match status {
        Ok(status) if status.success() => {
            println!("== {} passed in {} s", step.name, begin.elapsed().as_secs());
            Ok(())
        }
        Ok(_) => Err(format!("== {} failed: {}", step.name, step.cure)),
        Err(error) => Err(format!("== {}: cargo could not be started: {error}", step.name)),
    }
}

fn has_nextest(root: &Path) -> bool {
    let quiet = cargo(root).args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).stdin(Stdio::null());
    command
}
