//! One request as it goes to the socket, made before anything is timed.

use crate::remote::authorization;
use bytes::Bytes;

/// One request, ready to be written.
#[derive(Clone, Debug)]
pub struct PreparedRequest {
    /// Head and body in one piece, so that they leave in one write.
    pub bytes: Bytes,
    /// Texts, pictures or tensors in it.
    pub items: u64,
}

impl PreparedRequest {
    /// A request without a body.
    pub fn get(host: &str, path: &str) -> Self {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{}\r\n", key_line());
        Self { bytes: head.into(), items: 1 }
    }

    /// A request with a body and further header lines, each with its line end.
    pub fn post(host: &str, path: &str, lines: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{}{lines}\r\n", key_line());
        Self { bytes: [head.as_bytes(), body].concat().into(), items: 1 }
    }

    /// The same with a key in place of the environment's.
    #[must_use]
    pub fn with_key(self, secret: &str) -> Self {
        let head = self.bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(self.bytes.len());
        let (head, rest) = self.bytes.split_at(head);
        let others = String::from_utf8_lossy(head);
        let others = others.split("\r\n").filter(|line| !line.starts_with("Authorization:"));
        let lines: Vec<&str> = others.collect();
        let head = format!("{}\r\nAuthorization: Bearer {secret}", lines.join("\r\n"));
        Self { bytes: [head.as_bytes(), rest].concat().into(), ..self }
    }

    /// The same with so many items in it.
    #[must_use]
    pub fn of_items(self, items: u64) -> Self {
        Self { items, ..self }
    }
}

/// The key of the environment, where there is one: command lines are seen by everybody.
fn key_line() -> String {
    authorization().map_or_else(String::new, |value| format!("Authorization: {value}\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_key() {
        let request = PreparedRequest::post("h", "/p", "Authorization: Bearer a\r\n", b"body\r\n\r\nof lines");
        let text = String::from_utf8(request.with_key("b").bytes.to_vec()).unwrap();
        assert_eq!(text.matches("Authorization: Bearer").count(), 1);
        assert!(text.ends_with("Authorization: Bearer b\r\n\r\nbody\r\n\r\nof lines"), "{text}");
    }
}
