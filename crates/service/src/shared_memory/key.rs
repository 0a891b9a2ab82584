//! The name of a shared memory object, as `shm_open` has it.

use crate::ServiceError;

/// The file's name within the folder of shared memory.
///
/// # Errors
/// Whatever is not one plain name of letters, digits, `.`, `_` and `-`, with or without the one leading `/` of `shm_open`.
pub(super) fn file_name(key: &str) -> Result<&str, ServiceError> {
    let name = key.strip_prefix('/').unwrap_or(key);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=LONGEST).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain);
    if fits { Ok(name) } else { Err(ServiceError::invalid("shared_memory_key", MESSAGE)) }
}

/// Bytes of a file's name on every file system.
const LONGEST: usize = 255;
const MESSAGE: &str = "a shared memory key is one name of letters, digits, `.`, `_` and `-`, with no folder in it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_name_passes_and_paths_do_not() {
        for key in ["/input_simple", "psm_1a2b", "a.b-c"] {
            assert_eq!(file_name(key).unwrap(), key.trim_start_matches('/'));
        }
        let long = "a".repeat(256);
        for key in ["", "/", "//a", "/../etc/passwd", "..", ".hidden", "a/b", "a\0b", "a b", "ä", long.as_str()] {
            assert_eq!(file_name(key).unwrap_err().kind().code(), "shared_memory_key", "{key:?}");
        }
    }
}
