//! Texts as they come: typed ones, and the lines of files and of stdin, a chunk at a time however many there are.

use crate::failure::{CliError, Exit};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One text, or why there is none in its place.
#[derive(Debug)]
pub struct TextLine {
    /// Where it stands; none of what was typed.
    pub place: Option<LineNumber>,
    /// The text, without its line's end.
    pub text: Result<String, CliError>,
}

/// A line of an input.
#[derive(Clone, Debug)]
pub struct LineNumber {
    /// The file, or `-`.
    pub input: Arc<str>,
    /// From 1; 0 where the input could not be opened.
    pub line: u64,
}

/// All texts of a command, read as far as they were asked for.
pub struct TextLines {
    sources: VecDeque<TextSource>,
    open: Option<OpenInput>,
    /// Bytes of one text at most.
    text_bytes_max: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum TextSource {
    Typed(String),
    File(PathBuf),
    Stdin,
}

struct OpenInput {
    name: Arc<str>,
    line: u64,
    reader: BufReader<Box<dyn Read + Send>>,
}

/// Texts that are worked through together at most: enough to fill runs with texts of similar length.
const CHUNK_LINES: usize = 512;
/// A chunk with so many bytes takes no further text.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes that are read at once: what is there of them is a chunk, so that nobody who writes slowly waits for others.
const READ_BYTES: usize = 256 << 10;

impl TextLines {
    /// Of `inputs`: files, `-`, and else texts.
    ///
    /// # Errors
    /// A folder, or stdin twice.
    pub fn of(inputs: &[String], text_bytes_max: usize) -> Result<Self, CliError> {
        let sources = inputs.iter().map(|input| source(input)).collect::<Result<VecDeque<_>, _>>()?;
        if sources.iter().filter(|source| **source == TextSource::Stdin).count() > 1 {
            return Err(CliError::new("no_input", "`-` is given more than once").exit(Exit::Usage));
        }
        Ok(Self { sources, open: None, text_bytes_max })
    }

    /// The next texts, empty at the end. Blocks until there is one.
    pub fn next_chunk(&mut self) -> Vec<TextLine> {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < CHUNK_LINES && bytes < CHUNK_BYTES && (chunk.is_empty() || self.has_one_at_hand()) {
            let Some(line) = self.next() else { break };
            bytes += line.text.as_ref().map_or(0, String::len);
            chunk.push(line);
        }
        chunk
    }

    /// Whether the next text comes without waiting for who writes it.
    fn has_one_at_hand(&self) -> bool {
        match &self.open {
            Some(open) => open.reader.buffer().contains(&b'\n'),
            None => self.sources.front().is_some_and(|source| matches!(source, TextSource::Typed(_))),
        }
    }

    fn next(&mut self) -> Option<TextLine> {
        loop {
            if let Some(open) = &mut self.open {
                if let Some((line, is_last)) = open.next_line(self.text_bytes_max) {
                    if is_last {
                        self.open = None;
                    }
                    return Some(line);
                }
                self.open = None;
            }
            match self.sources.pop_front()? {
                TextSource::Typed(text) => return Some(TextLine { place: None, text: checked(text) }),
                TextSource::Stdin => self.open = Some(OpenInput::new("-", io::stdin())),
                TextSource::File(path) => match File::open(&path) {
                    Ok(file) => self.open = Some(OpenInput::new(&path.display().to_string(), file)),
                    Err(error) => return Some(unopened(&path, &error)),
                },
            }
        }
    }
}

fn source(input: &str) -> Result<TextSource, CliError> {
    let path = Path::new(input);
    match path.metadata() {
        _ if input == "-" => Ok(TextSource::Stdin),
        Ok(found) if found.is_dir() => {
            let error = CliError::new("no_input", format!("{input} is a folder; name its files"));
            Err(error.exit(Exit::Usage))
        }
        Ok(_) => Ok(TextSource::File(path.to_path_buf())),
        Err(_) => Ok(TextSource::Typed(input.to_owned())),
    }
}

impl OpenInput {
    fn new(name: &str, reader: impl Read + Send + 'static) -> Self {
        Self { name: name.into(), line: 0, reader: BufReader::with_capacity(READ_BYTES, Box::new(reader)) }
    }

    /// The next line, and whether the input cannot be read any further; none at its end.
    fn next_line(&mut self, bytes_max: usize) -> Option<(TextLine, bool)> {
        self.line += 1;
        let place = Some(LineNumber { input: Arc::clone(&self.name), line: self.line });
        match self.read_line(bytes_max) {
            Ok(text) => text.map(|text| (TextLine { place, text }, false)),
            Err(error) => Some((TextLine { place, text: Err(unreadable(&error)) }, true)),
        }
    }

