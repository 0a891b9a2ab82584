//! Log lines on their way to stderr: a thread of their own writes them, so that a pipe that nobody reads stops no work.
//!
//! Where more lines wait than may, those that come are dropped, and how many is the next line that is written.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait.
const LINES_MAX: usize = 4_096;
/// The longest that the end of the program waits for lines to be written.
const FLUSH_MAX: Duration = Duration::from_secs(1);
/// How often it looks for room in a full queue meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Where log lines are put; clones put them into the same queue.
#[derive(Clone)]
pub struct LogWriter {
    queue: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// Everything before it has been written when the sender is dropped.
    Flush(SyncSender<()>),
}

/// One line while it is made.
pub struct LogLine<'a> {
    writer: &'a LogWriter,
    bytes: Vec<u8>,
}

impl LogWriter {
    /// Starts the thread, which writes to `out` for as long as the program lives.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with_room(out, LINES_MAX)
    }

    fn with_room(out: impl Write + Send + 'static, lines_max: usize) -> io::Result<Self> {
        let (queue, entries) = sync_channel(lines_max);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        std::thread::Builder::new().name("samovar-log".to_owned()).spawn(move || write(&entries, &counted, out))?;
        Ok(Self { queue, dropped })
    }

    /// Waits until what was put in until now is written, but not for long.
    pub fn flush(&self) {
        let (done, written) = sync_channel::<()>(0);
        let until = Instant::now() + FLUSH_MAX;
        let mut entry = Entry::Flush(done);
        while let Err(TrySendError::Full(back)) = self.queue.try_send(entry) {
            if Instant::now() >= until {
                return;
            }
            entry = back;
            std::thread::sleep(LOOK_EVERY);
        }
        // Nothing is ever sent: the end of the sender is the news.
        let _ = written.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

fn write(entries: &Receiver<Entry>, dropped: &AtomicU64, mut out: impl Write) {
    while let Ok(entry) = entries.recv() {
        match entry {
            // Where stderr is closed there is nobody to tell.
            Entry::Line(bytes) => drop(out.write_all(&bytes)),
            Entry::Flush(done) => drop(done),
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            drop(writeln!(out, "{lost} log lines were dropped: they came faster than they could be written"));
        }
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine { writer: self, bytes: Vec::new() }
    }
}

impl Write for LogLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.bytes);
        if !line.is_empty() && self.writer.queue.try_send(Entry::Line(line)).is_err() {
            self.writer.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::{Condvar, Mutex};

    /// A pipe that is read only when the test says so.
    #[derive(Clone, Default)]
    struct Pipe(Arc<(Mutex<(bool, String)>, Condvar)>);

    impl Pipe {
        fn open(&self) {
            self.0.0.lock().0 = true;
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            self.0.0.lock().1.clone()
        }
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.0.lock();
            while !state.0 {
                self.0.1.wait(&mut state);
            }
            state.1.push_str(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_that_nobody_reads_stops_nobody_and_what_was_lost_is_told() {
        let pipe = Pipe::default();
        let writer = LogWriter::with_room(pipe.clone(), 8).unwrap();
        for number in 0..1_000 {
            writeln!(writer.make_writer(), "line {number}").unwrap();
        }
        pipe.open();
        writer.flush();
        let text = pipe.text();
        let kept = text.lines().filter(|line| line.starts_with("line ")).count();
        let lost: usize = text.lines().find_map(|line| line.split_once(" log lines")?.0.parse().ok()).unwrap();
        assert!(text.starts_with("line 0\n") && kept <= 9, "{text}");
        assert_eq!(kept + lost, 1_000, "{text}");
    }
}
