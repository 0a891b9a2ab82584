//! The alerts that ship: they are valid, fire when they should and name what the page has.

use crate::house::repository;
use crate::metrics::{full_house, full_page};
use crate::promtool::Promtool;
use std::path::PathBuf;

fn folder() -> PathBuf {
    repository().join("deploy/prometheus")
}

fn rules() -> String {
    std::fs::read_to_string(folder().join("samovar.rules.yml")).unwrap()
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    let Some(promtool) = Promtool::find() else { return };
    promtool.accepts(&folder(), &["check", "rules", "samovar.rules.yml"], "");
    promtool.accepts(&folder(), &["test", "rules", "samovar.rules.test.yml"], "");
}

#[test]
fn every_alert_is_tried_both_ways_and_has_its_page() {
    let tried = std::fs::read_to_string(folder().join("samovar.rules.test.yml")).unwrap();
    let manual = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let rules = rules();
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        assert!(tried.contains(&format!("alertname=\"{alert}\"")), "{alert} is never seen to fire");
        assert!(tried.contains(&format!("# {alert}, quiet")), "{alert} is never seen to be quiet");
        let anchor = alert.to_ascii_lowercase();
        assert!(
            rules.contains(&format!("runbook: docs/operations.md#{anchor}\n")),
            "{alert} does not say where to read on"
        );
        assert!(manual.contains(&format!("### {alert}\n")), "{alert} is not in docs/operations.md");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_name_what_the_page_has() {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = full_house(folder.path()).await else { return };
    let page = full_page(&house).await;
    let rules = rules();
    let expressions = expressions(&rules);
    assert_eq!(expressions.len(), rules.matches("- alert: ").count());
    expressions.iter().for_each(|expression| page.has_all_of(expression));
}

/// What stands behind each `expr:`, on its line or, after `|`, on the deeper lines that follow.
fn expressions(rules: &str) -> Vec<String> {
    let lines: Vec<&str> = rules.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.trim().strip_prefix("expr: ")?)));
    let expression = |(at, first): (usize, &str)| {
        if first != "|" {
            return first.to_owned();
        }
        let block = lines[at + 1..].iter().take_while(|line| indent(line) > indent(lines[at]));
        block.copied().collect::<Vec<_>>().join("\n")
    };
    starts.map(expression).collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
