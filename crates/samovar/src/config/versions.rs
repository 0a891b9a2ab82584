//! `versions = "latest"` or `versions = 3`: which version of a model's folder serves.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which version of a folder of versions serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VersionsSetting {
    /// A word.
    Word(VersionsWord),
    /// This version and no other, until somebody swaps it.
    Pinned(#[schemars(range(max = 9_223_372_036_854_775_807_u64))] u64),
}

/// The words that may stand for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VersionsWord {
    /// The one with the largest number.
    Latest,
}
