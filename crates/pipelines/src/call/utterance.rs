//! One utterance: which sound belongs to it, what was heard of it, and which window is to be heard next.

use super::agreement::Agreement;
use super::tape::RATE;
use samovar_models::whisper::{Checkpoint, Language, Segment, WindowText};
use std::ops::Range;

/// Speech between two pauses. Places are samples from the beginning of the call.
#[derive(Debug)]
pub(super) struct Utterance {
    /// Counted from 0 within the call.
    pub(super) number: u64,
    /// Where its sound begins.
    pub(super) from: u64,
    /// Up to where it was heard to the end.
    cursor: u64,
    /// Up to where a partial was heard.
    partial_to: u64,
    /// Where its speech ends so far; where it begins when there was none.
    spoken_to: u64,
    end: Option<End>,
    /// It was heard up to where it was cut.
    is_over: bool,
    text: Heard,
    /// What the last partial took for the language.
    guess: Option<Language>,
    pub(super) agreement: Agreement,
}

/// How an utterance ends.
#[derive(Clone, Copy, Debug)]
struct End {
    /// Where its sound ends.
    to: u64,
    /// Somebody speaks on: what is said across the end belongs to the next utterance.
    goes_on: bool,
}

/// What was heard of an utterance to the end.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) segments: Vec<Segment>,
    pub(super) language: Option<Language>,
    /// Sum over the tokens, and how many there are with the windows' ends.
    logprobs: (f64, usize),
    no_speech_prob: Option<f32>,
}

/// A window to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) utterance: u64,
    pub(super) range: Range<u64>,
    /// Its text may change.
    pub(super) is_partial: bool,
}

/// What is to be done with an utterance.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A window is to be heard.
    Hear(Window),
    /// It was heard to its end.
    Complete,
    /// There has to be more sound.
    Wait,
}

/// Samples of a window.
pub(super) const WINDOW: u64 = 30 * RATE;
/// So little speech behind the last timestamp is none: 300 ms.
const TAIL: u64 = RATE * 3 / 10;

impl Utterance {
    pub(super) fn new(number: u64, from: u64) -> Self {
        Self {
            number,
            from,
            cursor: from,
            partial_to: from,
            spoken_to: from,
            end: None,
            is_over: false,
            text: Heard::default(),
            guess: None,
            agreement: Agreement::default(),
        }
    }

    /// There is speech in it up to here.
    pub(super) fn spoken(&mut self, to: u64) {
        self.spoken_to = self.spoken_to.max(to);
    }

    /// Whether there is speech in it.
    pub(super) const fn is_spoken(&self) -> bool {
        self.spoken_to > self.from
    }

    /// Silence before its speech is not heard.
    pub(super) fn skip_to(&mut self, place: u64) {
        if self.spoken_to <= self.cursor {
            (self.cursor, self.partial_to) = (self.cursor.max(place), self.partial_to.max(place));
        }
    }

    /// It begins with what was left over of the one before.
    pub(super) fn carry(&mut self, from: u64) {
        (self.from, self.cursor, self.partial_to) = (from, from, self.partial_to.min(from));
    }

    /// Ends its sound there.
    pub(super) fn close(&mut self, to: u64, goes_on: bool) {
        self.end = Some(End { to: to.max(self.from), goes_on });
    }

    /// Whether its sound has ended.
    pub(super) const fn is_closed(&self) -> bool {
        self.end.is_some()
    }

    /// Whether somebody speaks on where it ends.
    pub(super) fn goes_on(&self) -> bool {
        self.end.is_some_and(|end| end.goes_on)
    }

    /// Where its sound ends, or has come to.
    pub(super) fn to(&self) -> u64 {
        self.end.map_or(self.cursor.max(self.partial_to), |end| end.to)
    }

    /// Where the next one begins that has what is left over; none where nothing is.
    pub(super) fn left_over(&self) -> Option<u64> {
        self.end.filter(|end| end.goes_on && self.cursor < end.to).map(|_| self.cursor)
    }

    /// Sound before this place is not needed for it.
    pub(super) const fn needed_from(&self) -> u64 {
        self.cursor
    }

