//! `samovar triage test`: every example asked, and those told that come out otherwise.

use super::arguments::TestTriageArguments;
use super::files;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_triage::{Case, CaseResult, RuleBook};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Runs the command. The exit code is 1 where an example failed.
///
/// # Errors
/// Examples that cannot be read, or none at all.
pub fn test(book: &RuleBook, arguments: &TestTriageArguments) -> Result<Exit, CliError> {
    let file = files::cases(arguments.cases.as_deref())?;
    if file.cases.is_empty() {
        return Err(
            CliError::new("no_cases", "the file has no examples").cure("`samovar triage rules --cases` prints some")
        );
    }
    let results: Vec<(&Case, CaseResult)> = file.cases.iter().map(|case| (case, case.run(book))).collect();
    if arguments.json {
        stdout::print_json(&as_json(&results))?;
    } else {
        stdout::print(&as_text(&results))?;
    }
    Ok(if results.iter().all(passed) { Exit::Ok } else { Exit::Failure })
}

fn passed((_, result): &(&Case, CaseResult)) -> bool {
    result.differences.is_empty()
}

fn as_text(results: &[(&Case, CaseResult)]) -> String {
    let mut text = String::new();
    for (case, result) in results.iter().filter(|one| !passed(one)) {
        let _ = writeln!(text, "FAILED  {}", case.name);
        result.differences.iter().for_each(|difference| _ = writeln!(text, "        {difference}"));
    }
    let _ = writeln!(text, "{:12} {:>6} {:>6}", "category", "passed", "failed");
    for (category, (passed, failed)) in by_category(results) {
        let _ = writeln!(text, "{category:12} {passed:6} {failed:6}");
    }
    let failed = results.iter().filter(|one| !passed(one)).count();
    let _ = writeln!(text, "{:12} {:6} {failed:6}", "all", results.len() - failed);
    text
}

/// By the category that is expected, else the one that was found.
fn by_category<'a>(results: &'a [(&Case, CaseResult)]) -> BTreeMap<&'a str, (usize, usize)> {
    let mut table: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for one @ (case, result) in results {
        let category = case.category.as_deref().unwrap_or(&result.decision.category);
        let (well, badly) = table.entry(category).or_default();
        *(if passed(one) { well } else { badly }) += 1;
    }
    table
}

fn as_json(results: &[(&Case, CaseResult)]) -> Value {
    let failed = results.iter().filter(|one| !passed(one));
    let failures = failed.map(
        |(case, result)| json!({"name": case.name, "differences": result.differences, "decision": result.decision}),
    );
    let failures: Vec<Value> = failures.collect();
    json!({"cases": results.len(), "failed": failures.len(), "failures": failures})
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_triage::CaseFile;

    #[test]
    fn what_failed_is_told_with_what_was_expected_and_what_was_found() {
        let cases = "[[cases]]\nname = 'good'\nsaid = ['The house is on fire']\ncategory = 'fire'\n\
                     [[cases]]\nname = 'bad'\nsaid = ['There is no fire']\npriority = 'P1'\n";
        let file = CaseFile::parse(cases).unwrap();
        let book = RuleBook::shipped();
        let results: Vec<_> = file.cases.iter().map(|case| (case, case.run(&book))).collect();
        let text = as_text(&results);
        assert!(text.starts_with("FAILED  bad\n        priority: expected P1, found P4\n"), "{text}");
        assert!(text.ends_with("all               1      1\n"), "{text}");
        let json = as_json(&results);
        assert_eq!((&json["cases"], &json["failed"]), (&json!(2), &json!(1)));
        assert_eq!(json["failures"][0]["name"], "bad");
    }
}
