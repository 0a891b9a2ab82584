//! How deep JSON is nested, found before anything else is made of it.

/// Levels of arrays and objects in each other, at most.
pub(crate) const DEPTH_MAX: usize = 64;

/// Whether arrays and objects lie deeper in each other than [`DEPTH_MAX`]. Looks at brackets outside of strings and at nothing else.
pub(crate) fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_strings() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(!is_too_deep(&nested(DEPTH_MAX)));
        assert!(is_too_deep(&nested(DEPTH_MAX + 1)));
        let in_string = [&b"\"\\\"\\\\\\\""[..], &nested(100)[..], b"\""].concat();
        assert!(!is_too_deep(&in_string));
        let beside = nested(DEPTH_MAX).repeat(10);
        assert!(!is_too_deep(&beside));
    }
}
