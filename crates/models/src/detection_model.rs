//! A detector bound to one model: how pictures enter it and how boxes leave it. Serves the families `yolo` and `yolox`,
//! and `yolo-pose` for its boxes and its key points.

use crate::candidate::Candidates;
use crate::head::{Head, Query};
use crate::head_fit::{HeadFit, Known};
use crate::keypoint_head::KeypointHead;
use crate::picture_input::{PictureInput, Pixels, SizeChoice};
use crate::picture_port::PicturePort;
use crate::warm_up_picture::{WarmUpDetection, lane_size};
use crate::{
    BoundingBox, DetectOptions, Detection, DetectionList, Detections, FamilyHints, FamilyKind, Labels, OptionsError,
    PersonPose, Poses, nms,
};
use half::f16;
use samovar_engine_api::{ElementType, Signature, TensorRef};
use samovar_media::{Letterbox, Picture};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShapes, Scratch, TaskError, WarmUpRow};
use std::sync::Arc;

/// A detector bound to one model's signature.
#[derive(Clone, Debug)]
pub struct DetectionModel {
    kind: FamilyKind,
    input: PictureInput,
    head: Head,
    keypoints: Option<KeypointHead>,
    labels: Labels,
    iou_max: f32,
    batch_max: usize,
}

impl DetectionModel {
    /// Binds the detector that fits `signature`.
    ///
    /// # Errors
    /// What was found, what each family expects, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let port = PicturePort::find(signature)?;
        let labels = hints.labels.as_deref().map(Labels::new).or_else(|| Labels::from_metadata(signature));
        let fit = HeadFit::find(&Known {
            signature,
            family: hints.family,
            size: port.size,
            classes: labels.as_ref().map(Labels::len),
        })?;
        let head = fit.head;
        let input = PictureInput::new(&port, pixels(fit.kind), size_choice(fit, signature, hints))?;
        let labels = labels.unwrap_or_else(|| assumed_labels(fit));
        let (kind, keypoints, iou_max) = (fit.kind, fit.keypoints, iou_default(&head));
        Ok(Self { kind, input, head, keypoints, labels, iou_max, batch_max: port.batch_max })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        self.kind
    }

    /// The names of the classes.
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// How many key points each person (or thing) has; none where the model gives boxes alone.
    pub fn keypoint_count(&self) -> Option<usize> {
        self.keypoints.map(|keypoints| keypoints.shape.count)
    }

    /// The input sizes in use, (width, height) in pixels, the commonest first.
    pub fn input_sizes(&self) -> &[(u32, u32)] {
        self.input.sizes()
    }

    /// The input size at which a picture of `source` (width, height) runs.
    pub fn size_for(&self, source: (u32, u32)) -> (u32, u32) {
        self.input.size_for(source)
    }

    /// The overlap above which two boxes of a class count as one object, where the caller does not say.
    pub const fn iou_default(&self) -> f32 {
        self.iou_max
    }

    /// Whether `options` are within their bounds and name only classes of this model.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self, options: &DetectOptions) -> Result<(), OptionsError> {
        options.validate()?;
        let unknown = options
            .classes
            .iter()
            .flat_map(|classes| classes.iter())
            .find(|class| **class as usize >= self.labels.len());
        match unknown {
            Some(&class) => Err(OptionsError::UnknownClass { class, last: self.labels.len().saturating_sub(1) }),
            None => Ok(()),
        }
    }

    /// The classes of those names, for [`DetectOptions::classes`].
    ///
    /// # Errors
    /// The first name that the model does not have.
    pub fn classes_named<S: AsRef<str>>(&self, names: &[S]) -> Result<Arc<[u32]>, OptionsError> {
        let class = |name: &S| {
            self.labels.class(name.as_ref()).ok_or_else(|| OptionsError::UnknownLabel(name.as_ref().to_owned()))
        };
        names.iter().map(class).collect()
    }

    pub(crate) fn rows(&self, size: (u32, u32)) -> RowShapes {
        self.input.rows(size)
    }

    pub(crate) fn letterbox(&self, source: (u32, u32), size: (u32, u32)) -> Letterbox {
        self.input.letterbox(source, size)
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

    /// How a picture of `source` (width, height) lies in the input it runs at.
    pub fn letterbox_for(&self, source: (u32, u32)) -> Letterbox {
        self.letterbox(source, self.size_for(source))
    }

    /// The output that [`DetectionModel::decode`] reads, by its index in the signature.
    pub const fn output(&self) -> usize {
        self.head.output
    }

    /// Turns one row of the output into detections: candidates, suppression, and back into the source picture. Reads in
    /// place; `scratch` keeps the memory for the next one.
    ///
    /// # Errors
    /// An output of another shape or element type, or one without a single finite score.
    pub fn decode(
        &self,
        row: &TensorRef<'_>,
        letterbox: &Letterbox,
        options: &DetectOptions,
        scratch: &mut Scratch,
    ) -> Result<Detections, TaskError> {
        self.decode_into(DetectionList::default(), row, (letterbox, options), scratch)
    }

    /// [`DetectionModel::decode`] into an empty list that the caller has.
    fn decode_into(
        &self,
        mut items: DetectionList,
        row: &TensorRef<'_>,
        (letterbox, options): (&Letterbox, &DetectOptions),
        scratch: &mut Scratch,
    ) -> Result<Detections, TaskError> {
        let Candidates { kept, not_finite, .. } = self.kept(row, letterbox.target, options, scratch)?;
        let (width, height) = letterbox.source;
        items.reserve(kept.len());
        items.extend(
            kept.iter()
                .filter_map(|found| self.detection(found.class, found.score, letterbox.box_to_source(found.bbox))),
        );
        Ok(Detections { width, height, items, not_finite: *not_finite })
    }

    /// Turns one row of the output into people with their key points, as [`DetectionModel::decode`] does into boxes. Key
    /// points are not clipped to the picture. Who has one that is not a finite number is left out and counted.
    ///
    /// # Errors
    /// As for [`DetectionModel::decode`], and a model that gives no key points.
    pub fn decode_poses(
        &self,
        row: &TensorRef<'_>,
        letterbox: &Letterbox,
        options: &DetectOptions,
        scratch: &mut Scratch,
    ) -> Result<Poses, TaskError> {
        let head = self.keypoints.ok_or_else(|| TaskError::internal("the model gives no key points"))?;
        let Candidates { kept, not_finite, .. } = self.kept(row, letterbox.target, options, scratch)?;
        let values = self.head.anchor_values(row, letterbox.target)?;
        let (width, height) = letterbox.source;
        let mut poses = Poses { width, height, items: Vec::with_capacity(kept.len()), not_finite: *not_finite };
        for found in kept.iter() {
            let Some(bbox) = inside(letterbox.box_to_source(found.bbox)) else { continue };
            match head.read(&values, found.anchor, letterbox) {
                Some(keypoints) => poses.items.push(PersonPose { score: found.score, bbox, keypoints }),
                None => poses.not_finite = poses.not_finite.saturating_add(1),
            }
        }
        Ok(poses)
    }

    /// What is left of one row of the output after suppression, best first.
    fn kept<'s>(
        &self,
        row: &TensorRef<'_>,
        size: (u32, u32),
        options: &DetectOptions,
        scratch: &'s mut Scratch,
    ) -> Result<&'s Candidates, TaskError> {
        let query = Query { size, score_min: options.score_min, classes: options.classes.as_deref() };
        let found = scratch.of::<Candidates>();
        self.head.collect(row, &query, found)?;
        let overlap = options.iou_max.unwrap_or(self.iou_max);
        nms::suppress(&found.items, overlap, options.detections_max, &mut found.kept);
        Ok(found)
    }

    /// [`DetectionModel::decode`] for a row of the runtime's, into an empty list that the caller has.
    pub(crate) fn read(
        &self,
        items: DetectionList,
        row: &OutputRow<'_>,
        how: (&Letterbox, &DetectOptions),
        scratch: &mut Scratch,
    ) -> Result<Detections, TaskError> {
        self.decode_into(items, &row.tensor(self.head.output)?, how, scratch)
    }

    /// Whether a row of a representative picture holds numbers alone: the last part of the contract, which no signature
    /// tells.
    pub(crate) fn verify(&self, row: &OutputRow<'_>, size: (u32, u32), scratch: &mut Scratch) -> Result<(), TaskError> {
        let everything = Query { size, score_min: 0.0, classes: None };
        let found = scratch.of::<Candidates>();
        let output = row.tensor(self.head.output)?;
        self.head.collect(&output, &everything, found)?;
        let sound = found.not_finite == 0 && (self.keypoints.is_none() || all_finite(&output)?);
        sound.then_some(()).ok_or_else(|| TaskError::internal("the model gives values that are not numbers"))
    }

    /// None where the box lies in the padding: clipped to the picture, nothing is left of it.
    fn detection(&self, class_id: u32, score: f32, edges: [f32; 4]) -> Option<Detection> {
        let bbox = inside(edges)?;
        Some(Detection { class_id, label: self.labels.name(class_id), score, bbox })
    }
}

