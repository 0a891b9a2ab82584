//! A text as tokens, special tokens included, without padding.

use super::{TextError, Truncate};

/// A text as tokens, special tokens included, without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Ids of the tokens.
    pub ids: Vec<u32>,
    /// Which text each of them belongs to, where two go in together: as many as there are ids.
    pub type_ids: Vec<u32>,
}

impl Encoding {
    /// How many tokens there are: the ones in the attention mask.
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// How long an encoding may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimit {
    /// Tokens at most, special tokens included.
    pub tokens_max: usize,
    /// What becomes of what is longer.
    pub truncate: Truncate,
}

impl TokenLimit {
    /// The part of each text that stays, given how many tokens stand around them. Where two are too long together the longer one is cut
    /// first, and both to the same length where that is not enough: `longest_first` of the `tokenizers` crate.
    pub(crate) fn cut<'a>(
        self,
        special: usize,
        first: &'a [u32],
        second: &'a [u32],
    ) -> Result<(&'a [u32], &'a [u32]), TextError> {
        let found = special + first.len() + second.len();
        if found <= self.tokens_max {
            return Ok((first, second));
        }
        let Some(room) = self.tokens_max.checked_sub(special).filter(|_| self.truncate != Truncate::Refuse) else {
            return Err(TextError::TooLong { found, allowed: self.tokens_max });
        };
        let (first_len, second_len) = longest_first(first.len(), second.len(), room);
        Ok((self.keep(first, first_len), self.keep(second, second_len)))
    }

    fn keep(self, ids: &[u32], len: usize) -> &[u32] {
        match self.truncate {
            Truncate::Start => &ids[ids.len() - len..],
            Truncate::Refuse | Truncate::End => &ids[..len],
        }
    }
}

fn longest_first(first: usize, second: usize, room: usize) -> (usize, usize) {
    let (shorter, longer) = (first.min(second), first.max(second));
    let (shorter, longer) =
        if shorter + shorter <= room { (shorter, longer.min(room - shorter)) } else { (room / 2, room - room / 2) };
    if first <= second { (shorter, longer) } else { (longer, shorter) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(tokens_max: usize, truncate: Truncate) -> TokenLimit {
        TokenLimit { tokens_max, truncate }
    }

    #[test]
    fn a_text_is_cut_at_the_end_that_was_asked_for_or_refused() {
        let ids = [1, 2, 3, 4];
        assert_eq!(limit(5, Truncate::End).cut(2, &ids, &[]), Ok((&ids[..3], &[][..])));
        assert_eq!(limit(5, Truncate::Start).cut(2, &ids, &[]), Ok((&ids[1..], &[][..])));
        assert_eq!(limit(6, Truncate::Refuse).cut(2, &ids, &[]), Ok((&ids[..], &[][..])));
        let refused = limit(5, Truncate::Refuse).cut(2, &ids, &[]);
        assert_eq!(refused, Err(TextError::TooLong { found: 6, allowed: 5 }));
        assert!(limit(1, Truncate::End).cut(2, &ids, &[]).is_err(), "no room for the special tokens");
    }

    #[test]
    fn of_two_texts_the_longer_one_is_cut_first() {
        assert_eq!(longest_first(2, 10, 8), (2, 6));
        assert_eq!(longest_first(10, 2, 8), (6, 2));
        assert_eq!(longest_first(10, 10, 7), (3, 4));
        assert_eq!(longest_first(11, 10, 7), (4, 3));
        assert_eq!(longest_first(0, 9, 4), (0, 4));
    }

    proptest! {
        #[test]
        fn what_is_cut_is_as_long_as_allowed_and_no_longer_than_it_was(first in 0..50_usize, second in 0..50_usize, room in 0..40_usize) {
            prop_assume!(first + second > room);
            let (a, b) = longest_first(first, second, room);
            prop_assert_eq!(a + b, room);
            prop_assert!(a <= first && b <= second);
        }
    }
}
