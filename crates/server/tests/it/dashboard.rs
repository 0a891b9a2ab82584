//! The dashboard that ships: well formed, every expression valid, and each names what the page has.

use crate::client::post;
use crate::house::repository;
use crate::metrics::{full_house, full_page};
use crate::pictures::png;
use crate::promtool::Promtool;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn dashboard() -> Value {
    let text = std::fs::read_to_string(repository().join("deploy/grafana/samovar.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn array<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no list `{name}` in {value}"))
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {value}"))
}

/// Every expression, with a value in place of each variable.
fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = array(dashboard, "panels").iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries = targets.chain(array(&dashboard["annotations"], "list")).filter_map(|query| query["expr"].as_str());
    let definitions =
        array(&dashboard["templating"], "list").iter().filter_map(|variable| variable["definition"].as_str());
    let series = definitions.map(|definition| {
        let (series, label) = definition.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap();
        format!("sum by ({}) ({series})", label.strip_suffix(')').unwrap())
    });
    let set = |text: String| {
        ["$__rate_interval", "$__interval", "$__range"].iter().fold(text, |text, variable| text.replace(variable, "5m"))
    };
    queries.map(str::to_owned).chain(series).map(set).collect()
}

#[test]
fn every_panel_is_complete_and_lies_in_its_place() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 38, "Grafana 10 or later");
    assert_eq!(
        (text(&dashboard, "title"), text(&dashboard, "uid"), &dashboard["id"]),
        ("Samovar", "samovar", &Value::Null)
    );
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in array(&dashboard, "panels") {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels share an id: {}", panel["id"]);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{} does not fit", text(panel, "title"));
        let mut area = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
        assert!(area.all(|cell| cells.insert(cell)), "{} lies on another panel", text(panel, "title"));
        if text(panel, "type") != "row" {
            is_complete(panel);
        }
    }
}

fn is_complete(panel: &Value) {
    let title = text(panel, "title");
    assert!(["stat", "state-timeline", "table", "timeseries"].contains(&text(panel, "type")), "{title}");
    assert!(panel["options"].is_object() && panel["fieldConfig"]["defaults"].is_object(), "{title}");
    let mut names = BTreeSet::new();
    for target in array(panel, "targets") {
        assert!(names.insert(text(target, "refId")), "{title} has two queries of one name");
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        assert!(target["legendFormat"].is_string() && !text(target, "expr").is_empty(), "{title}");
    }
    assert!(!names.is_empty(), "{title} asks for nothing");
}

#[test]
fn variables_that_are_used_are_there() {
    let dashboard = dashboard();
    let names: BTreeSet<_> = array(&dashboard["templating"], "list").iter().map(|it| text(it, "name")).collect();
    assert_eq!(names, ["datasource", "instance", "model"].into());
    let used = expressions(&dashboard).join("\n");
    let used: BTreeSet<_> = used.split('$').skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(used, ["instance", "model"].into());
}

#[test]
fn every_expression_is_valid() {
    let Some(promtool) = Promtool::find() else { return };
    let expressions = expressions(&dashboard());
    assert!(expressions.len() > 40, "{} expressions", expressions.len());
    let rule = |(number, expression)| json!({ "record": format!("dashboard:{number}"), "expr": expression });
    let rules: Vec<_> = expressions.into_iter().enumerate().map(rule).collect();
    // JSON is YAML.
    let file = json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string();
    promtool.accepts(&repository(), &["check", "rules", "/dev/stdin"], &file);
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_name_what_the_page_has() {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = full_house(folder.path()).await else { return };
    assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    let page = full_page(&house).await;
    expressions(&dashboard()).iter().for_each(|expression| page.has_all_of(expression));
}
