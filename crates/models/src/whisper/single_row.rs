//! Decoding with one hypothesis: the most likely token of each step, or one that is drawn.

use super::log_sum::{exp, exp_sum, highest, log_sum_exp};
use super::random_draws::RandomDraws;
use super::row_decoding::ruled;
use super::{Decoded, LogitRules, RowOptions, Step};

/// The tokens of one row so far.
#[derive(Debug)]
pub(super) struct SingleRow {
    temperature: f32,
    tokens_max: usize,
    draws: RandomDraws,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    end_logprob: Option<f32>,
}

impl SingleRow {
    pub(super) fn new(options: RowOptions) -> Self {
        Self {
            temperature: options.temperature,
            tokens_max: options.tokens_max.max(1),
            draws: RandomDraws::new(options.seed),
            tokens: Vec::new(),
            logprobs: Vec::new(),
            end_logprob: None,
        }
    }

    pub(super) fn advance(&mut self, rules: &LogitRules, logits: &[&[f32]], scratch: &mut Vec<f32>) -> Step<'_> {
        let Some(logits) = logits.first().filter(|_| self.end_logprob.is_none()) else { return Step::Done };
        ruled(rules, logits, &self.tokens, scratch);
        let end = rules.special().end;
        // Where nothing is allowed the text ends: the rules leave the end or a token open wherever the logits are numbers.
        let token = self.choose(scratch).unwrap_or(end);
        let logprob = scratch.get(token as usize).map_or(f32::NEG_INFINITY, |logit| logit - log_sum_exp(scratch));
        if token == end {
            self.end_logprob = Some(logprob);
            return Step::Done;
        }
        self.tokens.push(token);
        self.logprobs.push(logprob);
        if self.tokens.len() >= self.tokens_max {
            return Step::Done;
        }
        Step::Next { tokens: &self.tokens[self.tokens.len() - 1..], sources: &[0] }
    }

    /// The average counts the end as a token, as both references do.
    pub(super) fn finish(self) -> Decoded {
        let counted = self.logprobs.len() + usize::from(self.end_logprob.is_some());
        let sum: f32 = self.logprobs.iter().sum::<f32>() + self.end_logprob.unwrap_or(0.0);
        Decoded {
            rows: vec![0; counted],
            average_logprob: sum / counted.max(1) as f32,
            tokens: self.tokens,
            logprobs: self.logprobs,
            temperature: self.temperature,
        }
    }

    fn choose(&mut self, scores: &[f32]) -> Option<u32> {
        let most = highest(scores);
        if most == f32::NEG_INFINITY {
            return None;
        }
        let index = if self.temperature > 0.0 {
            self.draw(scores, most)
        } else {
            scores.iter().position(|&score| score == most)
        };
        index.and_then(|index| u32::try_from(index).ok())
    }

    /// A token drawn by its probability at the temperature.
    fn draw(&mut self, scores: &[f32], most: f32) -> Option<usize> {
        let scale = 1.0 / self.temperature;
        let mut left = self.draws.unit() * exp_sum(scores, most, scale);
        let mut last = None;
        for (index, &score) in scores.iter().enumerate().filter(|(_, score)| **score > f32::NEG_INFINITY) {
            let share = f64::from(exp((score - most) * scale));
            if share > 0.0 {
                last = Some(index);
                left -= share;
            }
            if left < 0.0 {
                break;
            }
        }
        last
    }
}
