//! Whether a window's text is good enough, and what to try when it is not.

use super::{Checkpoint, DecodeOptions, Prompt, RowOptions, WindowSpan};

/// The rules of the reference's `decode_with_fallback`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    temperatures: Vec<f32>,
    beams: usize,
    no_speech_threshold: Option<f32>,
    logprob_threshold: Option<f32>,
    compression_ratio_max: Option<f32>,
    tokens_max: Option<usize>,
    positions: usize,
    seed: u64,
}

/// What is known about a window's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// The mean of its tokens' log probabilities.
    pub average_logprob: f32,
    /// How likely it is that nobody speaks.
    pub no_speech_prob: f32,
    /// By which factor it shrinks.
    pub compression_ratio: f32,
}

/// What becomes of a window's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Accepted,
    /// It is decoded again, at this place in the list of temperatures.
    Again(usize),
    /// Nobody speaks.
    Silent,
}

impl Fallback {
    /// The rules that were asked for.
    pub fn new(checkpoint: &Checkpoint, options: &DecodeOptions) -> Self {
        Self {
            temperatures: options.temperatures.clone(),
            beams: options.beams,
            no_speech_threshold: options.no_speech_threshold,
            logprob_threshold: options.logprob_threshold,
            compression_ratio_max: options.compression_ratio_max,
            tokens_max: options.tokens_max,
            positions: checkpoint.tokens_max,
            seed: options.seed,
        }
    }

    /// How an attempt at a window decodes. There are several hypotheses at temperature 0 alone, and the draws depend on the window and the attempt,
    /// not on what is decoded beside it.
    pub fn row(&self, attempt: usize, prompt: &Prompt, span: WindowSpan) -> RowOptions {
        let temperature = self.temperatures.get(attempt).or(self.temperatures.last()).copied().unwrap_or(0.0);
        let left = self.positions.saturating_sub(prompt.tokens.len());
        RowOptions {
            temperature,
            beams: if temperature == 0.0 { self.beams } else { 1 },
            tokens_max: self.tokens_max.map_or(left, |most| most.min(left)).max(1),
            seed: self.seed ^ span.first_sample.rotate_left(8) ^ attempt as u64,
        }
    }

    /// What becomes of the text of an attempt.
    pub fn verdict(&self, attempt: usize, quality: &Quality) -> Verdict {
        let is_unlikely = self.logprob_threshold.is_some_and(|least| quality.average_logprob < least);
        let is_repetitive = self.compression_ratio_max.is_some_and(|most| quality.compression_ratio > most);
        let is_quiet = self.no_speech_threshold.is_some_and(|most| quality.no_speech_prob > most);
        // A text that is unlikely where probably nobody speaks is not tried again; one that is likely enough stands.
        let is_sure = self.logprob_threshold.is_some_and(|least| quality.average_logprob > least);
        let goes_on = (is_unlikely || is_repetitive) && !(is_quiet && is_unlikely);
        if goes_on && attempt + 1 < self.temperatures.len() {
            Verdict::Again(attempt + 1)
        } else if is_quiet && !is_sure {
            Verdict::Silent
        } else {
            Verdict::Accepted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn starter() -> Checkpoint {
        Checkpoint::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/models/starter-whisper")).unwrap()
    }

    #[test]
    fn a_text_is_taken_tried_again_or_none() {
        let fallback = Fallback::new(
            &starter(),
            &DecodeOptions { temperatures: vec![0.0, 0.4], beams: 5, ..DecodeOptions::default() },
        );
        let verdict = |attempt, average_logprob, no_speech_prob, compression_ratio| {
            fallback.verdict(attempt, &Quality { average_logprob, no_speech_prob, compression_ratio })
        };
        assert_eq!(verdict(0, -0.3, 0.1, 1.2), Verdict::Accepted);
        assert_eq!(verdict(0, -1.2, 0.1, 1.2), Verdict::Again(1));
        assert_eq!(verdict(0, -0.3, 0.1, 2.5), Verdict::Again(1));
        assert_eq!(verdict(1, -1.2, 0.1, 2.5), Verdict::Accepted);
        assert_eq!(verdict(0, -1.2, 0.7, 1.2), Verdict::Silent);
        assert_eq!(verdict(0, -0.9, 0.7, 1.2), Verdict::Accepted);
        assert_eq!(verdict(0, -0.9, 0.7, 3.0), Verdict::Again(1));
        let row = |attempt, prompt: usize| {
            let prompt = Prompt { tokens: vec![0; prompt], start: 0 };
            let row = fallback.row(attempt, &prompt, WindowSpan { first_sample: 0, samples: 0 });
            (row.temperature, row.beams, row.tokens_max)
        };
        assert_eq!((row(0, 4), row(1, 230), row(9, 448)), ((0.0, 5, 444), (0.4, 1, 218), (0.4, 1, 1)));
    }

    #[test]
    fn without_thresholds_every_text_is_taken() {
        let options = DecodeOptions {
            no_speech_threshold: None,
            logprob_threshold: None,
            compression_ratio_max: None,
            ..DecodeOptions::default()
        };
        let quality = Quality { average_logprob: -9.0, no_speech_prob: 1.0, compression_ratio: 50.0 };
        assert_eq!(Fallback::new(&starter(), &options).verdict(0, &quality), Verdict::Accepted);
        let quiet = DecodeOptions { no_speech_threshold: Some(0.6), ..options };
        assert_eq!(Fallback::new(&starter(), &quiet).verdict(0, &quality), Verdict::Silent);
    }
}
