//! Relative links in the documentation lead to files that exist.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let known = files_and_folders(tree);
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in file.text.as_deref().map(links).unwrap_or_default() {
            if !is_relative(&target) {
                continue;
            }
            let path = target.split('#').next().unwrap_or_default();
            if resolve(&file.path, path).is_none_or(|path| !known.contains(&path)) {
                findings.push(Finding::new(&file.path, line, format!("the link `{target}` leads nowhere")));
            }
        }
    }
    findings
}

fn files_and_folders(tree: &Tree) -> BTreeSet<String> {
    let with_folders = |path: &str| -> Vec<String> {
        let folders = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        folders.chain([path.to_owned()]).collect()
    };
    tree.files.iter().flat_map(|file| with_folders(&file.path)).chain([String::new()]).collect()
}

/// Line and target of every `](target)` outside of code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Every second part of a line split at backticks is code.
        let prose: String = line.split('`').step_by(2).collect();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        found.extend(targets.map(|target| (number + 1, target.to_owned())));
    }
    found
}

fn is_relative(target: &str) -> bool {
    !target.is_empty() && !target.starts_with('#') && !target.contains("://") && !target.starts_with("mailto:")
}

/// The path from the root that `target` means in the file `from`; `None` where it leaves the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            "" => return None,
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_links_are_found() {
        let page = "[good](../README.md#use) [folder](pictures/) [web](https://example.org) [here](#part)\n\
                    [gone](gone.md) `[code](no.md)` [`named`](gone2.md)\n```\n[code](no.md)\n```\n\
                    [outside](../../x.md) [absolute](/README.md)\n";
        let tree = Tree::of(&[("README.md", ""), ("docs/page.md", page), ("docs/pictures/a.svg", "")]);
        let lines: Vec<usize> = check(&tree).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 2, 6, 6]);
    }
}
