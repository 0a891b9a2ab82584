//! A re-identification model bound to one file: how a crop of a picture enters it and how a vector leaves it. Serves the
//! family `re-identification`.

use crate::normalisation::normalisation;
use crate::picture_input::{PictureInput, Pixels, Placement, SizeChoice};
use crate::picture_port::PicturePort;
use crate::vector_output::{NUMBERS, VectorOutput};
use crate::warm_up_picture::WarmUpAppearance;
use crate::{Appearance, FamilyHints, FamilyKind};
use samovar_engine_api::Signature;
use samovar_media::{Crop, Picture};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShapes, Scratch, TaskError, WarmUpRow};

/// A re-identification model bound to one model's signature.
///
/// In: one crop `[batch, 3, height, width]`, RGB, normalised by the metadata `mean` and `std` or as for ImageNet, resized without
/// regard to its proportions as OpenCV's `INTER_LINEAR` does: what torchreid's models (OSNet, 256×128) take. Out: a vector for
/// each row, `[batch, numbers]`, which is brought to length 1.
#[derive(Clone, Debug)]
pub struct AppearanceModel {
    input: PictureInput,
    vector: VectorOutput,
    batch_max: usize,
}

/// Width and height for a dynamic input, in pixels, where nobody says: what OSNet was trained at.
const SIZE: (u32, u32) = (128, 256);

impl AppearanceModel {
    /// Binds a re-identification model to `signature`. Without the family in `hints` it is taken only where it can be nothing
    /// else: a fixed upright input, twice as high as wide or more, one vector of 128 numbers or more in multiples of 64, and no class
    /// names.
    ///
    /// # Errors
    /// What was found, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let port = PicturePort::find(signature)?;
        let vector = VectorOutput::find(signature).map_err(|what| misfit(signature, what))?;
        if hints.family != Some(FamilyKind::ReIdentification) && !is_plain(signature, port.size, vector) {
            return Err(misfit(signature, "it may as well classify pictures; set `family = \"re-identification\"`"));
        }
        let pixels = Pixels { placement: Placement::Stretched, format: normalisation(signature)? };
        let configured = hints.input_size.or_else(|| port.size.is_none().then_some(SIZE));
        let choice = SizeChoice { configured, side: SIZE.1, stride: 1, rectangles: false, pictures: &[] };
        Ok(Self { input: PictureInput::new(&port, pixels, choice)?, vector, batch_max: port.batch_max })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::ReIdentification
    }

    /// The size that crops are brought to, (width, height) in pixels.
    pub fn input_size(&self) -> (u32, u32) {
        self.input.sizes()[0]
    }

    /// Numbers of each vector.
    pub const fn numbers(&self) -> usize {
        self.vector.numbers
    }

    pub(crate) fn rows(&self) -> RowShapes {
        self.input.rows(self.input_size())
    }

    pub(crate) fn write(
        &self,
        picture: &Picture,
        crop: Crop,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        let letterbox = self.input.letterbox((crop.width, crop.height), self.input_size());
        self.input.write_part((picture, Some(crop)), &letterbox, row, scratch)
    }

    pub(crate) fn read(&self, row: &OutputRow<'_>) -> Result<Appearance, TaskError> {
        self.vector.read(row)
    }
}

impl Family for AppearanceModel {
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
        Box::new(WarmUpAppearance::new(self.clone()))
    }
}

/// Whether the model can be nothing but one for people: classifiers take squares.
fn is_plain(signature: &Signature, size: Option<(u32, u32)>, vector: VectorOutput) -> bool {
    size.is_some_and(|(width, height)| height >= 2 * width) && vector.is_plain(signature)
}

fn misfit(signature: &Signature, what: &str) -> ContractError {
    let outputs: Vec<String> = signature.outputs.iter().map(|port| format!("`{port}`")).collect();
    ContractError(format!(
        "the model tells no appearances: {what}. Found outputs {}. Expected one input [batch, 3, height, width] and an output \
         [batch, {} to {}]",
        outputs.join(", "),
        NUMBERS.start(),
        NUMBERS.end()
    ))
}