    /// What is next, where the call was listened to up to `heard`, and a partial is due after so many samples.
    pub(super) fn next(&self, heard: u64, partial_every: u64) -> Next {
        let window = |to: u64, is_partial| {
            Next::Hear(Window { utterance: self.number, range: self.cursor..to.min(self.cursor + WINDOW), is_partial })
        };
        match self.end {
            Some(end) if self.is_done(end) => Next::Complete,
            Some(end) => window(end.to, false),
            None if self.spoken_to <= self.cursor => Next::Wait,
            None if heard >= self.cursor + WINDOW => window(heard, false),
            None if partial_every > 0 && heard >= self.cursor.max(self.partial_to) + partial_every => {
                window(heard, true)
            }
            None => Next::Wait,
        }
    }

    /// What a partial window gave.
    pub(super) fn hypothesis(&mut self, window: &Window, text: &str, language: Language) {
        self.passed(window);
        self.guess = Some(language);
        let so_far = self.text.text();
        let space = if so_far.is_empty() || text.starts_with(char::is_whitespace) { "" } else { " " };
        // A character that the end cut in two is not one yet.
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        self.agreement.take(format!("{so_far}{space}{text}").trim());
    }

    /// Nothing came of a partial window.
    pub(super) fn passed(&mut self, window: &Window) {
        self.partial_to = self.partial_to.max(window.range.end);
    }

    /// What is spoken, as far as that is known.
    pub(super) fn guess(&self) -> Option<Language> {
        self.text.language.or(self.guess)
    }

    /// What was heard in a window that is not partial.
    pub(super) fn accept(&mut self, window: &Window, text: &WindowText) {
        // Frames are whole; the rest of the last is nothing.
        let is_whole = text.advance_frames >= text.span.frames();
        let advanced = window.range.start + (text.advance_frames.max(1) * Checkpoint::HOP) as u64;
        self.cursor = self.cursor.max(if is_whole { window.range.end } else { advanced.min(window.range.end) });
        self.is_over = self.end.is_some_and(|end| end.goes_on && end.to == window.range.end);
        self.text.add(text);
    }

    /// The sound before this place is not heard any more.
    pub(super) fn lose_before(&mut self, place: u64) {
        self.cursor = self.cursor.max(place);
        self.partial_to = self.partial_to.max(self.cursor);
    }

    /// Whether nothing was heard of it, and so little of its speech is left that nothing can be.
    pub(super) fn is_lost(&self) -> bool {
        let is_left = |end: End| self.spoken_to.min(end.to) > self.cursor + TAIL;
        self.end.is_some_and(|end| !is_left(end))
            && self.text.windows() == 0
            && self.is_spoken()
            && self.cursor > self.from
    }

    /// What was heard of it to the end.
    pub(super) const fn heard(&self) -> &Heard {
        &self.text
    }

    /// The same, for good.
    pub(super) fn into_heard(self) -> Heard {
        self.text
    }

    fn is_done(&self, end: End) -> bool {
        let is_heard = match end.goes_on {
            true => self.is_over,
            false => self.text.windows() > 0 && self.cursor + TAIL >= self.spoken_to.min(end.to),
        };
        is_heard || self.spoken_to <= self.cursor
    }
}

