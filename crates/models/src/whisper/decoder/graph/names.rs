//! The ports of the graphs that are made here.

/// Keys and values, in this order everywhere.
pub(crate) const PARTS: [&str; 2] = ["key", "value"];
/// In: `[windows, positions, width]`.
pub(crate) const ENCODED: &str = "encoded";
/// In: `[rows, tokens]`.
pub(crate) const TOKENS: &str = "tokens";
/// In: `[rows, tokens]`.
pub(crate) const POSITIONS: &str = "positions";
/// In: `[rows, 1, tokens, capacity + tokens]`, added to the scores.
pub(crate) const MASK: &str = "mask";
/// In: which columns of the tokens logits are wanted for, `[asked]`.
pub(crate) const LOGIT_COLUMNS: &str = "logit_columns";
/// Out: `[rows, asked, vocabulary]`.
pub(crate) const LOGITS: &str = "logits";
/// Out: scaled queries of the alignment heads, `[windows, alignment heads, rows of a window · tokens, head width]`.
pub(crate) const QUERIES: &str = "queries";

/// In: keys or values of the text, `[rows, heads, capacity, head width]`.
pub(crate) fn text(layer: usize, part: &str) -> String {
    format!("text.{layer}.{part}")
}

/// In, and out of the graph that makes them: keys of the sound, `[windows, heads, positions, head width]`, or values, whose last two
/// axes change places.
pub(crate) fn sound(layer: usize, part: &str) -> String {
    format!("sound.{layer}.{part}")
}

/// Out: keys or values of the new tokens, `[rows, heads, tokens, head width]`.
pub(crate) fn new(layer: usize, part: &str) -> String {
    format!("new.{layer}.{part}")
}
