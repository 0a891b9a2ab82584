//! Rust source with comments and strings told apart from code, without parsing it.
//!
//! Rules look for words in code only, so that a comment may speak of what code may not do. Blanked parts are replaced by
//! spaces and line breaks are kept: positions and line numbers stay those of the source.

/// One source file in two readings.
pub struct RustText {
    /// Code alone: comments, strings and character literals are blank.
    pub code: String,
    /// Code and strings: only comments are blank. Modules under `#[cfg(test)]` are blank too.
    pub shipped: String,
    /// Code alone, as `code`, without modules under `#[cfg(test)]`.
    pub shipped_code: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl RustText {
    pub fn new(source: &str) -> Self {
        let kinds = classify(source.as_bytes());
        let code = blank(source, |at| kinds[at] == Kind::Code);
        let tests = test_modules(&code);
        let in_tests = |at: usize| tests.iter().any(|range| range.contains(&at));
        let shipped = blank(source, |at| kinds[at] != Kind::Comment && !in_tests(at));
        let shipped_code = blank(source, |at| kinds[at] == Kind::Code && !in_tests(at));
        Self { code, shipped, shipped_code }
    }
}

/// The positions at which `word` stands in `text` as a whole: not inside a longer identifier.
pub fn word_positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let bytes = text.as_bytes();
        !is_part(at.checked_sub(1).and_then(|before| bytes.get(before))) && !is_part(bytes.get(at + word.len()))
    })
}

/// The line of a position, counted from 1.
pub fn line_of(text: &str, position: usize) -> usize {
    text.as_bytes()[..position].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The position after the brace that closes the one at `open`, or the end of the text.
pub fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Replaces every byte that is not kept by a space; line breaks stay.
fn blank(source: &str, keep: impl Fn(usize) -> bool) -> String {
    let kept =
        |(at, byte): (usize, u8)| if byte == b'\n' || (keep(at) && byte.is_ascii()) { byte as char } else { ' ' };
    source.bytes().enumerate().map(kept).collect()
}

fn test_modules(code: &str) -> Vec<std::ops::Range<usize>> {
    let inline_module = |at: usize| {
        let open = at + code[at..].find(['{', ';'])?;
        code[at..open].split_whitespace().any(|word| word == "mod").then(|| at..closing_brace(code, open))
    };
    code.match_indices("#[cfg(test)]").filter_map(|(at, _)| inline_module(at)).collect()
}

fn classify(source: &[u8]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; source.len()];
    let mut at = 0;
    while at < source.len() {
        let (kind, end) = token(source, at);
        let end = end.clamp(at + 1, source.len());
        kinds[at..end].fill(kind);
        at = end;
    }
    kinds
}

/// What begins at `at`, and where it ends.
fn token(source: &[u8], at: usize) -> (Kind, usize) {
    let rest = &source[at..];
    match rest {
        [b'/', b'/', ..] => (Kind::Comment, find(source, at, b"\n")),
        [b'/', b'*', ..] => (Kind::Comment, block_comment_end(source, at)),
        [b'"', ..] => (Kind::Literal, quoted_end(source, at + 1, b'"')),
        [b'\'', b'\\', ..] => (Kind::Literal, quoted_end(source, at + 1, b'\'')),
        [b'\'', ..] => character(source, at),
        [b'r' | b'b' | b'c', ..] => prefixed(source, at),
        [byte, ..] if is_identifier(*byte) => (Kind::Code, identifier_end(source, at)),
        _ => (Kind::Code, at + 1),
    }
}

/// A string with a prefix (`r#"…"#`, `b"…"`, `br"…"`), or an identifier that merely begins with such a letter.
fn prefixed(source: &[u8], at: usize) -> (Kind, usize) {
    let end = identifier_end(source, at);
    let hashes = source[end..].iter().take_while(|byte| **byte == b'#').count();
    let opens = source.get(end + hashes) == Some(&b'"');
    match &source[at..end] {
        b"r" | b"br" | b"cr" if opens => {
            let close = [b"\"".as_slice(), &source[end..end + hashes]].concat();
            (Kind::Literal, find(source, end + hashes + 1, &close) + close.len())
        }
        b"b" | b"c" if opens && hashes == 0 => (Kind::Literal, quoted_end(source, end + 1, b'"')),
        _ => (Kind::Code, end),
    }
}

/// A character literal, or the tick of a lifetime or label.
fn character(source: &[u8], at: usize) -> (Kind, usize) {
    let width = source.get(at + 1).map_or(1, |first| match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    });
    if source.get(at + 1 + width) == Some(&b'\'') { (Kind::Literal, at + width + 2) } else { (Kind::Code, at + 1) }
}

fn quoted_end(source: &[u8], mut at: usize, quote: u8) -> usize {
    while at < source.len() && source[at] != quote {
        at += if source[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn block_comment_end(source: &[u8], begin: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = begin;
    while at < source.len() {
        match &source[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn identifier_end(source: &[u8], at: usize) -> usize {
    at + source[at..].iter().take_while(|byte| is_identifier(**byte)).count()
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn find(source: &[u8], from: usize, what: &[u8]) -> usize {
    let window = source.get(from..).unwrap_or_default().windows(what.len()).position(|window| window == what);
    window.map_or(source.len(), |offset| from + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank() {
        for (source, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x \" y", 'z', '\'')"#, "f(        ,    ,     )"),
            (r##"f(r#"x " y"#, b"z", br"\")"##, "f(          ,     ,      )"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("'é' 'a: loop {}", "     'a: loop {}"),
            ("bar\"x\"", "bar   "),
            ("unended \"x", "unended   "),
        ] {
            assert_eq!(RustText::new(source).code, code, "{source}");
        }
    }

    #[test]
    fn test_modules_are_not_shipped() {
        let source = "fn a() { \"s\" }\n#[cfg(test)]\nmod tests { fn b() { {} } }\nfn c() {}";
        let text = RustText::new(source);
        assert!(text.code.contains("fn b"));
        assert!(!text.shipped.contains("fn b") && text.shipped.contains("\"s\"") && text.shipped.contains("fn c"));
        assert!(!text.shipped_code.contains("\"s\"") && text.shipped_code.contains("fn c"));
        let only_an_import = RustText::new("#[cfg(test)]\nuse x;\nfn kept() {}");
        assert!(only_an_import.shipped.contains("kept"));
    }

    #[test]
    fn words_are_whole() {
        let places: Vec<usize> = word_positions("ort sort ort_x ort", "ort").collect();
        assert_eq!(places, [0, 15]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