    /// What stands in it; none at the end.
    fn read_line(&mut self, bytes_max: usize) -> io::Result<Option<Result<String, CliError>>> {
        let mut line = Vec::new();
        // A line's end of two bytes is no part of the text.
        let read = self.reader.by_ref().take(bytes_max as u64 + 2).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        let has_end = line.pop_if(|byte| *byte == b'\n').is_some();
        let is_whole = has_end || self.reader.fill_buf()?.is_empty();
        line.pop_if(|byte| *byte == b'\r');
        if is_whole && line.len() <= bytes_max {
            let utf8 = String::from_utf8(line);
            return Ok(Some(utf8.map_err(|_| CliError::new("text_unreadable", "it is no UTF-8")).and_then(checked)));
        }
        if !has_end {
            self.reader.skip_until(b'\n')?;
        }
        Ok(Some(Err(CliError::new("text_too_large", format!("it has more than {bytes_max} bytes")))))
    }
}

/// A text that has something in it.
fn checked(text: String) -> Result<String, CliError> {
    if text.is_empty() { Err(CliError::new("empty_input", "it is empty")) } else { Ok(text) }
}

fn unopened(path: &Path, error: &io::Error) -> TextLine {
    let place = LineNumber { input: path.display().to_string().into(), line: 0 };
    TextLine { place: Some(place), text: Err(unreadable(error)) }
}

fn unreadable(error: &io::Error) -> CliError {
    CliError::new("file_unreadable", format!("it cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Everything, as `line: text` or `line: code`, a chunk after the other.
    fn chunks(lines: &mut TextLines) -> Vec<Vec<String>> {
        let shown = |line: TextLine| {
            let number = line.place.map_or_else(|| "typed".to_owned(), |place| place.line.to_string());
            format!("{number}: {}", line.text.unwrap_or_else(|error| error.code.into_owned()))
        };
        let all = std::iter::from_fn(|| Some(lines.next_chunk()).filter(|chunk| !chunk.is_empty()));
        all.map(|chunk| chunk.into_iter().map(shown).collect()).collect()
    }

    fn of(content: &[u8], bytes_max: usize) -> Vec<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut lines = TextLines::of(&[file.path().display().to_string()], bytes_max).unwrap();
        chunks(&mut lines).concat()
    }

    #[test]
    fn lines_keep_their_numbers_whatever_is_wrong_with_some() {
        assert_eq!(of(b"", 8), Vec::<String>::new());
        assert_eq!(of(b"a\nb", 8), ["1: a", "2: b"]);
        assert_eq!(of(b"a\r\n\n\xff\nb\n", 8), ["1: a", "2: empty_input", "3: text_unreadable", "4: b"]);
        assert_eq!(
            of(b"12345678\n123456789\n1234567890123\n12345678\r\nb", 8),
            ["1: 12345678", "2: text_too_large", "3: text_too_large", "4: 12345678", "5: b"]
        );
        assert_eq!(of(b"123456789", 8), ["1: text_too_large"]);
    }

    #[test]
    fn a_long_file_comes_in_chunks_that_are_bounded() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        (0..5_000).for_each(|number| writeln!(file, "line {number}").unwrap());
        (0..6).for_each(|_| writeln!(file, "{}", "x".repeat(400_000)).unwrap());
        let mut lines = TextLines::of(&["hello".to_owned(), file.path().display().to_string()], 1 << 20).unwrap();
        let chunks = chunks(&mut lines);
        assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), 5_007);
        assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK_LINES));
        assert!(chunks.iter().all(|chunk| chunk.iter().map(String::len).sum::<usize>() < CHUNK_BYTES + (1 << 20)));
        assert_eq!((&*chunks[0][0], &*chunks[1][0]), ("typed: hello", "1: line 0"));
    }

    /// Gives a piece for each read, as a slow pipe does.
    struct Pieces(VecDeque<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.pop_front().unwrap_or_default();
            into[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn what_has_come_does_not_wait_for_the_rest() {
        let pieces = Pieces([&b"a\nb\nc"[..], b"d\n", b"e\n"].into());
        let open = Some(OpenInput::new("-", pieces));
        let mut lines = TextLines { sources: VecDeque::new(), open, text_bytes_max: 8 };
        assert_eq!(chunks(&mut lines), [vec!["1: a", "2: b"], vec!["3: cd"], vec!["4: e"]]);
    }

    #[test]
    fn folders_and_a_second_stdin_are_refused() {
        let inputs = |inputs: &[&str]| inputs.iter().map(|&input| input.to_owned()).collect::<Vec<_>>();
        for wrong in [inputs(&["/"]), inputs(&["-", "a", "-"])] {
            assert_eq!(TextLines::of(&wrong, 8).err().map(|error| error.code), Some("no_input".into()));
        }
    }
}
