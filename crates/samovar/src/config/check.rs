//! Holds a configuration text against the schema and tells every mistake at once, each with its place and a suggestion.
//!
//! Serde alone would stop at the first mistake and know no suggestion; so the text is parsed into a tree that keeps its
//! places, walked beside the schema, and only what passed is deserialised.

use super::near::{listed, nearest};
use super::place::Place;
use super::rules;
use super::schema::{Config, json_schema};
use serde_json::Value as Schema;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake in a configuration text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The key in full, `server.listen`; empty for a mistake in the syntax.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.message),
            key => write!(f, "`{key}`: {}", self.message),
        }
    }
}

/// Reads a configuration.
///
/// # Errors
/// Every mistake found, in the order of the text.
pub fn check(text: &str) -> Result<Config, Vec<Problem>> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    let schema = json_schema();
    let mut walk = Walk { text, root: schema, problems: Vec::new() };
    for error in &syntax {
        walk.report(error.span().unwrap_or(0..0), "", one_line(error.message()));
    }
    if syntax.is_empty() {
        walk.table(document.get_ref(), schema, "", &document.span());
    }
    if walk.problems.is_empty() {
        match toml::from_str::<Config>(text) {
            Ok(config) => {
                for (path, message) in rules::broken(&config) {
                    walk.report(span_of(&document, &path), &path.join("."), message);
                }
                if walk.problems.is_empty() {
                    return Ok(config);
                }
            }
            Err(error) => walk.deserialised(&document, &error),
        }
    }
    walk.problems.sort_by_key(|problem| problem.place);
    Err(walk.problems)
}

struct Walk<'a> {
    text: &'a str,
    root: &'a Schema,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn report(&mut self, span: Range<usize>, key: &str, message: impl Into<String>) {
        let place = Place::at(self.text, span.start);
        self.problems.push(Problem { place, key: key.to_owned(), message: message.into() });
    }

    /// Mistakes that only the types know, such as an address that is none.
    fn deserialised(&mut self, document: &Spanned<DeTable<'_>>, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let key = key_at(document.get_ref(), &span, "").unwrap_or_default();
        let message = match key.as_str() {
            "server.listen" => "not an address; write it like \"127.0.0.1:8080\" or \"[::1]:8080\"".to_owned(),
            _ => one_line(error.message()),
        };
        self.report(span, &key, message);
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &Schema, path: &str, span: &Range<usize>) {
        for (key, value) in table {
            let full = joined(path, key.get_ref());
            match property(schema, key.get_ref()) {
                Some(schema) => self.value(value, schema, &full),
                None => self.unknown(key.span(), &full, schema),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Schema::as_str) {
            if !table.contains_key(name) {
                let full = joined(path, name);
                self.report(
                    span.clone(),
                    &full,
                    format!("missing; add `{name} = {}`", sample(&schema["properties"][name])),
                );
            }
        }
    }

    fn unknown(&mut self, span: Range<usize>, full: &str, schema: &Schema) {
        let (parent, key) = full.rsplit_once('.').unwrap_or(("", full));
        let known: Vec<&str> = keys(schema).collect();
        let message = if let Some(near) = nearest(key, &known) {
            format!("no such key; did you mean `{near}`?")
        } else if let Some(place) = elsewhere(self.root, key) {
            format!("no such key here; did you mean `{place}`?")
        } else if parent.is_empty() {
            format!("no such section; there are {}", listed(&known))
        } else {
            format!("no such key; `[{parent}]` has {}", listed(&known))
        };
        self.report(span, full, message);
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &Schema, key: &str) {
        let found = value.get_ref();
        let options = options(schema);
        let fitting = options.iter().find(|option| fits(found, option));
        let Some(&schema) = fitting.or_else(|| options.first().filter(|_| options.len() == 1)) else {
            let wanted = options.iter().map(|option| wanted_value(option)).collect::<Vec<_>>().join(" or ");
            return self.report(value.span(), key, format!("expected {wanted}, found {}", shown(found)));
        };
        if !fits(found, schema) {
            let hint = unquoted_hint(found, schema);
            self.report(value.span(), key, format!("expected {}, found {}{hint}", wanted(schema), shown(found)));
            return;
        }
        match found {
            DeValue::Table(table) => self.table(table, schema, key, &value.span()),
            DeValue::Array(items) => items.iter().for_each(|item| self.value(item, &schema["items"], key)),
            DeValue::String(text) => self.choice(text, schema, key, value.span()),
            DeValue::Integer(number) => self.range(integer(number), schema, key, value.span()),
            DeValue::Float(number) => self.range(number.as_str().parse().ok(), schema, key, value.span()),
            _ => {}
        }
    }

    fn choice(&mut self, text: &str, schema: &Schema, key: &str, span: Range<usize>) {
        let choices = choices(schema);
        if choices.is_empty() || choices.contains(&text) {
            return;
        }
        let message = match nearest(text, &choices) {
            Some(near) => format!("no such value \"{text}\"; did you mean \"{near}\"?"),
            None => format!("no such value \"{text}\"; it may be {}", listed(&choices)),
        };
        self.report(span, key, message);
    }

    fn range(&mut self, number: Option<f64>, schema: &Schema, key: &str, span: Range<usize>) {
        let Some(number) = number.filter(|number| number.is_finite()) else {
            return self.report(span, key, "not a number that can be used here");
        };
        let (min, max) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        if min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max) {
            return;
        }
        let message = match (min, max) {
            (Some(min), Some(max)) => format!("{number} is out of range; it must be from {min} to {max}"),
            (Some(min), None) => format!("{number} is too small; it must be at least {min}"),
            _ => format!("{number} is too large; it must be at most {}", max.unwrap_or_default()),
        };
        self.report(span, key, message);
    }
}

