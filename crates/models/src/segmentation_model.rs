//! A segmentation model bound to one file: how pictures enter it and how class maps leave it. Serves the family
//! `segmentation`.

use crate::class_argmax::{ArgmaxScratch, class_of_each_pixel};
use crate::head_fit::Known;
use crate::logits::{Logit, Logits};
use crate::logits_fit::LogitsFit;
use crate::normalisation::normalisation;
use crate::picture_input::{PictureInput, Pixels, Placement, SizeChoice};
use crate::picture_port::PicturePort;
use crate::warm_up_picture::{WarmUpSegmentation, lane_size};
use crate::{ClassMap, FamilyHints, FamilyKind, Labels, MapSize, SegmentOptions};
use half::f16;
use samovar_engine_api::{ElementType, Signature, TensorRef};
use samovar_media::{Letterbox, Picture};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShapes, Scratch, TaskError, WarmUpRow};

/// A segmentation model bound to one model's signature.
///
/// In: one picture `[batch, 3, height, width]`, RGB, normalised by the metadata `mean` and `std` or as for ImageNet; the
/// whole picture resized to the input without regard to its proportions, as OpenCV's `INTER_LINEAR` does. Out: logits
/// `[batch, classes, height, width]` of any size up to the input's, read as torch's
/// `interpolate(mode="bilinear", align_corners=False)` to the source's size and `argmax` would, which is what
/// `post_process_semantic_segmentation` of transformers does.
#[derive(Clone, Debug)]
pub struct SegmentationModel {
    input: PictureInput,
    fit: LogitsFit,
    labels: Labels,
    batch_max: usize,
}

/// The side of a dynamic input, in pixels, where nobody says: what SegFormer's ADE20K models were trained at.
const SIDE: u32 = 512;

impl SegmentationModel {
    /// Binds a segmentation model to `signature`.
    ///
    /// # Errors
    /// What was found, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        refuse_letterboxed(signature)?;
        let port = PicturePort::find(signature)?;
        let labels = hints.labels.as_deref().map(Labels::new).or_else(|| Labels::from_metadata(signature));
        let classes = labels.as_ref().map(Labels::len);
        let fit = LogitsFit::find(&Known { signature, family: hints.family, size: port.size, classes })?;
        let pixels = Pixels { placement: Placement::Stretched, format: normalisation(signature)? };
        let choice =
            SizeChoice { configured: hints.input_size, side: SIDE, stride: 1, rectangles: false, pictures: &[] };
        let input = PictureInput::new(&port, pixels, choice)?;
        let labels = labels.unwrap_or_else(|| Labels::numbered(fit.classes));
        Ok(Self { input, fit, labels, batch_max: port.batch_max })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::Segmentation
    }

    /// The names of the classes.
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The input sizes in use, (width, height) in pixels: one.
    pub fn input_sizes(&self) -> &[(u32, u32)] {
        self.input.sizes()
    }

    /// The output that [`SegmentationModel::decode`] reads, by its index in the signature.
    pub const fn output(&self) -> usize {
        self.fit.output
    }

    /// Turns one row of logits `[classes, height, width]` into the class map of a picture of `source` (width, height).
    /// Reads in place; `scratch` keeps the memory for the next one, all but the map's own.
    ///
    /// # Errors
    /// An output of another shape or element type, or one without a single position at which every value is finite.
    pub fn decode(
        &self,
        row: &TensorRef<'_>,
        source: (u32, u32),
        options: &SegmentOptions,
        scratch: &mut Scratch,
    ) -> Result<ClassMap, TaskError> {
        let scratch = scratch.of::<ArgmaxScratch>();
        match row.element() {
            ElementType::F16 => self.map(self.logits::<f16>(row.shape(), row.as_slice()?)?, source, options, scratch),
            _ => self.map(self.logits::<f32>(row.shape(), row.as_slice()?)?, source, options, scratch),
        }
    }

    pub(crate) fn rows(&self, size: (u32, u32)) -> RowShapes {
        self.input.rows(size)
    }

    /// How a picture of `source` (width, height) lies in the input: stretched over it.
    pub(crate) fn letterbox_for(&self, source: (u32, u32)) -> Letterbox {
        self.input.letterbox(source, self.input.size_for(source))
    }

    pub(crate) fn write(
        &self,
        picture: &Picture,
        letterbox: &Letterbox,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        self.input.write(picture, letterbox, row, scratch)
    }

    /// [`SegmentationModel::decode`] for a row of the runtime's.
    pub(crate) fn read(
        &self,
        row: &OutputRow<'_>,
        source: (u32, u32),
        options: &SegmentOptions,
        scratch: &mut Scratch,
    ) -> Result<ClassMap, TaskError> {
        self.decode(&row.tensor(self.fit.output)?, source, options, scratch)
    }

    fn logits<'a, T: Logit>(&self, shape: &[usize], values: &'a [T]) -> Result<Logits<'a, T>, TaskError> {
        let logits = Logits::new(shape, values).filter(|logits| logits.classes == self.fit.classes);
        logits.ok_or_else(|| {
            TaskError::internal("the model gives logits of another shape than its file or its labels say")
        })
    }

    fn map<T: Logit>(
        &self,
        logits: Logits<'_, T>,
        source: (u32, u32),
        options: &SegmentOptions,
        scratch: &mut ArgmaxScratch,
    ) -> Result<ClassMap, TaskError> {
        let (width, height) = match options.at {
            MapSize::Source => source,
            MapSize::Model => (logits.width as u32, logits.height as u32),
        };
        let (classes, not_finite) = class_of_each_pixel(&logits, (width, height), scratch);
        if not_finite as usize == logits.plane_len() {
            return Err(TaskError::internal("the model gives values that are not numbers"));
        }
        Ok(ClassMap { width, height, classes, labels: self.labels.clone(), not_finite })
    }
}

impl Family for SegmentationModel {
    fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        self.input.sizes().iter().map(|size| self.rows(*size)).collect()
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    fn warm_up(&self, lane: &RowShapes) -> Box<dyn WarmUpRow> {
        let size = lane_size(lane).unwrap_or(self.input.sizes()[0]);
        Box::new(WarmUpSegmentation::new(self.clone(), size))
    }
}

/// Ultralytics' own segmentation of whole scenes takes pictures with a border and without normalisation.
fn refuse_letterboxed(signature: &Signature) -> Result<(), ContractError> {
    match signature.metadata.get("task").map(String::as_str) {
        Some("semantic") => Err(ContractError(
            "the model was exported for the task `semantic` of ultralytics, whose pictures are letterboxed; the family \
             `segmentation` takes models whose pictures are resized as a whole"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}
