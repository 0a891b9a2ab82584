//! A recording of any length, window after window: the reference's seek rule.

use super::{Checkpoint, DecodeOptions, WindowSpan, WindowText};

/// Where the next window begins and what goes before its text. Pure, and as small after ten hours as after one minute.
///
/// ```text
/// while let Some(span) = long_form.span(samples that are there from next_sample() on) {
///     decode the span with previous() → WindowText (add_words) → long_form.accept(text)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct LongForm {
    window_samples: usize,
    previous_max: usize,
    conditions: bool,
    next_frame: u64,
    /// The end of the text so far, at most `previous_max` tokens.
    previous: Vec<u32>,
    spoken_until_s: f64,
}

impl LongForm {
    /// A recording from its beginning. `prompt` are the tokens of the caller's prompt: they go before the first window as if they
    /// had been said.
    pub fn new(checkpoint: &Checkpoint, options: &DecodeOptions, prompt: &[u32]) -> Self {
        let previous_max = checkpoint.previous_max();
        Self {
            window_samples: checkpoint.window_samples(),
            previous_max,
            conditions: options.condition_on_previous_text,
            next_frame: 0,
            previous: prompt[prompt.len().saturating_sub(previous_max)..].to_vec(),
            spoken_until_s: 0.0,
        }
    }

    /// The first sample of the next window. What lies before it is not needed any more.
    pub const fn next_sample(&self) -> u64 {
        self.next_frame * Checkpoint::HOP as u64
    }

    /// The next window, given how many samples there are from [`next_sample`](Self::next_sample) on: give all that a window has unless the
    /// recording ends before. None at its end; less than a frame of 10 ms is not heard.
    pub fn span(&self, samples: usize) -> Option<WindowSpan> {
        let samples = samples.min(self.window_samples) / Checkpoint::HOP * Checkpoint::HOP;
        (samples > 0).then_some(WindowSpan { first_sample: self.next_sample(), samples })
    }

    /// The tokens that go before the next window's text.
    pub fn previous(&self) -> &[u32] {
        &self.previous
    }

    /// Where the last word ended, in seconds from the beginning.
    pub const fn spoken_until_s(&self) -> f64 {
        self.spoken_until_s
    }

    /// Takes the text of the window in, leaves out its empty segments, and goes on to the next.
    pub fn accept(&mut self, text: &mut WindowText) {
        self.next_frame += text.advance_frames.clamp(1, text.span.frames().max(1)) as u64;
        let is_silent = text.tokens.is_empty();
        if let Some(segment) = text.segments.iter().rev().find(|segment| !segment.words.is_empty()) {
            self.spoken_until_s = segment.end_s;
        }
        text.drop_empty();
        if is_silent {
            return;
        }
        // What was drawn at a high temperature is too uncertain to go before more.
        if !self.conditions || text.temperature > 0.5 {
            self.previous.clear();
            return;
        }
        self.previous.extend(text.segments.iter().flat_map(|segment| &segment.tokens));
        let surplus = self.previous.len().saturating_sub(self.previous_max);
        self.previous.drain(..surplus);
    }
}
