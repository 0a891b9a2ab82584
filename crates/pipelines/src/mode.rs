//! One mode of live segmentation: a name that stands for a model.

use samovar_models::Segmenter;
use std::sync::Arc;

/// One mode of live segmentation.
#[derive(Clone)]
pub struct Mode {
    /// What clients call it: `fast`, `sota`.
    pub name: Arc<str>,
    /// The model that it stands for.
    pub segmenter: Segmenter,
}

impl Mode {
    /// A mode of that name.
    pub fn new(name: impl Into<Arc<str>>, segmenter: Segmenter) -> Self {
        Self { name: name.into(), segmenter }
    }

    /// A mode that is named like its model.
    pub fn of_model(segmenter: Segmenter) -> Self {
        let name = segmenter.handle().name().into();
        Self { name, segmenter }
    }
}
