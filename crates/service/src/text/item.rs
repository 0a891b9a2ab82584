//! One thing that is to become a vector.

use samovar_media::Picture;

/// One thing that is to become a vector.
#[derive(Clone, Debug)]
pub enum Item {
    /// A text.
    Text(String),
    /// A text that the caller has tokenised, without special tokens.
    Tokens(Vec<u32>),
    /// A picture, still compressed.
    Picture(Picture),
}
