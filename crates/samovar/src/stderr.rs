//! Words for the person at the terminal: summaries and failures, beside the log.

use std::io::Write;

/// Writes one line. Where stderr is closed there is nobody to tell.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
