//! What a row is given at a run, and what can be asked about it afterwards.

/// The tokens that one row goes on with: a prompt, one token, or none where the row waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fed<'a> {
    /// In order.
    pub tokens: &'a [u32],
    /// Which of them logits are wanted for besides the last: where the transcript starts, whose logits tell that nobody speaks.
    pub start: Option<usize>,
}

impl<'a> Fed<'a> {
    /// Tokens whose last one's logits are wanted.
    pub const fn new(tokens: &'a [u32]) -> Self {
        Self { tokens, start: None }
    }
}

/// How the alignment heads looked at the sound for the tokens of a row's last run.
#[derive(Clone, Debug, PartialEq)]
pub struct Attentions {
    /// Alignment heads, in the order of layer and head.
    pub heads: usize,
    /// Tokens.
    pub tokens: usize,
    /// Places of the encoder's output.
    pub positions: usize,
    /// Weights `[heads, tokens, positions]`; each token's sum to 1.
    pub weights: Vec<f32>,
}
