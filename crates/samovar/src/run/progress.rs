//! What is told while the work goes on, on stderr: on a terminal a bar for each video in progress and one line with the totals, elsewhere
//! plain lines.

use super::totals::{plural, rate};
use crate::stderr;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The display of a command. It has as many lines as videos are worked through at the same time, and one more.
#[derive(Debug)]
pub struct Progress {
    /// None where stderr is no terminal.
    bars: Option<MultiProgress>,
    /// None where a single input says all by itself.
    totals: Option<ProgressBar>,
    counts: Arc<Counts>,
    /// Lines where there are no bars.
    lines: bool,
}

/// What is done, over all inputs.
#[derive(Debug)]
struct Counts {
    inputs: u64,
    done: AtomicU64,
    failed: AtomicU64,
    frames: AtomicU64,
    began: Instant,
}

/// The line of one video.
#[derive(Debug)]
pub struct VideoLine {
    name: String,
    bar: Option<ProgressBar>,
    /// Below all videos.
    totals: Option<ProgressBar>,
    counts: Arc<Counts>,
    lines: bool,
}

/// Redraws a second: more cost time and show nothing.
const REDRAWS_HZ: u8 = 8;
/// Characters of a name: the bars stand below each other.
const NAME_WIDTH_MAX: usize = 32;

impl Progress {
    /// The display of a command over so many inputs; `quiet` shows nothing.
    pub fn new(inputs: usize, quiet: bool) -> Self {
        let counts = Arc::new(Counts::new(inputs as u64));
        let is_terminal = std::io::stderr().is_terminal();
        let bars = (is_terminal && !quiet)
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ)));
        let totals = bars.as_ref().filter(|_| inputs > 1).map(|bars| {
            let told = Arc::clone(&counts);
            let tell = move |_: &ProgressState, out: &mut dyn Write| {
                // A line that cannot be drawn is no reason to stop.
                let _ = write!(out, "{}", told.sentence());
            };
            let bar = bars.add(ProgressBar::no_length());
            bar.set_style(style("{totals}").with_key("totals", tell));
            bar
        });
        Self { lines: bars.is_none() && inputs > 1 && !quiet, bars, totals, counts }
    }

    /// The line of a video, above the totals. It goes away when it is dropped.
    pub fn video(&self, name: &str) -> VideoLine {
        let bar = self.bar(name);
        if let Some(bar) = &bar {
            bar.set_style(style("{msg} {spinner} {pos} frames, {rate} a second").with_key("rate", per_second));
        }
        let (totals, counts) = (self.totals.clone(), Arc::clone(&self.counts));
        VideoLine { name: name.to_owned(), bar, totals, counts, lines: self.lines }
    }

    /// A bar of one's own, above the totals; none where stderr is no terminal.
    pub fn bar(&self, name: &str) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        // It is drawn with its first message.
        let new = ProgressBar::no_length().with_style(style("{msg} {spinner}"));
        let bar = match &self.totals {
            Some(totals) => bars.insert_before(totals, new),
            None => bars.add(new),
        };
        bar.set_message(shortened(name));
        Some(bar)
    }

    /// An input is done, well or not.
    pub fn input_ended(&self, failed: bool) {
        let count = if failed { &self.counts.failed } else { &self.counts.done };
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(totals) = &self.totals {
            totals.tick();
        }
    }

    /// Tells a line that stays, above the bars.
    pub fn tell(&self, text: &str) {
        self.around(|| stderr::line(text));
    }

    /// Lets `print` write lines without bars in between.
    pub fn around<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    /// Takes the display away.
    pub fn end(&self) {
        if let Some(totals) = &self.totals {
            totals.finish_and_clear();
        }
    }
}

impl VideoLine {
    /// The video is open: `frames` may come in all, of which `done` were done before.
    pub fn opened(&self, frames: Option<u64>, done: u64) {
        if self.lines {
            stderr::line(&format!("{}: {}", self.name, beginning(frames, done)));
        }
        let Some(bar) = &self.bar else { return };
        if let Some(frames) = frames {
            bar.set_length(frames);
            let template = "{msg} {bar:20} {pos}/{len}, {rate} a second, {eta} left";
            bar.set_style(style(template).with_key("rate", per_second));
        }
        bar.set_position(done);
        bar.reset_eta();
    }

    /// All frames are done, and drawn now.
    pub fn drawing(&self) {
        if let Some(bar) = &self.bar {
            bar.set_style(style("{msg} {spinner} drawing"));
            bar.enable_steady_tick(Duration::from_secs(1) / u32::from(REDRAWS_HZ));
        }
    }

    /// One more frame is done.
    pub fn step(&self) {
        self.counts.frames.fetch_add(1, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Some(totals) = &self.totals {
            totals.tick();
        }
    }
}

impl Drop for VideoLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Counts {
    fn new(inputs: u64) -> Self {
        let none = || AtomicU64::new(0);
        Self { inputs, done: none(), failed: none(), frames: none(), began: Instant::now() }
    }

    /// `3 of 12 done, 1 failed; 1860 frames (62.0 a second), 0:30`.
    fn sentence(&self) -> String {
        let [done, failed, frames] =
            [&self.done, &self.failed, &self.frames].map(|count| count.load(Ordering::Relaxed));
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        let took = self.began.elapsed();
        let frames =
            if frames == 0 { String::new() } else { format!("; {}{}", plural(frames, "frame"), rate(frames, took)) };
        format!("{done} of {} done{failed}{frames}, {}", self.inputs, clock(took))
    }
}

fn beginning(frames: Option<u64>, done: u64) -> String {
    match (frames, done) {
        (None, 0) => "begun".to_owned(),
        (Some(frames), 0) => format!("begun, about {} to look at", plural(frames, "frame")),
        (None, done) => format!("goes on after {}", plural(done, "frame")),
        (Some(frames), done) => format!("goes on after {} of about {frames}", plural(done, "frame")),
    }
}

/// `0:30`, `1:02:03`.
pub(super) fn clock(took: Duration) -> String {
    let seconds = took.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// The end of a long name tells more than its beginning.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_WIDTH_MAX {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - NAME_WIDTH_MAX + 1).collect();
    format!("…{end}")
}

pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

pub(super) fn per_second(state: &ProgressState, out: &mut dyn Write) {
    // A bar that cannot be drawn is no reason to stop.
    let _ = write!(out, "{:.1}", state.per_sec());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_tell_what_is_done_and_what_failed() {
        let counts = Counts::new(12);
        assert_eq!(counts.sentence(), "0 of 12 done, 0:00");
        counts.done.store(3, Ordering::Relaxed);
        counts.failed.store(1, Ordering::Relaxed);
        counts.frames.store(1, Ordering::Relaxed);
        assert_eq!(counts.sentence(), "3 of 12 done, 1 failed; 1 frame, 0:00");
        assert_eq!(clock(Duration::from_secs(3_723)), "1:02:03");
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened("walk.mp4"), "walk.mp4");
        let long = format!("{}/gate-2026-11-21.mp4", "recordings".repeat(5));
        assert!(shortened(&long).ends_with("gate-2026-11-21.mp4") && shortened(&long).chars().count() == 32);
    }
}
