//! Which output of a model is a detector's, and in which layout: recognised from its shape, the grids that the input
//! size implies, the number of classes that the model names, and what its exporter wrote.
//!
//! Every layout that could be meant is tried on every output. One that fits is taken; where several fit, the one with
//! the 80 classes of COCO; otherwise the person who configures the model is asked, never guessed for.

use crate::FamilyKind;
use crate::grid::Strides;
use crate::head::{Head, Layout};
use crate::keypoint_head::{KeypointHead, KeypointShape};
use samovar_engine_api::{ElementType, Port, Signature};
use samovar_runtime::ContractError;

/// A layout that an output can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadFit {
    pub(crate) kind: FamilyKind,
    pub(crate) head: Head,
    /// The key points of a pose model.
    pub(crate) keypoints: Option<KeypointHead>,
}

/// What is known beside the outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) signature: &'a Signature,
    /// The configured family.
    pub(crate) family: Option<FamilyKind>,
    /// Width and height of the input, where there is only one.
    pub(crate) size: Option<(u32, u32)>,
    /// Classes that the model or the configuration names.
    pub(crate) classes: Option<usize>,
}

impl HeadFit {
    /// The one layout that fits.
    ///
    /// # Errors
    /// What was found, and what would have fitted.
    pub(crate) fn find(known: &Known<'_>) -> Result<Self, ContractError> {
        known.refuse_other_tasks()?;
        let fits = known.fits();
        let coco: Vec<_> = fits.iter().filter(|fit| fit.head.classes == COCO_CLASSES).collect();
        match (fits.as_slice(), coco.as_slice()) {
            ([only], _) => Ok(*only),
            (_, [only]) => Ok(**only),
            ([], _) => Err(known.misfit("no family fits the outputs")),
            _ => Err(known.misfit("more than one family fits the outputs")),
        }
    }
}

const COCO_CLASSES: usize = 80;

/// The layouts with the family that writes them, the likeliest first.
const LAYOUTS: [(Layout, FamilyKind); 4] = [
    (Layout::ClassMajor, FamilyKind::Yolo),
    (Layout::Objectness, FamilyKind::Yolo),
    (Layout::AnchorMajor, FamilyKind::Yolo),
    (Layout::Cells, FamilyKind::Yolox),
];

