//! Every code of an error that people or programs are told stands on the page of errors.

use std::collections::BTreeMap;

use super::Finding;
use super::rust_text::{closing_brace, line_of};
use super::tree::Tree;

/// The page that tells what each code means.
const PAGE: &str = "docs/errors.md";

/// What stands before a code where an error is made.
const MAKERS: [&str; 4] = ["CliError::new(", "ServiceError::invalid(", "TaskError::input(", "{ code:"];

/// The functions that turn a kind into its code.
const TURNS: &str = "fn code(";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let page = tree.files.iter().find(|file| file.path == PAGE).and_then(|file| file.text.as_deref());
    let page = page.unwrap_or_default();
    let mut missing = BTreeMap::new();
    for (file, rust) in tree.rust_files().filter(|(file, _)| file.path.starts_with("crates/") && !file.is_test()) {
        for (at, code) in codes(&rust.shipped).filter(|(_, code)| !page.contains(&format!("`{code}`"))) {
            missing.entry(code).or_insert((&file.path, line_of(&rust.shipped, at)));
        }
    }
    let finding = |(code, (path, line)): (&str, (&String, usize))| {
        Finding::new(path, line, format!("the code `{code}` is not on {PAGE}; say there what it means and what to do"))
    };
    missing.into_iter().map(finding).collect()
}

/// Position and text of every code.
fn codes(shipped: &str) -> impl Iterator<Item = (usize, &str)> {
    let made = MAKERS.iter().flat_map(move |maker| shipped.match_indices(maker));
    let made = made.filter_map(|(at, maker)| Some((at, quoted(&shipped[at + maker.len()..])?)));
    made.chain(shipped.match_indices(TURNS).flat_map(|(at, _)| turned(shipped, at)))
}

/// The codes that the function at `at` gives.
fn turned(shipped: &str, at: usize) -> impl Iterator<Item = (usize, &str)> {
    let open = shipped[at..].find('{').map_or(shipped.len(), |open| at + open);
    let body = &shipped[open..closing_brace(shipped, open)];
    body.match_indices("=>").filter_map(move |(arm, arrow)| Some((open + arm, quoted(&body[arm + arrow.len()..])?)))
}

/// The code at the beginning of `text`, if one is there.
fn quoted(text: &str) -> Option<&str> {
    let (code, _) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    (!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_nobody_explains_are_found() {
        let source = "\
            fn a() { CliError::new(\n    \"gone\", m) }\n\
            fn b() { ServiceErrorKind::NotFound { code: \"told\" } }\n\
            fn c() { ServiceErrorKind::TooLarge { code: \"untold\" } }\n\
            fn code(self) -> &'static str {\n    match self {\n        Self::A => \"arm\",\n        Self::B(kind) => kind.code(),\n    }\n}\n\
            fn name(self) -> &'static str { match self { Self::A => \"no_code\" } }\n\
            #[cfg(test)]\nmod tests { fn d() { ServiceError::invalid(\"x\", m) } }\n";
        let tree =
            Tree::of(&[(PAGE, "| 404 | `told` |"), ("crates/a/src/a.rs", source), ("crates/a/tests/it.rs", source)]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| (finding.line, finding.message)).collect();
        let codes: Vec<_> = found.iter().map(|(line, message)| (*line, message.split('`').nth(1).unwrap())).collect();
        assert_eq!(codes, [(7, "arm"), (1, "gone"), (4, "untold")]);
    }
}
