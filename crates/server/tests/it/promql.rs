//! What a metrics page has, and what an expression asks of it. Syntax is promtool's to judge; this looks at names.

use std::collections::{BTreeMap, BTreeSet};

/// The series of a page in classic form.
pub(crate) struct Page {
    /// Values seen, by metric and label.
    labels: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// Kinds by family, as `# TYPE` tells them.
    pub(crate) families: BTreeMap<String, String>,
}

/// One selector of an expression: a metric, and the labels that it matches, with the value where it must be equal.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector {
    metric: String,
    matchers: Vec<(String, Option<String>)>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Self {
        let mut page = Self { labels: BTreeMap::new(), families: BTreeMap::new() };
        for line in text.lines() {
            if let Some((family, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                page.families.insert(family.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                page.add(&selectors(line.rsplit_once(' ').unwrap().0)[0]);
            }
        }
        page
    }

    fn add(&mut self, series: &Selector) {
        let labels = self.labels.entry(series.metric.clone()).or_default();
        for (label, value) in &series.matchers {
            labels.entry(label.clone()).or_default().insert(value.clone().unwrap());
        }
    }

    /// Names of the labels of a family, without the histogram's own.
    pub(crate) fn labels_of(&self, family: &str) -> BTreeSet<&str> {
        let series = [family.to_owned(), format!("{family}_count")];
        let labels = series.iter().find_map(|name| self.labels.get(name));
        labels.into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect()
    }

    /// Fails unless every metric, label and value that the expression names is on the page.
    pub(crate) fn has_all_of(&self, expression: &str) {
        let selectors = selectors(expression);
        assert!(!selectors.is_empty(), "it names no metric: {expression}");
        let mut known: BTreeSet<&str> = SCRAPED.into();
        for Selector { metric, matchers } in &selectors {
            if metric == "up" {
                continue;
            }
            let labels = self.labels.get(metric).unwrap_or_else(|| panic!("no metric `{metric}`: {expression}"));
            known.extend(labels.keys().map(String::as_str));
            for (label, value) in matchers.iter().filter(|(label, _)| !SCRAPED.contains(&label.as_str())) {
                let values = labels.get(label);
                let values = values.unwrap_or_else(|| panic!("`{metric}` has no label `{label}`: {expression}"));
                let there = value.as_ref().is_none_or(|value| values.contains(value));
                assert!(there, "`{metric}` has no {label}={value:?}: {expression}");
            }
        }
        for label in groupings(expression) {
            assert!(known.contains(label.as_str()), "nothing here has the label `{label}`: {expression}");
        }
    }
}

/// Labels that Prometheus adds.
const SCRAPED: [&str; 2] = ["instance", "job"];

/// Every selector of an expression. Samovar's metrics bear its name, so that words of the language are told apart.
pub(crate) fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some((before, from)) = next_word(rest) {
        let (word, after) = split_word(from);
        let quoted = before.matches('"').count() % 2 == 1;
        rest = after;
        if quoted || !(word.starts_with("samovar_") || word == "up") {
            continue;
        }
        let inside = after.strip_prefix('{').and_then(|open| open.split_once('}'));
        let matchers = inside.map(|(inside, _)| matchers(inside)).unwrap_or_default();
        rest = inside.map_or(after, |(_, after)| after);
        found.push(Selector { metric: word.to_owned(), matchers });
    }
    found
}

/// Label names in `by (…)` and `on (…)`.
fn groupings(expression: &str) -> Vec<String> {
    let opened = [" by (", " on ("].into_iter().flat_map(|word| expression.split(word).skip(1));
    let lists = opened.filter_map(|rest| rest.split_once(')')).map(|(list, _)| list);
    lists.flat_map(|list| list.split(',')).map(|label| label.trim().to_owned()).collect()
}

/// `a="b", c=~"d"`; no value of ours holds a comma or a brace.
fn matchers(inside: &str) -> Vec<(String, Option<String>)> {
    inside.split(',').map(|matcher| matcher_of(matcher.trim())).collect()
}

fn matcher_of(matcher: &str) -> (String, Option<String>) {
    let (label, rest) = split_word(matcher);
    let (operator, value) = rest.split_once('"').unwrap();
    let value = value.strip_suffix('"').unwrap();
    (label.to_owned(), matches!(operator, "=" | "!=").then(|| value.to_owned()))
}

fn next_word(text: &str) -> Option<(&str, &str)> {
    let at = text.find(|letter: char| letter.is_ascii_alphabetic() || letter == '_')?;
    Some(text.split_at(at))
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).unwrap_or(text.len());
    text.split_at(end)
}

#[test]
fn selectors_are_read() {
    let read = selectors(r#"sum by (model) (rate(samovar_a_total{x="samovar_b", y=~"z.*"}[5m])) / up > samovar_c"#);
    let names: Vec<_> = read.iter().map(|selector| selector.metric.as_str()).collect();
    assert_eq!(names, ["samovar_a_total", "up", "samovar_c"]);
    assert_eq!(read[0].matchers, [("x".to_owned(), Some("samovar_b".to_owned())), ("y".to_owned(), None)]);
    assert_eq!(groupings("sum by (a, b) (x) / on (c) y"), ["a", "b", "c"]);
}

#[test]
fn what_is_not_on_the_page_is_found() {
    let page = Page::parse("# TYPE samovar_a gauge\nsamovar_a{state=\"ready\"} 1\n");
    page.has_all_of(r#"sum by (instance, state) (samovar_a{state="ready", job="x"})"#);
    for wrong in
        [r"samovar_b", r#"samovar_a{stat="ready"}"#, r#"samovar_a{state="raedy"}"#, "sum by (model) (samovar_a)"]
    {
        assert!(std::panic::catch_unwind(|| page.has_all_of(wrong)).is_err(), "{wrong}");
    }
}