impl Family for DetectionModel {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        self.input.sizes().iter().map(|size| self.rows(*size)).collect()
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    fn warm_up(&self, lane: &RowShapes) -> Box<dyn WarmUpRow> {
        let size = lane_size(lane).unwrap_or(self.input.sizes()[0]);
        Box::new(WarmUpDetection::new(self.clone(), size))
    }
}

/// None where a box clipped to the picture has no area: it lay in the padding.
fn inside(edges: [f32; 4]) -> Option<BoundingBox> {
    let [left, top, right, bottom] = edges;
    (left < right && top < bottom).then(|| edges.into())
}

fn all_finite(output: &TensorRef<'_>) -> Result<bool, TaskError> {
    Ok(match output.element() {
        ElementType::F16 => output.as_slice::<f16>()?.iter().all(|value| value.is_finite()),
        _ => output.as_slice::<f32>()?.iter().all(|value| value.is_finite()),
    })
}

fn pixels(kind: FamilyKind) -> Pixels {
    if kind == FamilyKind::Yolox { Pixels::YOLOX } else { Pixels::YOLO }
}

fn size_choice<'a>(fit: HeadFit, signature: &Signature, hints: &'a FamilyHints) -> SizeChoice<'a> {
    let coarsest = fit.head.strides.0.iter().copied().max().unwrap_or(32);
    let side = imgsz(signature).unwrap_or(640);
    let rectangles = fit.kind != FamilyKind::Yolox;
    SizeChoice { configured: hints.input_size, side, stride: coarsest, rectangles, pictures: &hints.pictures }
}

/// The longer side that ultralytics wrote: `[640, 640]` or `640`.
fn imgsz(signature: &Signature) -> Option<u32> {
    let text = signature.metadata.get("imgsz")?;
    let sides = text.trim().trim_start_matches(['[', '(']).trim_end_matches([']', ')']).split(',');
    sides.filter_map(|side| side.trim().parse().ok()).max()
}

fn assumed_labels(fit: HeadFit) -> Labels {
    let one_person = fit.kind == FamilyKind::YoloPose && fit.head.classes == 1;
    if one_person { Labels::new(&["person"]) } else { Labels::assumed(fit.head.classes) }
}

/// The overlap that the model's own reference code uses: ultralytics 0.7, yolov5 and YOLOX 0.45.
fn iou_default(head: &Head) -> f32 {
    if head.layout.box_channels() == 4 { 0.7 } else { 0.45 }
}
