//! Which sizes of runs there were: an engine whose shapes are open prepares each when it meets it first.

use std::collections::HashSet;

/// The sizes of one run's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RunForm {
    pub(super) rows: usize,
    /// Tokens of each.
    pub(super) columns: usize,
    /// Places of the text's caches.
    pub(super) capacity: usize,
    /// Columns whose logits are asked for.
    pub(super) asked: usize,
}

/// Those that were met. Bounded by what a batch can take: rows, powers of two of columns, steps of 64 places.
#[derive(Debug, Default)]
pub(super) struct RunForms(HashSet<RunForm>);

impl RunForms {
    pub(super) fn note(&mut self, form: RunForm) {
        self.0.insert(form);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Columns of tokens for `longest` of them: few sizes, so that few forms have to be prepared. A step has one, and most prompts four.
pub(super) fn columns(longest: usize, most: usize) -> usize {
    if longest <= 1 { longest } else { longest.next_power_of_two().max(4).min(most).max(longest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_like_length_have_one_form() {
        assert_eq!([1, 2, 3, 4, 5, 227, 400].map(|longest| columns(longest, 256)), [1, 4, 4, 4, 8, 256, 400]);
    }
}
