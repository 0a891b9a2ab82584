//! Words and where they sound (`add_word_timestamps` of the reference).

use super::word_merge::merge_punctuation;
use super::{HeadWeights, Segment, SpecialTokens, SpeechError, SpeechTokenizer, TokenWord, WindowText, Word};

/// A word of a window, in seconds from the window's beginning.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimedWord {
    pub(super) text: String,
    /// How many it has.
    pub(super) tokens: usize,
    pub(super) start_s: f64,
    pub(super) end_s: f64,
    pub(super) probability: f32,
}

impl WindowText {
    /// Finds where the words of the segments sound, and lets the segments begin and end with them.
    ///
    /// Row k of `weights` is the attention of the step that chose token k; one row more is that of the end. `spoken_until_s` is where the last
    /// word before this window ended, in seconds from the recording's beginning.
    ///
    /// # Errors
    /// The model names no alignment heads, or there are fewer rows than tokens.
    pub fn add_words(
        &mut self,
        tokenizer: &SpeechTokenizer,
        weights: &HeadWeights,
        spoken_until_s: f64,
    ) -> Result<(), SpeechError> {
        let within = self.segment_tokens();
        let spoken: Vec<usize> = (0..within).filter(|&index| tokenizer.special().is_text(self.tokens[index])).collect();
        let Some(&last) = spoken.last() else { return Ok(()) };
        if tokenizer.checkpoint().alignment_heads.is_empty() || weights.rows() <= last {
            return Err(SpeechError::NoWords);
        }
        let words = self.timed_words(tokenizer, &spoken, &weights.only(spoken.iter().copied().chain([last + 1])));
        self.hand_out(words, tokenizer, spoken_until_s);
        Ok(())
    }

    /// The words over all segments of the window, with their punctuation.
    fn timed_words(&self, tokenizer: &SpeechTokenizer, spoken: &[usize], weights: &HeadWeights) -> Vec<TimedWord> {
        let places = self.span.frames() / 2;
        let starts = weights.starts(0, places, tokenizer.checkpoint().median_width);
        let time = |token: usize| starts.get(token).copied().unwrap_or(places) as f64 * SpecialTokens::TIMESTAMP_STEP_S;
        let tokens: Vec<u32> = spoken.iter().map(|&index| self.tokens[index]).collect();
        let timed = |word: TokenWord| TimedWord {
            start_s: time(word.tokens.start),
            end_s: time(word.tokens.end),
            probability: self.mean_probability(&spoken[word.tokens.clone()]),
            tokens: word.tokens.len(),
            text: word.text,
        };
        tokenizer.words(&tokens, self.language).into_iter().map(timed).collect()
    }

    fn mean_probability(&self, tokens: &[usize]) -> f32 {
        let sum: f32 = tokens.iter().filter_map(|&index| self.logprobs.get(index)).map(|logprob| logprob.exp()).sum();
        sum / tokens.len().max(1) as f32
    }

    /// Gives each segment its words.
    fn hand_out(&mut self, mut words: Vec<TimedWord>, tokenizer: &SpeechTokenizer, mut spoken_until_s: f64) {
        let usual = UsualWord::of(&words);
        shorten_at_sentence_ends(&mut words, &usual);
        merge_punctuation(&mut words);
        let offset_s = self.span.start_s();
        let mut words = words.into_iter();
        for segment in &mut self.segments {
            let mut left = segment.tokens.iter().filter(|&&token| tokenizer.special().is_text(token)).count();
            while left > 0 {
                let Some(word) = words.next() else { break };
                left = left.saturating_sub(word.tokens);
                segment.words.push(word.placed(offset_s));
            }
            fit(segment, &usual, spoken_until_s);
            spoken_until_s = segment.words.last().map_or(spoken_until_s, |_| segment.end_s);
        }
        self.advance_to_last_word();
    }

