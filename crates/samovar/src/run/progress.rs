//! The progress bar: on stderr, only where that is a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;

/// One bar that moves on with pictures and frames.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

/// Redraws a second: more cost time and show nothing.
const REDRAWS_HZ: u8 = 8;

impl Progress {
    /// A bar up to `total`; one without an end for none.
    pub fn new(total: Option<u64>, what: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ);
        let bar =
            MultiProgress::with_draw_target(target).add(total.map_or_else(ProgressBar::no_length, ProgressBar::new));
        let template = match total {
            Some(_) => "{msg} {bar:24} {pos}/{len}, {rate} a second, {eta} left",
            None => "{msg} {spinner} {pos}, {rate} a second",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            // A bar that cannot be drawn is no reason to stop.
            let _ = write!(out, "{:.1}", state.per_sec());
        }));
        bar.set_message(what.to_owned());
        Self { bar }
    }

    /// One more is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Lets `print` write lines without the bar in between.
    pub fn around<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