/// The schema of one key, whether named or one of a map's.
fn property<'s>(schema: &'s Schema, key: &str) -> Option<&'s Schema> {
    schema["properties"].get(key).or_else(|| schema.get("additionalProperties").filter(|any| any.is_object()))
}

fn keys(schema: &Schema) -> impl Iterator<Item = &str> {
    schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys().map(String::as_str))
}

/// Everything that a value may be. An optional one is written or left out, never null: TOML has none.
fn options(schema: &Schema) -> Vec<&Schema> {
    match schema["anyOf"].as_array() {
        None => vec![schema],
        Some(inner) => inner.iter().filter(|option| option["type"] != "null").flat_map(options).collect(),
    }
}

fn fits(value: &DeValue<'_>, schema: &Schema) -> bool {
    let expected = type_name(schema);
    match value {
        DeValue::Table(_) => expected == "object",
        DeValue::String(_) => expected == "string",
        DeValue::Boolean(_) => expected == "boolean",
        DeValue::Integer(_) => matches!(expected, "integer" | "number"),
        DeValue::Float(_) => expected == "number",
        DeValue::Array(_) => expected == "array",
        DeValue::Datetime(_) => false,
    }
}

/// What is wanted where there is more than one possibility: the words themselves, where there are words.
fn wanted_value(schema: &Schema) -> String {
    match choices(schema).as_slice() {
        [] => wanted(schema).to_owned(),
        words => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
    }
}

fn type_name(schema: &Schema) -> &str {
    match &schema["type"] {
        Schema::String(name) => name,
        Schema::Array(names) => names.iter().filter_map(Schema::as_str).find(|name| *name != "null").unwrap_or(""),
        _ if !choices(schema).is_empty() => "string",
        _ => "object",
    }
}

fn choices(schema: &Schema) -> Vec<&str> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let described = schema["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]);
    listed.chain(described).filter_map(Schema::as_str).collect()
}

fn wanted(schema: &Schema) -> &'static str {
    match type_name(schema) {
        "object" => "a table",
        "string" => "a text in quotes",
        "boolean" => "true or false",
        "array" => "a list",
        "integer" => "a whole number",
        _ => "a number",
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", text.chars().take(40).collect::<String>()),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// `"8"` where 8 was meant, `8` where a text was.
fn unquoted_hint(value: &DeValue<'_>, schema: &Schema) -> &'static str {
    match (value, type_name(schema)) {
        (DeValue::String(text), "integer" | "number") if text.parse::<f64>().is_ok() => "; leave the quotes out",
        (DeValue::String(text), "boolean") if matches!(&**text, "true" | "false") => "; leave the quotes out",
        _ => "",
    }
}

fn integer(number: &toml::de::DeInteger<'_>) -> Option<f64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
}

fn sample(schema: &Schema) -> &'static str {
    if type_name(schema) == "string" { "\"…\"" } else { "…" }
}

/// The section that has a key of that name, be it one or one of many such as `models.NAME`.
fn elsewhere(root: &Schema, key: &str) -> Option<String> {
    let has = |schema: &Schema| keys(schema).any(|known| known == key);
    let sections = root["properties"].as_object()?;
    let one = sections.iter().find(|(_, schema)| has(schema));
    let of_many = || sections.iter().find(|(_, schema)| has(&schema["additionalProperties"]));
    one.map(|(section, _)| format!("{section}.{key}"))
        .or_else(|| of_many().map(|(section, _)| format!("{section}.NAME.{key}")))
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

/// Where the value of a path stands; its nearest parent where it is absent.
fn span_of(document: &Spanned<DeTable<'_>>, path: &[String]) -> Range<usize> {
    let mut span = document.span();
    let mut table = Some(document.get_ref());
    for key in path {
        let Some(value) = table.and_then(|table| table.get(key.as_str())) else { break };
        span = value.span();
        table = value.get_ref().as_table();
    }
    span
}

/// The full key of the innermost value around a place.
fn key_at(table: &DeTable<'_>, span: &Range<usize>, path: &str) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let full = joined(path, key.get_ref());
        let inner = value.get_ref().as_table().and_then(|table| key_at(table, span, &full));
        let here = value.span().start <= span.start && span.end <= value.span().end;
        inner.or_else(|| here.then_some(full))
    })
}
