//! Reads class names as exporters write them into a model's metadata: a Python dict or list, or JSON.
//!
//! ultralytics writes `{0: 'person', 1: "driver's seat"}`, others `{"0": "person"}` or `['person', 'car']`. The text comes
//! with the model file, so it is untrusted: whatever does not read gives nothing, never a panic.

/// The names by class index, or nothing where the text is none of the known forms. Gaps are filled with `class_N`.
pub(crate) fn parse_names(text: &str) -> Option<Vec<String>> {
    let mut reader = Reader { rest: text.trim() };
    let names = if reader.take('{') { reader.pairs()? } else { reader.list()? };
    (reader.rest.is_empty() && !names.is_empty()).then(|| in_order(names))
}

/// The name that a class has where nobody gave it one.
pub(crate) fn numbered(class: usize) -> String {
    format!("class_{class}")
}

/// Classes at most: no model has more, and a hostile file could ask for four thousand million.
const CLASSES_MAX: usize = 1 << 16;

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// `0: 'a', "1": "b"}` with an optional comma at the end.
    fn pairs(&mut self) -> Option<Vec<(usize, String)>> {
        let mut names = Vec::new();
        while !self.take('}') {
            let index = self.index()?;
            self.take(':').then_some(())?;
            names.push((index, self.quoted()?));
            self.separator('}')?;
        }
        Some(names)
    }

    /// `['a', 'b']`, or with round brackets.
    fn list(&mut self) -> Option<Vec<(usize, String)>> {
        let end = if self.take('[') { ']' } else { self.take('(').then_some(')')? };
        let mut names = Vec::new();
        while !self.take(end) {
            names.push((names.len(), self.quoted()?));
            self.separator(end)?;
        }
        (names.len() <= CLASSES_MAX).then_some(names)
    }

    /// `7`, `'7'` or `"7"`.
    fn index(&mut self) -> Option<usize> {
        let text = if self.rest.starts_with(['\'', '"']) { self.quoted()? } else { self.digits() };
        text.parse().ok().filter(|index| *index < CLASSES_MAX)
    }

    fn digits(&mut self) -> String {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        digits.to_owned()
    }

    /// A string in either kind of quotes; a backslash makes the next character plain.
    fn quoted(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let mut name = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => name.push(characters.next()?.1),
                end if end == quote => {
                    self.rest = self.rest[at + 1..].trim_start();
                    return Some(name);
                }
                other => name.push(other),
            }
        }
        None
    }

    /// A comma, or the end to come.
    fn separator(&mut self, end: char) -> Option<()> {
        (self.take(',') || self.rest.starts_with(end)).then_some(())
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest.strip_prefix(wanted);
        if let Some(rest) = found {
            self.rest = rest.trim_start();
        }
        found.is_some()
    }
}

fn in_order(pairs: Vec<(usize, String)>) -> Vec<String> {
    let count = pairs.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
    let mut names: Vec<String> = (0..count).map(numbered).collect();
    for (index, name) in pairs {
        names[index] = name;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_exporters_write_are_read() {
        let two = vec!["person".to_owned(), "driver's seat".to_owned()];
        let forms = [
            r#"{0: 'person', 1: "driver's seat"}"#,
            r#"{0: 'person', 1: 'driver\'s seat',}"#,
            r#"{"0": "person", "1": "driver's seat"}"#,
            r#" [ 'person' , "driver's seat" ] "#,
            r#"('person', "driver's seat")"#,
        ];
        for form in forms {
            assert_eq!(parse_names(form).as_ref(), Some(&two), "{form}");
        }
    }

    #[test]
    fn gaps_are_numbered_and_order_does_not_matter() {
        assert_eq!(parse_names("{2: 'b', 0: 'a'}").unwrap(), ["a", "class_1", "b"]);
    }

    #[test]
    fn names_beyond_ascii_are_read() {
        assert_eq!(parse_names("{0: 'Füßgänger', 1: '人'}").unwrap(), ["Füßgänger", "人"]);
    }

    #[test]
    fn what_does_not_read_gives_nothing() {
        let bad = [
            "",
            "{}",
            "[]",
            "person",
            "{0: 'a'",
            "{0 'a'}",
            "{0: a}",
            "{0: 'a'} x",
            "{4294967296: 'a'}",
            "{-1: 'a'}",
            "{0: 'a\\",
            "['a' 'b']",
        ];
        for text in bad {
            assert_eq!(parse_names(text), None, "{text}");
        }
    }
}
