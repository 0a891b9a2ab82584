//! Representative work for face models: a drawn picture, the same every time, through the same write and read as any other.

use super::alignment::alignment;
use super::{FaceEmbeddingModel, FaceModel, FaceOptions, Landmarks};
use crate::warm_up_picture::{draw, source_for};
use samovar_media::{AlignedCrop, Letterbox, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, TaskError, WarmUpRow};

/// One drawn picture through a face detector, over and over.
pub(crate) struct WarmUpFaces {
    model: FaceModel,
    picture: Picture,
    letterbox: Letterbox,
}

impl WarmUpFaces {
    /// For rows of pictures of `size` (width, height).
    pub(crate) fn new(model: FaceModel, size: (u32, u32)) -> Self {
        let source = source_for(size);
        let letterbox = model.letterbox(source, size);
        Self { model, picture: draw(source).into(), letterbox }
    }
}

impl WarmUpRow for WarmUpFaces {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        let outputs = |output| row.tensor(output);
        self.model.read(&outputs, &self.letterbox, &FaceOptions::default(), scratch)?;
        self.model.verify(&outputs, self.letterbox.target)
    }
}

/// One tilted square of a drawn picture through an embedding model, over and over.
pub(crate) struct WarmUpFace {
    model: FaceEmbeddingModel,
    picture: Picture,
    crop: AlignedCrop,
}

/// Where the drawn picture of 1280×720 would have a face, a little tilted.
const LANDMARKS: Landmarks = [(860.0, 380.0), (930.0, 390.0), (892.0, 425.0), (860.0, 458.0), (915.0, 466.0)];

impl WarmUpFace {
    pub(crate) fn new(model: FaceEmbeddingModel) -> Self {
        let crop = alignment(&LANDMARKS, model.input_side())
            .expect("these are five different points, and the side was checked");
        Self { model, picture: draw((1280, 720)).into(), crop }
    }
}

impl WarmUpRow for WarmUpFace {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, &self.crop, row, scratch)
    }

    /// A vector without a direction is an error here as it is later.
    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.read(row).map(drop)
    }
}
