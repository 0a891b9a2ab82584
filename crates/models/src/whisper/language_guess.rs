//! Which language is spoken, out of the first logits.

use super::log_sum::{exp, highest};
use super::{Checkpoint, Language};

/// How likely each of the model's languages is, the most likely first, given the logits behind
/// [`language_prompt`](super::SpeechTokenizer::language_prompt). English alone for a model that knows no other.
pub fn language_probabilities(checkpoint: &Checkpoint, logits: &[f32]) -> Vec<(Language, f32)> {
    let logit = |token: &u32| logits.get(*token as usize).copied().unwrap_or(f32::NEG_INFINITY);
    let scores: Vec<f32> = checkpoint.languages.iter().map(|(_, token)| logit(token)).collect();
    let most = highest(&scores);
    if most == f32::NEG_INFINITY {
        return vec![(Language::ENGLISH, 1.0)];
    }
    let shares: Vec<f32> = scores.iter().map(|score| exp(score - most)).collect();
    let total: f32 = shares.iter().sum();
    let languages = checkpoint.languages.iter().map(|(language, _)| *language);
    let mut found: Vec<_> = languages.zip(shares).map(|(language, share)| (language, share / total)).collect();
    found.sort_by(|one, other| other.1.total_cmp(&one.1));
    found
}

/// How likely it is that nobody speaks, given the raw logits of `<|startoftranscript|>`.
pub fn no_speech_probability(checkpoint: &Checkpoint, logits: &[f32]) -> f32 {
    let logit = logits.get(checkpoint.special.no_speech as usize).copied().unwrap_or(f32::NEG_INFINITY);
    exp((logit - super::log_sum::log_sum_exp(logits)).min(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn languages_share_what_is_likely_among_themselves_and_silence_is_a_share_of_everything() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/models/starter-whisper");
        let checkpoint = Checkpoint::read(&folder).unwrap();
        let mut logits = vec![0.0; checkpoint.vocabulary_size];
        (logits[5], logits[603], logits[605], logits[610]) = (9.0, 3.0, 1.0, 4.0);
        let found = language_probabilities(&checkpoint, &logits);
        let total = 3.0_f32.exp() + 1.0_f32.exp() + 2.0;
        assert_eq!((found[0].0.code(), found[1].0.code(), found.len()), ("de", "es", 4));
        assert!((found[0].1 - 3.0_f32.exp() / total).abs() < 1e-6);
        let all: f32 = logits.iter().map(|logit| logit.exp()).sum();
        assert!((no_speech_probability(&checkpoint, &logits) - 4.0_f32.exp() / all).abs() < 1e-6);
        let english = Checkpoint { languages: Vec::new(), ..checkpoint };
        assert_eq!(language_probabilities(&english, &logits), [(Language::ENGLISH, 1.0)]);
    }
}
