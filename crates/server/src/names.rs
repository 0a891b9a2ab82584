//! The names that models and sources may have: they stand in addresses, topics, labels and files.

/// Letters, digits, `.`, `_` and `-`, at most 64 of them, beginning with a letter or a digit.
pub(crate) fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.len() <= 64 && name.bytes().all(inside) && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_a_strict_pattern() {
        for name in ["person", "yolov8n.v2", "a-b_c", "0"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "..", ".hidden", "a/b", "a\\b", "a b", "a\0", "é", "-a", "+", "#", &"a".repeat(65)] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