impl Heard {
    /// The segments' texts.
    pub(super) fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect::<String>().trim().to_owned()
    }

    /// The mean of the tokens' log probabilities; 0 where there are none.
    pub(super) fn average_logprob(&self) -> f32 {
        let (sum, count) = self.logprobs;
        if count == 0 { 0.0 } else { (sum / count as f64) as f32 }
    }

    /// How likely it is that nobody speaks: of the window where that is least likely; 1 where none was heard.
    pub(super) fn no_speech_prob(&self) -> f32 {
        self.no_speech_prob.unwrap_or(1.0)
    }

    const fn windows(&self) -> usize {
        self.logprobs.1
    }

    fn add(&mut self, text: &WindowText) {
        let count = text.tokens.len() + 1;
        self.logprobs.0 += f64::from(text.average_logprob) * count as f64;
        self.logprobs.1 += count;
        self.no_speech_prob =
            Some(self.no_speech_prob.map_or(text.no_speech_prob, |least| least.min(text.no_speech_prob)));
        let said = |segment: &&Segment| segment.start_s < segment.end_s && !segment.text.trim().is_empty();
        self.segments.extend(text.segments.iter().filter(said).cloned());
        if !self.segments.is_empty() {
            self.language = Some(text.language);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_models::whisper::WindowSpan;

    /// A window whose text goes on to `advance_s`, with one segment up to there.
    fn text(window: &Window, said: &str, advance_s: f64) -> WindowText {
        let span =
            WindowSpan { first_sample: window.range.start, samples: (window.range.end - window.range.start) as usize };
        let start_s = window.range.start as f64 / RATE as f64;
        let segment = Segment { start_s, end_s: start_s + advance_s, text: said.to_owned(), ..Segment::default() };
        WindowText {
            span,
            segments: vec![segment],
            tokens: vec![1, 2, 3],
            logprobs: vec![-0.5; 3],
            average_logprob: -0.5,
            no_speech_prob: 0.1,
            compression_ratio: 1.0,
            temperature: 0.0,
            language: Language::ENGLISH,
            advance_frames: (advance_s * 100.0).round() as usize,
            is_closed: false,
        }
    }

    fn window(utterance: &Utterance, heard_s: u64, partial_s: u64) -> Window {
        match utterance.next(heard_s * RATE, partial_s * RATE) {
            Next::Hear(window) => window,
            other => panic!("{other:?} at {heard_s}"),
        }
    }

    #[test]
    fn a_long_utterance_is_heard_window_after_window_from_the_last_timestamp() {
        let mut utterance = Utterance::new(3, 0);
        utterance.spoken(20 * RATE);
        let partial = window(&utterance, 20, 1);
        assert_eq!((partial.range.clone(), partial.is_partial), (0..20 * RATE, true));
        utterance.hypothesis(&partial, " one two", Language::ENGLISH);
        assert_eq!(utterance.next(20 * RATE, RATE), Next::Wait);
        utterance.spoken(70 * RATE);
        let first = window(&utterance, 70, 1);
        assert_eq!((first.range.clone(), first.is_partial), (0..WINDOW, false));
        utterance.accept(&first, &text(&first, " one two three.", 25.0));
        let second = window(&utterance, 54, 1);
        assert_eq!((second.range.clone(), second.is_partial), (25 * RATE..54 * RATE, true));
        utterance.hypothesis(&second, " four", Language::ENGLISH);
        assert_eq!(utterance.agreement.text(), "one two three. four");
        utterance.close(70 * RATE, false);
        for (from_s, to_s, advance_s) in [(25, 55, 20.0), (45, 70, 25.0)] {
            let next = window(&utterance, 70, 1);
            assert_eq!((next.range.clone(), next.is_partial), (from_s * RATE..to_s * RATE, false));
            utterance.accept(&next, &text(&next, " and", advance_s));
        }
        assert_eq!(utterance.next(70 * RATE, RATE), Next::Complete);
        assert_eq!(utterance.heard().text(), "one two three. and and");
        assert!((utterance.heard().average_logprob() + 0.5).abs() < 1e-6);
    }

    #[test]
    fn what_is_cut_is_left_to_the_next() {
        let mut cut = Utterance::new(0, 0);
        cut.spoken(20 * RATE);
        cut.close(20 * RATE, true);
        let whole = window(&cut, 20, 0);
        cut.accept(&whole, &text(&whole, " one", 18.0));
        assert_eq!((cut.next(20 * RATE, 0), cut.left_over()), (Next::Complete, Some(18 * RATE)));
        let mut next = Utterance::new(1, 20 * RATE);
        next.spoken(21 * RATE);
        next.carry(18 * RATE);
        next.close(21 * RATE, false);
        assert_eq!(window(&next, 21, 0).range, 18 * RATE..21 * RATE);
    }

    #[test]
    fn where_nobody_speaks_nothing_is_heard() {
        let mut silent = Utterance::new(0, 0);
        assert_eq!(silent.next(40 * RATE, RATE), Next::Wait);
        silent.close(40 * RATE, false);
        assert_eq!(silent.next(40 * RATE, RATE), Next::Complete);
        assert_eq!((silent.heard().no_speech_prob(), silent.heard().language), (1.0, None));
        // Nor behind the last timestamp, where only the padding is left.
        let mut said = Utterance::new(1, 0);
        said.spoken(10 * RATE);
        said.close(10 * RATE + 3_200, false);
        let whole = window(&said, 11, 0);
        said.accept(&whole, &text(&whole, " one", 9.9));
        assert_eq!(said.next(11 * RATE, 0), Next::Complete);
    }

    #[test]
    fn what_is_lost_is_not_heard() {
        let mut utterance = Utterance::new(0, 0);
        utterance.spoken(10 * RATE);
        utterance.close(10 * RATE, false);
        utterance.lose_before(4 * RATE);
        assert_eq!((window(&utterance, 10, 0).range, utterance.is_lost()), (4 * RATE..10 * RATE, false));
        utterance.lose_before(10 * RATE - 100);
        assert!(utterance.is_lost());
    }
}
