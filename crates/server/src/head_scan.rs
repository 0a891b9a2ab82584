//! Looks at the raw bytes of an HTTP/1 request head for the one thing that the parser hides: a body framed twice.
//!
//! The parser follows `Transfer-Encoding` and removes `Content-Length` before anybody sees it. A proxy in front may follow the
//! other one, and then the two disagree on where the next request begins (request smuggling, RFC 9112 §6.3).

/// Reads a head byte by byte, in constant memory.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    /// The beginning of the current line, in lower case.
    line: [u8; LINE_KEPT],
    length: usize,
    lines: u32,
    ended: bool,
    content_length: bool,
    transfer_encoding: bool,
}

/// Long enough for the longest name that is looked for, and its colon.
const LINE_KEPT: usize = 18;

impl HeadScan {
    /// Takes in what came next on the wire. Bytes after the head's end are ignored.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.ended {
                return;
            }
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                _ => self.push(byte),
            }
        }
    }

    /// Whether the head is complete.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the head frames its body in both ways.
    pub(crate) const fn framed_twice(&self) -> bool {
        self.content_length && self.transfer_encoding
    }

    /// Whether the bytes begin an HTTP/2 connection instead.
    pub(crate) fn is_http2(&self) -> bool {
        self.lines == 0 && self.line[..self.length].starts_with(b"pri * http/2.0")
    }

    fn push(&mut self, byte: u8) {
        if self.length < LINE_KEPT {
            self.line[self.length] = byte.to_ascii_lowercase();
            self.length += 1;
        }
    }

    fn end_line(&mut self) {
        let line = &self.line[..self.length];
        self.content_length |= names(line, b"content-length");
        self.transfer_encoding |= names(line, b"transfer-encoding");
        // Empty lines before the request line are allowed and end nothing.
        self.ended = self.length == 0 && self.lines > 0;
        self.lines += u32::from(self.length > 0);
        self.length = 0;
    }
}

/// Whether a line is the field of that name.
fn names(line: &[u8], name: &[u8]) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(head: &str) -> HeadScan {
        let mut scan = HeadScan::default();
        for byte in head.as_bytes() {
            scan.feed(std::slice::from_ref(byte));
        }
        scan
    }

    #[test]
    fn both_orders_are_seen_and_one_alone_is_fine() {
        let both =
            ["Content-Length: 4\r\nTransfer-Encoding: chunked", "transfer-encoding: chunked\r\nCONTENT-LENGTH: 4"];
        for fields in both {
            let scan = scan(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
            assert!(scan.ended() && scan.framed_twice(), "{fields}");
        }
        let one = scan("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\ntransfer-encoding: chunked\r\n");
        assert!(one.ended() && !one.framed_twice(), "what follows the head is body");
    }

    #[test]
    fn a_longer_name_is_another_field() {
        assert!(!scan("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding-X: a\r\n\r\n").framed_twice());
    }

    #[test]
    fn http2_is_recognised_by_its_preface() {
        assert!(scan("PRI * HTTP/2.0").is_http2());
        assert!(!scan("GET / HTTP/1.1").is_http2());
    }
}
