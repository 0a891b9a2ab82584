//! Requests as HTTP and RTSP write them: a line, headers, an empty line.

use std::io::{self, BufRead, Read};

/// Longest line of a request.
const LINE_BYTES_MAX: u64 = 8_192;

/// A request without its body: clients of cameras send none.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The next one; none at the end of the connection. Framed RTCP reports between requests are passed over.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        while reader.fill_buf()?.first() == Some(&b'$') {
            let mut head = [0; 4];
            reader.read_exact(&mut head)?;
            io::copy(&mut reader.take(u16::from_be_bytes([head[2], head[3]]).into()), &mut io::sink())?;
        }
        let first = line(reader)?;
        let mut words = first.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let (method, target) = (method.to_owned(), target.to_owned());
        let mut headers = Vec::new();
        loop {
            let line = line(reader)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Some(Self { method, target, headers }))
    }

    /// The value of a header, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A header line.
pub(crate) fn header(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
