//! Decoding with several hypotheses: transformers' beam search, token for token.

use super::log_sum::log_sum_exp;
use super::row_decoding::ruled;
use super::{Decoded, LogitRules, Step};
use std::cmp::Ordering;

/// The beam search of transformers' `generate` for one row, with its defaults: length penalty 1, `early_stopping` off.
///
/// Its scores are those of the softmax before the rules; what is reported as a text's average log probability is that after
/// the rules, as its Whisper has it.
#[derive(Debug)]
pub(super) struct BeamSearch {
    beams: usize,
    tokens_max: usize,
    running: Vec<Beam>,
    finished: Vec<Finished>,
    next_tokens: Vec<u32>,
    sources: Vec<usize>,
    candidates: Vec<Candidate>,
    is_done: bool,
}

/// A hypothesis that goes on.
#[derive(Clone, Debug, Default)]
struct Beam {
    tokens: Vec<u32>,
    /// Of each token, after the rules.
    logprobs: Vec<f32>,
    rows: Vec<usize>,
    /// The sum of the log probabilities before the rules.
    score: f32,
}

/// A hypothesis that has ended, by its score for each token.
#[derive(Debug)]
struct Finished {
    score: f32,
    beam: Beam,
    has_end: bool,
}

/// A token that might follow a beam.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    score: f32,
    row: usize,
    token: u32,
    /// After the rules.
    logprob: f32,
}

impl BeamSearch {
    pub(super) fn new(beams: usize, tokens_max: usize) -> Self {
        Self {
            beams,
            tokens_max,
            running: vec![Beam::default()],
            finished: Vec::new(),
            next_tokens: Vec::new(),
            sources: Vec::new(),
            candidates: Vec::new(),
            is_done: false,
        }
    }

    pub(super) const fn rows(&self) -> usize {
        self.running.len()
    }

    pub(super) const fn rows_max(&self) -> usize {
        self.beams
    }

    pub(super) fn advance(&mut self, rules: &LogitRules, logits: &[&[f32]], scratch: &mut Vec<f32>) -> Step<'_> {
        if self.is_done {
            return Step::Done;
        }
        self.gather(rules, logits, scratch);
        let end = rules.special().end;
        let length = self.running.first().map_or(0, |beam| beam.tokens.len()) + 1;
        let is_last = length >= self.tokens_max;
        self.end_some(length, |token| is_last || token == end, end);
        self.go_on(|token| !is_last && token != end);
        self.is_done = self.running.is_empty() || !self.may_improve(length);
        if self.is_done { Step::Done } else { Step::Next { tokens: &self.next_tokens, sources: &self.sources } }
    }

    pub(super) fn finish(self) -> Decoded {
        // Stopped before any has ended, the best so far is the text.
        let unfinished = || self.running.into_iter().next().map(|beam| (beam, false));
        let best = self.finished.into_iter().next().map(|finished| (finished.beam, finished.has_end));
        let (mut beam, has_end) = best.or_else(unfinished).unwrap_or_default();
        let counted = beam.logprobs.len().max(1) as f32;
        let average_logprob = beam.logprobs.iter().sum::<f32>() / counted;
        if has_end {
            beam.logprobs.pop();
        }
        Decoded { tokens: beam.tokens, logprobs: beam.logprobs, rows: beam.rows, average_logprob, temperature: 0.0 }
    }

    /// The best tokens over all beams, twice as many as there are beams: so at least one of each pair goes on.
    fn gather(&mut self, rules: &LogitRules, logits: &[&[f32]], scratch: &mut Vec<f32>) {
        self.candidates.clear();
        for (row, (beam, logits)) in self.running.iter().zip(logits).enumerate() {
            let before = log_sum_exp(logits);
            ruled(rules, logits, &beam.tokens, scratch);
            let after = log_sum_exp(scratch);
            for (token, &logit) in scratch.iter().enumerate().filter(|(_, logit)| **logit > f32::NEG_INFINITY) {
                let score = (logit - before) + beam.score;
                let candidate = Candidate { score, row, token: token as u32, logprob: logit - after };
                keep_best(&mut self.candidates, candidate, 2 * self.beams);
            }
        }
    }

    /// Those among the best that end are finished, if they are better than what is.
    fn end_some(&mut self, length: usize, ends: impl Fn(u32) -> bool, end: u32) {
        for candidate in self.candidates.iter().take(self.beams).filter(|candidate| ends(candidate.token)) {
            let has_end = candidate.token == end;
            let finished = Finished {
                score: candidate.score / length as f32,
                beam: self.running[candidate.row].followed_by(candidate, !has_end),
                has_end,
            };
            let place = self.finished.partition_point(|other| other.score >= finished.score);
            self.finished.insert(place, finished);
        }
        self.finished.truncate(self.beams);
    }

    /// The best that do not end are the next beams.
    fn go_on(&mut self, goes_on: impl Fn(u32) -> bool) {
        let chosen = self.candidates.iter().filter(|candidate| goes_on(candidate.token)).take(self.beams);
        let running: Vec<Beam> =
            chosen.clone().map(|candidate| self.running[candidate.row].followed_by(candidate, true)).collect();
        self.next_tokens.clear();
        self.next_tokens.extend(chosen.clone().map(|candidate| candidate.token));
        self.sources.clear();
        self.sources.extend(chosen.map(|candidate| candidate.row));
        self.running = running;
    }

    /// Whether a running beam, as good for each token as it is now, beats the worst that is finished.
    fn may_improve(&self, length: usize) -> bool {
        let Some(worst) = self.finished.get(self.beams - 1) else { return true };
        self.running.first().is_some_and(|best| best.score / length as f32 > worst.score)
    }
}

impl Beam {
    /// This one with a token more; the end is counted and is no token of the text.
    fn followed_by(&self, candidate: &Candidate, is_text: bool) -> Self {
        let mut beam = self.clone();
        beam.tokens.extend(is_text.then_some(candidate.token));
        beam.logprobs.push(candidate.logprob);
        beam.rows.push(candidate.row);
        beam.score = candidate.score;
        beam
    }
}

/// Keeps the best, in falling order; of equals those that came first.
fn keep_best(best: &mut Vec<Candidate>, candidate: Candidate, most: usize) {
    let is_full = best.len() == most;
    if is_full && best.last().is_some_and(|worst| candidate.score <= worst.score) {
        return;
    }
    let is_before = |other: &Candidate| other.score.total_cmp(&candidate.score) != Ordering::Less;
    let place = best.partition_point(is_before);
    if is_full {
        best.pop();
    }
    best.insert(place, candidate);
}