    /// The next window begins behind the last word, where the text does not end with the window's sound.
    fn advance_to_last_word(&mut self) {
        let last = self.segments.iter().rev().find_map(|segment| segment.words.last());
        if let Some(end_s) = last.map(|word| word.end_s).filter(|&end_s| !self.is_closed && end_s > self.span.start_s())
        {
            let frames = ((end_s - self.span.start_s()) / super::window_span::FRAME_S).round() as usize;
            self.advance_frames = frames.clamp(1, self.span.frames().max(1));
        }
    }
}

impl TimedWord {
    /// In seconds from the recording's beginning, to a hundredth.
    fn placed(self, offset_s: f64) -> Word {
        let place = |time_s: f64| ((offset_s + time_s) * 100.0).round() / 100.0;
        Word { start_s: place(self.start_s), end_s: place(self.end_s), text: self.text, probability: self.probability }
    }
}

/// How long a word of this window is.
struct UsualWord {
    /// The median, at most 0.7 s; 0 where there are no words.
    median_s: f64,
    /// Twice of it.
    most_s: f64,
}

impl UsualWord {
    fn of(words: &[TimedWord]) -> Self {
        let mut durations: Vec<f64> =
            words.iter().map(|word| word.end_s - word.start_s).filter(|&time_s| time_s != 0.0).collect();
        durations.sort_unstable_by(f64::total_cmp);
        let middle = durations.len() / 2;
        let median_s: f64 = match durations.len() {
            0 => 0.0,
            count if count % 2 == 1 => durations[middle],
            _ => f64::midpoint(durations[middle - 1], durations[middle]),
        };
        let median_s = median_s.min(0.7);
        Self { median_s, most_s: 2.0 * median_s }
    }
}

/// A mark that ends a sentence, and the word behind it, take no pause into themselves.
fn shorten_at_sentence_ends(words: &mut [TimedWord], usual: &UsualWord) {
    if usual.median_s == 0.0 {
        return;
    }
    for index in 1..words.len() {
        if words[index].end_s - words[index].start_s <= usual.most_s {
            continue;
        }
        if ENDS.contains(words[index].text.as_str()) {
            words[index].end_s = words[index].start_s + usual.most_s;
        } else if ENDS.contains(words[index - 1].text.as_str()) {
            words[index].start_s = words[index].end_s - usual.most_s;
        }
    }
}

/// Marks that end a sentence.
const ENDS: &str = ".。!！?？";

/// Holds the words at a segment's ends against its timestamps: words behind a pause are not long, and of a word and a timestamp that are
/// far apart the timestamp counts.
fn fit(segment: &mut Segment, usual: &UsualWord, spoken_until_s: f64) {
    shorten_after_pause(&mut segment.words, usual, spoken_until_s);
    let (start_s, end_s) = (segment.start_s, segment.end_s);
    if let Some(first) = segment.words.first_mut() {
        if start_s < first.end_s && start_s - 0.5 > first.start_s {
            first.start_s = (first.end_s - usual.median_s).min(start_s).max(0.0);
        } else {
            segment.start_s = first.start_s;
        }
    }
    if let Some(last) = segment.words.last_mut() {
        if end_s > last.start_s && end_s + 0.5 < last.end_s {
            last.end_s = (last.start_s + usual.median_s).max(end_s);
        } else {
            segment.end_s = last.end_s;
        }
    }
}

/// Behind a pause the first word, and the first two together, are not longer than usual.
fn shorten_after_pause(words: &mut [Word], usual: &UsualWord, spoken_until_s: f64) {
    let most_s = usual.most_s;
    let Some((first, rest)) = words.split_first_mut() else { return };
    let second = rest.first_mut();
    let is_behind_pause = first.end_s - spoken_until_s > usual.median_s * 4.0;
    let first_is_long = first.end_s - first.start_s > most_s;
    let two_are_long = second.as_ref().is_some_and(|second| second.end_s - first.start_s > most_s * 2.0);
    if !is_behind_pause || !(first_is_long || two_are_long) {
        return;
    }
    if let Some(second) = second.filter(|second| second.end_s - second.start_s > most_s) {
        let boundary_s = (second.end_s / 2.0).max(second.end_s - most_s);
        (first.end_s, second.start_s) = (boundary_s, boundary_s);
    }
    first.start_s = (first.end_s - most_s).max(0.0);
}
