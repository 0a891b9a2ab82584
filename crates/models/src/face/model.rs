//! A face detector bound to one model: how pictures enter it and how faces leave it. Serves the family `yunet`.

use super::head::{COARSEST, FaceHead, Outputs};
use super::warm_up::WarmUpFaces;
use crate::candidate::Candidates;
use crate::picture_input::{PictureInput, Pixels, Placement, SizeChoice};
use crate::picture_port::PicturePort;
use crate::warm_up_picture::lane_size;
use crate::{Face, FaceOptions, Faces, FamilyHints, FamilyKind, nms};
use samovar_engine_api::Signature;
use samovar_media::{ChannelOrder, Letterbox, Picture, RowFormat};
use samovar_runtime::{ContractError, Family, InputRow, RowShapes, Scratch, TaskError, WarmUpRow};

/// A face detector bound to one model's signature.
///
/// In: pictures `[batch, 3, height, width]`, BGR, 0–255, at the top left of black, as OpenCV pads them. Larger ones are scaled down to
/// fit; smaller ones are not scaled up, since the network knows faces of some 10 to 300 pixels. Out: see [`Faces`].
#[derive(Clone, Debug)]
pub struct FaceModel {
    input: PictureInput,
    head: FaceHead,
    batch_max: usize,
}

/// What `cv2.FaceDetectorYN` gives the network.
const PIXELS: Pixels = Pixels {
    placement: Placement::TopLeftShrunk,
    format: RowFormat { order: ChannelOrder::Bgr, scale: [1.0; 3], bias: [0.0; 3], pad: 0 },
};

/// The longer side in pixels where the graph leaves it open and nobody says.
const SIDE: u32 = 640;

impl FaceModel {
    /// Binds the detector that fits `signature`: it is known by the names of its outputs.
    ///
    /// # Errors
    /// What was found, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let port = PicturePort::find(signature)?;
        let head = FaceHead::find(signature, port.size)?;
        let configured = hints.input_size;
        let choice =
            SizeChoice { configured, side: SIDE, stride: COARSEST, rectangles: true, pictures: &hints.pictures };
        Ok(Self { input: PictureInput::new(&port, PIXELS, choice)?, head, batch_max: port.batch_max })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::Yunet
    }

    /// The input sizes in use, (width, height) in pixels, the commonest first.
    pub fn input_sizes(&self) -> &[(u32, u32)] {
        self.input.sizes()
    }

    /// How a picture of `source` (width, height) lies in the input it runs at.
    pub fn letterbox_for(&self, source: (u32, u32)) -> Letterbox {
        self.letterbox(source, self.input.size_for(source))
    }

    pub(crate) fn letterbox(&self, source: (u32, u32), size: (u32, u32)) -> Letterbox {
        self.input.letterbox(source, size)
    }

    pub(crate) fn rows(&self, size: (u32, u32)) -> RowShapes {
        self.input.rows(size)
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

    /// Turns one row of the outputs into faces: candidates, suppression, and back into the picture.
    pub(crate) fn read(
        &self,
        outputs: Outputs<'_, '_>,
        letterbox: &Letterbox,
        options: &FaceOptions,
        scratch: &mut Scratch,
    ) -> Result<Faces, TaskError> {
        let found = scratch.of::<Candidates>();
        self.head.collect(outputs, letterbox.target, options.score_min, found)?;
        nms::suppress(&found.items, options.iou_max, options.faces_max, &mut found.kept);
        let (width, height) = letterbox.source;
        let mut faces =
            Faces { width, height, items: Vec::with_capacity(found.kept.len()), not_finite: found.not_finite };
        for candidate in &found.kept {
            let [left, top, right, bottom] = letterbox.box_to_source(candidate.bbox);
            // Clipped to the picture nothing is left of what lies in the padding.
            if left >= right || top >= bottom {
                continue;
            }
            let bbox = [left, top, right, bottom].into();
            match self.head.landmarks(outputs, letterbox, candidate.anchor)? {
                Some(landmarks) => faces.items.push(Face { bbox, score: candidate.score, landmarks }),
                None => faces.not_finite = faces.not_finite.saturating_add(1),
            }
        }
        Ok(faces)
    }

    /// Whether a row of a representative picture holds numbers alone: the last part of the contract, which no signature tells.
    pub(crate) fn verify(&self, outputs: Outputs<'_, '_>, size: (u32, u32)) -> Result<(), TaskError> {
        let sound = self.head.all_finite(outputs, size)?;
        sound.then_some(()).ok_or_else(|| TaskError::internal("the model gives values that are not numbers"))
    }
}

impl Family for FaceModel {
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
        Box::new(WarmUpFaces::new(self.clone(), size))
    }
}
