//! Words that a crate's own code may not contain, because the crate stands for not knowing them.
//!
//! Comments and modules under `#[cfg(test)]` are free; so are integration tests and files named `tests.rs` or `…_tests.rs`.

use super::Finding;
use super::rust_text::{line_of, word_positions};
use super::tree::{File, Tree};

/// Words that `crates`' code may not contain.
struct Ban {
    crates: &'static [&'static str],
    words: &'static [&'static str],
    /// Whether a string that is exactly such a word counts too: choosing by a name is knowing it.
    strings: bool,
    reason: &'static str,
}

const BANS: [Ban; 5] = [
    Ban {
        crates: &["schedule"],
        words: &["Instant", "SystemTime", "std::thread", "std::fs", "std::net", "std::io", "std::env", "async"],
        strings: false,
        reason: "the scheduling rules are pure: time is an argument",
    },
    Ban {
        crates: &["engine-api"],
        words: &["Instant", "SystemTime", "std::thread", "std::fs", "std::net", "std::io", "std::env", "async"],
        strings: false,
        reason: "the engine seam has no async, no I/O and no clock",
    },
    Ban {
        crates: &["engine-api", "schedule", "runtime", "media", "models", "pipelines", "jobs", "hub"],
        words: &["rten", "openvino", "onnxruntime", "OpenVINO"],
        strings: true,
        reason: "only `engines` and what faces people name an engine",
    },
    Ban {
        crates: &["schedule", "runtime", "media", "jobs", "hub"],
        words: &["yolo", "yolox", "whisper", "minilm"],
        strings: true,
        reason: "only `models` and what stands on it name a family",
    },
    Ban {
        crates: LIBRARIES,
        words: &["println!", "print!", "eprintln!", "eprint!"],
        strings: false,
        reason: "libraries do not print; use `tracing`",
    },
];

const LIBRARIES: &[&str] = &[
    "engine-api",
    "engines",
    "schedule",
    "runtime",
    "media",
    "models",
    "pipelines",
    "service",
    "jobs",
    "server",
    "hub",
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    BANS.iter().flat_map(|ban| check_ban(tree, ban)).collect()
}

fn check_ban(tree: &Tree, ban: &Ban) -> Vec<Finding> {
    // A build script tells cargo what it needs by printing it.
    let is_shipped = |file: &File| !file.is_test() && !file.path.ends_with("/build.rs");
    let concerned = |file: &File| file.crate_name().is_some_and(|name| ban.crates.contains(&name)) && is_shipped(file);
    let mut findings = Vec::new();
    for (file, rust) in tree.rust_files().filter(|(file, _)| concerned(file)) {
        for word in ban.words {
            let in_code = word_positions(&rust.shipped_code, word);
            let quoted = format!("\"{word}\"");
            let in_strings = rust.shipped.match_indices(&quoted).map(|(at, _)| at).filter(|_| ban.strings);
            let found = in_code.chain(in_strings).map(|at| line_of(&rust.shipped, at));
            findings.extend(found.map(|line| Finding::new(&file.path, line, format!("`{word}`: {}", ban.reason))));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn pure_crates_have_no_clock() {
        let source = "//! Instant\nuse std::time::Instant;\n#[cfg(test)]\nmod tests { use std::time::Instant; }\n";
        assert_eq!(lines("crates/schedule/src/a.rs", source), [2]);
        assert_eq!(lines("crates/engine-api/src/a.rs", source), [2]);
        assert!(lines("crates/runtime/src/a.rs", source).is_empty());
        assert!(lines("crates/schedule/tests/it/main.rs", source).is_empty());
        assert_eq!(lines("crates/schedule/src/a.rs", "fn f() { std::thread::sleep(x) }"), [1]);
    }

    #[test]
    fn engines_and_families_are_named_in_one_place() {
        assert_eq!(lines("crates/runtime/src/a.rs", "const NAME: &str = \"openvino\";\n"), [1]);
        assert_eq!(lines("crates/runtime/src/a.rs", "\nfn yolo() {}\n"), [2]);
        assert!(lines("crates/runtime/src/a.rs", "const CURE: &str = \"install openvino\";\n").is_empty());
        assert!(lines("crates/engines/src/a.rs", "const NAME: &str = \"openvino\";\n").is_empty());
        assert!(lines("crates/models/src/a.rs", "fn yolo() {}\n").is_empty());
        assert!(lines("crates/runtime/src/a.rs", "// faster than openvino\nfn written() {}\n").is_empty());
    }

    #[test]
    fn libraries_do_not_print() {
        assert_eq!(lines("crates/media/src/a.rs", "fn f() {\n    println!(\"x\");\n}\n"), [2]);
        assert!(lines("crates/samovar/src/a.rs", "fn f() { println!(\"x\"); }\n").is_empty());
        assert!(lines("crates/server/build.rs", "fn main() { println!(\"cargo::\"); }\n").is_empty());
        assert!(lines("crates/media/src/a_tests.rs", "fn f() { println!(\"x\"); }\n").is_empty());
        assert!(lines("crates/media/src/a.rs", "const S: &str = \"println!\";\n").is_empty());
    }
}
