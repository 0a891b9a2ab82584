//! Lengths of rows: a text is padded to the next of a few lengths, so that texts of similar length share a run and an engine meets few
//! shapes.

/// The lengths that rows may have, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Buckets(Vec<usize>);

/// The shortest row.
const SHORTEST: usize = 8;

impl Buckets {
    /// 8, 16, then each power of two and half as much again, up to `tokens_max`: no row is more than a third padding from 16 tokens on.
    pub(crate) fn up_to(tokens_max: usize) -> Self {
        let powers = std::iter::successors(Some(2 * SHORTEST), |power| power.checked_mul(2));
        let lengths = powers.flat_map(|power| [power, power + power / 2]);
        let below = std::iter::once(SHORTEST).chain(lengths).take_while(|&length| length < tokens_max);
        Self(below.chain(std::iter::once(tokens_max.max(1))).collect())
    }

    /// Rows of one length alone.
    pub(crate) fn only(length: usize) -> Self {
        Self(vec![length.max(1)])
    }

    /// The length of the row that a text of so many tokens takes: the next one, or the longest.
    pub(crate) fn of(&self, tokens: usize) -> usize {
        let at = self.0.partition_point(|&length| length < tokens);
        self.0.get(at).or(self.0.last()).copied().unwrap_or(1)
    }

    /// The lengths up to `longest`.
    pub(crate) fn up_to_length(&self, longest: usize) -> impl Iterator<Item = usize> {
        self.0.iter().copied().take_while(move |&length| length <= longest)
    }

    /// The longest row.
    pub(crate) fn longest(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_grow_by_halves_up_to_the_models_own() {
        assert_eq!(Buckets::up_to(256).0, [8, 16, 24, 32, 48, 64, 96, 128, 192, 256]);
        assert_eq!(Buckets::up_to(100).0, [8, 16, 24, 32, 48, 64, 96, 100]);
        assert_eq!(Buckets::up_to(5).0, [5]);
        assert_eq!(Buckets::up_to(8192).0.len(), 20);
    }

    proptest! {
        #[test]
        fn a_row_holds_its_text_and_wastes_at_most_half(tokens_max in 1..10_000_usize, tokens in 1..10_000_usize) {
            let buckets = Buckets::up_to(tokens_max);
            let tokens = tokens.min(tokens_max);
            let length = buckets.of(tokens);
            prop_assert!(length >= tokens && length <= tokens_max);
            prop_assert!(length <= SHORTEST || 2 * tokens > length);
            prop_assert!(tokens <= 2 * SHORTEST || 3 * tokens >= 2 * length);
        }

        #[test]
        fn a_longer_text_never_gets_a_shorter_row(tokens_max in 1..10_000_usize, tokens in 1..9_999_usize) {
            let buckets = Buckets::up_to(tokens_max);
            prop_assert!(buckets.of(tokens) <= buckets.of(tokens + 1));
            prop_assert!(buckets.0.is_sorted_by(|a, b| a < b));
        }
    }
}