impl Known<'_> {
    fn fits(&self) -> Vec<HeadFit> {
        let outputs = self.signature.outputs.iter().enumerate();
        let tries = outputs.flat_map(|output| LAYOUTS.map(|(layout, kind)| (output, layout, kind)));
        tries.filter_map(|((index, port), layout, kind)| self.fit(index, port, layout, kind)).collect()
    }

    fn fit(&self, output: usize, port: &Port, layout: Layout, kind: FamilyKind) -> Option<HeadFit> {
        let [_, first, second] = port.dims.as_slice() else { return None };
        let (channels, anchors) =
            if layout == Layout::ClassMajor { (first.fixed()?, second) } else { (second.fixed()?, first) };
        let strides = self.strides(layout, anchors.fixed())?;
        let (classes, shape) = self.classes(channels, layout)?;
        let kind = self.allowed(if shape.is_some() { FamilyKind::YoloPose } else { kind })?;
        let first = layout.box_channels() + classes;
        let keypoints = shape.filter(|_| kind == FamilyKind::YoloPose).map(|shape| KeypointHead { first, shape });
        let is_number = matches!(port.element, ElementType::F32 | ElementType::F16);
        is_number.then_some(HeadFit { kind, head: Head { output, layout, classes, channels, strides }, keypoints })
    }

    /// The grids that give this number of anchors; the usual ones where the input or the output is dynamic.
    fn strides(&self, layout: Layout, anchors: Option<usize>) -> Option<Strides> {
        match (self.size, anchors) {
            (_, None) => Some(Strides::USUAL),
            // A fixed output of a dynamic input belongs to no grid.
            (None, Some(_)) => None,
            (Some(size), Some(anchors)) => {
                Strides::ALL.into_iter().find(|strides| strides.cells(size) * layout.anchors_per_cell() == anchors)
            }
        }
    }

    /// How many of the channels are classes, and which key points follow.
    fn classes(&self, channels: usize, layout: Layout) -> Option<(usize, Option<KeypointShape>)> {
        let after_box = channels.checked_sub(layout.box_channels()).filter(|classes| *classes > 0)?;
        if let Some(shape) = self.keypoint_shape(channels, layout) {
            let classes = after_box.checked_sub(shape.channels()).filter(|classes| *classes > 0);
            return classes.map(|classes| (classes, Some(shape)));
        }
        match self.classes {
            None => Some((after_box, None)),
            Some(named) if named == after_box || named + self.mask_channels() == after_box => Some((named, None)),
            Some(_) => None,
        }
    }

    /// The key points behind the classes: by the metadata, by the configured family, or by the 56 channels of a person with
    /// COCO's 17 points. Where only the channels tell, each point has three values.
    fn keypoint_shape(&self, channels: usize, layout: Layout) -> Option<KeypointShape> {
        if !matches!(layout, Layout::ClassMajor | Layout::AnchorMajor) {
            return None;
        }
        let written = self.signature.metadata.get("kpt_shape").and_then(|text| KeypointShape::parse(text));
        let person = channels.checked_sub(4 + 1).filter(|rest| *rest > 0 && rest.is_multiple_of(3));
        let configured = person.filter(|_| self.family == Some(FamilyKind::YoloPose));
        let coco = person.filter(|rest| *rest == 51 && self.classes.is_none_or(|classes| classes == 1));
        written.or(configured.or(coco).map(|values| KeypointShape { count: values / 3, values: 3 }))
    }

    /// Coefficients for each anchor in models that have masks as well: as many as there are mask prototypes
    /// `[batch, prototypes, height / 4, width / 4]`.
    fn mask_channels(&self) -> usize {
        let prototypes = self.signature.outputs.iter().find(|port| port.dims.len() == 4);
        prototypes.and_then(|port| port.dims[1].fixed()).unwrap_or(0)
    }

    /// The family under which a layout is taken, if it may be. A pose model configured as `yolo` gives its boxes.
    fn allowed(&self, kind: FamilyKind) -> Option<FamilyKind> {
        use FamilyKind::{Yolo, YoloPose, Yolox};
        match (self.family, kind) {
            (None, Yolox) if self.is_ultralytics() => None,
            (None, kind) => Some(kind),
            (Some(Yolo), YoloPose) => Some(Yolo),
            (Some(family), kind) => (family == kind).then_some(kind),
        }
    }

    /// Megvii's exports carry no metadata; ultralytics' say all of this, and are never undecoded.
    fn is_ultralytics(&self) -> bool {
        ["names", "stride", "task"].iter().any(|key| self.signature.metadata.contains_key(*key))
    }

    fn refuse_other_tasks(&self) -> Result<(), ContractError> {
        let task = self.signature.metadata.get("task").map(String::as_str);
        let end_to_end = self.signature.metadata.get("end2end").is_some_and(|value| value == "True");
        match task {
            Some(task @ ("classify" | "obb" | "semantic")) => Err(ContractError(format!(
                "the model was exported for the task `{task}`; a detector needs `detect`, `pose` or `segment`"
            ))),
            _ if end_to_end => Err(ContractError(
                "the model was exported with suppression inside; export it again with `nms=False, end2end=False`"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn misfit(&self, what: &str) -> ContractError {
        let outputs: Vec<String> = self.signature.outputs.iter().map(|port| format!("`{port}`")).collect();
        let size = self.size.map_or_else(|| "of dynamic size".to_owned(), |(w, h)| format!("of {w}×{h}"));
        let classes = self.classes.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
        ContractError(format!(
            "{what}. Found, for an input {size} and {classes} class names: {}. Expected one of: {}. Set `family` in the \
             model's configuration (and `labels` where the model names no classes), or export the model in one of these \
             layouts",
            outputs.join(", "),
            self.expectations().join("; ")
        ))
    }

    fn expectations(&self) -> Vec<String> {
        let count = |per_cell: usize| match self.size {
            Some(size) => (Strides::USUAL.cells(size) * per_cell).to_string(),
            None => "anchors".to_owned(),
        };
        let classes = self.classes.map_or_else(|| "classes".to_owned(), |classes| classes.to_string());
        vec![
            format!("yolo (v8, v11) [batch, 4 + {classes}, {}] or transposed", count(1)),
            format!("yolo (v5) [batch, {}, 5 + {classes}]", count(3)),
            format!("yolox [batch, {}, 5 + {classes}]", count(1)),
            format!("yolo-pose [batch, 4 + 1 + 3 × points, {}]", count(1)),
            format!("segmentation [batch, {classes}, height, width]"),
        ]
    }
}
