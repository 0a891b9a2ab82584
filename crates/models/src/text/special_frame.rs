//! The special tokens that a model expects around a text or around two: found out once, from what the tokenizer puts around a token.

use super::{Encoding, TextError, TokenLimit};
use tokenizers::{Encoding as Tokenized, Token, Tokenizer};

/// What stands before, between and after texts, each token with its type.
pub(crate) struct SpecialFrame {
    before: Vec<Special>,
    between: Vec<Special>,
    after: Vec<Special>,
    /// Types of the first text's tokens and of the second's.
    types: (u32, u32),
}

#[derive(Clone, Copy)]
struct Special {
    id: u32,
    type_id: u32,
}

impl SpecialFrame {
    /// Around one text.
    pub(crate) fn single(tokenizer: &Tokenizer) -> tokenizers::Result<Self> {
        Ok(Self::of(&tokenizer.post_process(one_token(), None, true)?))
    }

    /// Around two.
    pub(crate) fn pair(tokenizer: &Tokenizer) -> tokenizers::Result<Self> {
        Ok(Self::of(&tokenizer.post_process(one_token(), Some(one_token()), true)?))
    }

    /// Takes apart what came out for texts of one token each.
    fn of(framed: &Tokenized) -> Self {
        let special = framed.get_special_tokens_mask();
        let (ids, types) = (framed.get_ids(), framed.get_type_ids());
        let texts: Vec<usize> = (0..ids.len()).filter(|&at| special[at] == 0).collect();
        let specials = |range: std::ops::Range<usize>| -> Vec<Special> {
            range.map(|at| Special { id: ids[at], type_id: types[at] }).collect()
        };
        let (first, last) = (texts.first().copied().unwrap_or(ids.len()), texts.last().copied().unwrap_or(ids.len()));
        let type_of = |at: usize| types.get(at).copied().unwrap_or(0);
        Self {
            before: specials(0..first),
            between: specials((first + 1).min(last)..last),
            after: specials((last + 1).min(ids.len())..ids.len()),
            types: (type_of(first), type_of(last)),
        }
    }

    /// How many tokens it adds.
    pub(crate) fn len(&self) -> usize {
        self.before.len() + self.between.len() + self.after.len()
    }

    /// The tokens that it adds.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.before.iter().chain(&self.between).chain(&self.after).map(|special| special.id)
    }

    /// The tokens without those of the frame, where it stands around them already.
    pub(crate) fn strip<'a>(&self, ids: &'a [u32]) -> &'a [u32] {
        let begins = !self.before.is_empty() && ids.len() >= self.before.len() + self.after.len();
        let is = |specials: &[Special], ids: &[u32]| specials.iter().map(|special| special.id).eq(ids.iter().copied());
        if !begins {
            return ids;
        }
        let (before, rest) = ids.split_at(self.before.len());
        let (text, after) = rest.split_at(rest.len() - self.after.len());
        if is(&self.before, before) && is(&self.after, after) { text } else { ids }
    }

    /// The frame around one text or two, cut to the limit.
    pub(crate) fn around(&self, first: &[u32], second: &[u32], limit: TokenLimit) -> Result<Encoding, TextError> {
        let (first, second) = limit.cut(self.len(), first, second)?;
        let of =
            |specials: &[Special]| specials.iter().map(|special| (special.id, special.type_id)).collect::<Vec<_>>();
        let text = |ids: &[u32], type_id: u32| ids.iter().map(|&id| (id, type_id)).collect::<Vec<_>>();
        let parts = [
            of(&self.before),
            text(first, self.types.0),
            of(&self.between),
            text(second, self.types.1),
            of(&self.after),
        ];
        let (ids, type_ids): (Vec<u32>, Vec<u32>) = parts.into_iter().flatten().unzip();
        if ids.is_empty() { Err(TextError::Empty) } else { Ok(Encoding { ids, type_ids }) }
    }
}

fn one_token() -> Tokenized {
    Tokenized::from_tokens(vec![Token::new(0, "text".to_owned(), (0, 4))], 0)
}
