//! Two towers under one name.

use std::collections::BTreeMap;

/// The towers of one CLIP or SigLIP by their models' names; either may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// The model that makes vectors of pictures.
    pub image: Option<String>,
    /// The model that makes vectors of texts.
    pub text: Option<String>,
}

/// Every pair by its name.
pub type Pairs = BTreeMap<String, Pair>;
