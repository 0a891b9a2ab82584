//! A face embedding model bound to one file: how an aligned face enters it and how a vector leaves it. Serves the family
//! `face-embedding`.

use super::alignment::is_face_side;
use super::warm_up::WarmUpFace;
use crate::normalisation::normalisation;
use crate::picture_input::{PictureInput, Pixels, Placement, SizeChoice};
use crate::picture_port::PicturePort;
use crate::vector_output::VectorOutput;
use crate::{Appearance, FamilyHints, FamilyKind};
use samovar_engine_api::Signature;
use samovar_media::{AlignedCrop, Picture, RowFormat};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShapes, Scratch, TaskError, WarmUpRow};

/// A face embedding model bound to one model's signature.
///
/// In: one aligned face `[batch, 3, 112, 112]` (or a multiple of 112, or of 128), RGB, `(value − 127.5) / 127.5`: ArcFace's layout, as
/// InsightFace's models have it. Those that want anything else say so in the metadata `mean` and `std`: `(value − 127.5) / 128` is
/// `mean = [127.5, 127.5, 127.5]`, `std = [128, 128, 128]`; models that normalise for themselves and take 0–255 have
/// `mean = [0, 0, 0]`, `std = [0.00392157, 0.00392157, 0.00392157]`. Out: a vector for each row, `[batch, numbers]`, which is brought
/// to length 1.
#[derive(Clone, Debug)]
pub struct FaceEmbeddingModel {
    input: PictureInput,
    vector: VectorOutput,
    batch_max: usize,
}

/// Pixels of a side where the graph leaves it open and nobody says.
const SIDE: u32 = 112;

impl FaceEmbeddingModel {
    /// Binds a face embedding model to `signature`. Without the family in `hints` it is taken only where it can be nothing else: a
    /// fixed input of 112×112, one vector of 128 numbers or more in multiples of 64, and no class names.
    ///
    /// # Errors
    /// What was found, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let port = PicturePort::find(signature)?;
        let vector = VectorOutput::find(signature).map_err(|what| misfit(signature, what))?;
        let named = hints.family == Some(FamilyKind::FaceEmbedding);
        let plain = port.size == Some((SIDE, SIDE)) && vector.is_plain(signature);
        if !named && !plain {
            return Err(misfit(signature, "it may as well classify pictures; set `family = \"face-embedding\"`"));
        }
        let pixels = Pixels { placement: Placement::Stretched, format: format(signature)? };
        let configured = hints.input_size.or_else(|| port.size.is_none().then_some((SIDE, SIDE)));
        let choice = SizeChoice { configured, side: SIDE, stride: 1, rectangles: false, pictures: &[] };
        let input = PictureInput::new(&port, pixels, choice)?;
        let (width, height) = input.sizes()[0];
        if width != height || !is_face_side(width) {
            return Err(misfit(signature, "the input is no square of a multiple of 112 or of 128 pixels"));
        }
        Ok(Self { input, vector, batch_max: port.batch_max })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::FaceEmbedding
    }

    /// Pixels of each side of the square that faces are brought to.
    pub fn input_side(&self) -> u32 {
        self.input.sizes()[0].0
    }

    /// Numbers of each vector.
    pub const fn numbers(&self) -> usize {
        self.vector.numbers
    }

    pub(crate) fn rows(&self) -> RowShapes {
        self.input.rows(self.input.sizes()[0])
    }

    pub(crate) fn write(
        &self,
        picture: &Picture,
        crop: &AlignedCrop,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        self.input.write_aligned(picture, crop, row, scratch)
    }

    pub(crate) fn read(&self, row: &OutputRow<'_>) -> Result<Appearance, TaskError> {
        self.vector.read(row)
    }
}

impl Family for FaceEmbeddingModel {
    fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![self.rows()]
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(WarmUpFace::new(self.clone()))
    }
}

fn format(signature: &Signature) -> Result<RowFormat, ContractError> {
    let said = ["mean", "std"].iter().any(|key| signature.metadata.contains_key(*key));
    let format = if said { normalisation(signature)? } else { RowFormat::standardised([0.5; 3], [0.5; 3]) };
    Ok(RowFormat { pad: 0, ..format })
}

fn misfit(signature: &Signature, what: &str) -> ContractError {
    let outputs: Vec<String> = signature.outputs.iter().map(|port| format!("`{port}`")).collect();
    ContractError(format!(
        "the model knows no faces: {what}. Found outputs {}. Expected one input [batch, 3, 112, 112] and an output [batch, numbers]",
        outputs.join(", ")
    ))
}
