//! Functions and files stay short. The limits are a ratchet: they may be lowered, never raised.
//!
//! A function's length is its lines of code from the line of `fn` to its closing brace, without blank lines and comments.

use super::Finding;
use super::rust_text::{RustText, closing_brace, line_of, word_positions};
use super::tree::Tree;

/// Lines of code in the longest function.
const FUNCTION_MAX: usize = 80;
/// Lines of code that nine functions of ten stay within, over the whole tree.
const FUNCTION_P90: usize = 30;
/// Lines of code that half of all functions stay within, over the whole tree.
const FUNCTION_MEDIAN: usize = 8;
/// Lines in a file, everything counted.
const FILE_MAX: usize = 500;
/// Files above [`FILE_MAX`], each with the length it may not exceed. None may be added; none may pass 800.
const LONG_FILES: [(&str, usize); 1] = [("crates/media/src/video/nut.rs", 530)];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lengths = Vec::new();
    for (file, rust) in tree.rust_files() {
        for (line, length) in functions(rust) {
            lengths.push(length);
            if length > FUNCTION_MAX {
                let message =
                    format!("this function has {length} lines of code, the limit is {FUNCTION_MAX}; split it");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
        findings.extend(check_file_length(&file.path, rust.code.lines().count()));
    }
    lengths.sort_unstable();
    findings.extend(check_quantile(&lengths, 50, FUNCTION_MEDIAN));
    findings.extend(check_quantile(&lengths, 90, FUNCTION_P90));
    findings
}

fn check_file_length(path: &str, lines: usize) -> Option<Finding> {
    let exception = LONG_FILES.iter().find(|(long, _)| *long == path).map(|(_, limit)| *limit);
    let limit = exception.unwrap_or(FILE_MAX);
    let message = match exception {
        _ if lines > limit => format!("{lines} lines, the limit is {limit}; split the file"),
        Some(_) if lines <= FILE_MAX => {
            "short enough now; take it off the list in xtask/src/tidy/lengths.rs".to_owned()
        }
        _ => return None,
    };
    Some(Finding::new(path, 0, message))
}

fn check_quantile(sorted: &[usize], percent: usize, limit: usize) -> Option<Finding> {
    let found = *sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?))?;
    let message =
        format!("{percent} % of all functions are within {found} lines, the limit is {limit}; split the long ones");
    (found > limit).then(|| Finding::new("crates", 0, message))
}

/// Line and length of every function that has a body.
fn functions(rust: &RustText) -> Vec<(usize, usize)> {
    let code = &rust.code;
    word_positions(code, "fn").filter_map(|at| Some((line_of(code, at), body_lines(code, at)?))).collect()
}

fn body_lines(code: &str, at: usize) -> Option<usize> {
    let named = code[at + 2..].trim_start().starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let open = if named { body_start(code, at)? } else { return None };
    let end = closing_brace(code, open);
    Some(code[at..end].lines().filter(|line| !line.trim().is_empty()).count())
}

/// Where the body of the function at `at` opens; `None` for one that is only declared.
fn body_start(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code[at..].bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at + offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn f(x: [u8; 3]) -> u8 {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn messages(text: &str) -> Vec<String> {
        check(&Tree::of(&[("crates/a/src/b.rs", text)])).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn lengths_count_code_alone() {
        let source = "trait T {\n    fn declared(&self) -> [u8; 2];\n}\ntype F = fn(u8);\n\nfn f() {\n    // a { b\n\n    g();\n}\n";
        assert_eq!(functions(&RustText::new(source)), [(6, 3)]);
    }

    #[test]
    fn long_functions_are_found() {
        let short_ones = function(2).repeat(20);
        assert!(messages(&(short_ones.clone() + &function(80))).is_empty());
        assert_eq!(messages(&(short_ones + &function(81))).len(), 1);
    }

    #[test]
    fn long_files_are_found() {
        assert!(messages(&"\n".repeat(500)).is_empty());
        assert_eq!(messages(&"\n".repeat(501)).len(), 1);
    }

    #[test]
    fn an_exception_ends_with_its_cause() {
        for (path, limit) in LONG_FILES {
            assert!(check_file_length(path, limit).is_none());
            assert!(check_file_length(path, limit + 1).is_some());
            assert!(check_file_length(path, FILE_MAX).is_some());
        }
    }

    #[test]
    fn the_bulk_of_functions_is_short() {
        let median = messages(&(function(9).repeat(6) + &function(2).repeat(5)));
        assert!(median.len() == 1 && median[0].starts_with("50 %"), "{median:?}");
        let tail = messages(&(function(2).repeat(8) + &function(31).repeat(2)));
        assert!(tail.len() == 1 && tail[0].starts_with("90 %"), "{tail:?}");
    }

    #[test]
    fn the_ratchet_has_a_ceiling() {
        assert!(LONG_FILES.iter().all(|(_, limit)| (FILE_MAX + 1..=800).contains(limit)));
    }
}
