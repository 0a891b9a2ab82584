//! The names of a model's classes.

use crate::names_text::{numbered, parse_names};
use samovar_engine_api::Signature;
use std::sync::Arc;

/// Class names by index. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(Arc<[Arc<str>]>);

impl Labels {
    /// Names in the order of the classes.
    pub fn new<S: AsRef<str>>(names: &[S]) -> Self {
        Self(names.iter().map(|name| Arc::from(name.as_ref())).collect())
    }

    /// The 80 classes of COCO in the order that detectors are trained in.
    pub fn coco() -> Self {
        Self::new(&COCO)
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a class; `class_N` for one that has none.
    pub fn name(&self, class: u32) -> Arc<str> {
        let known = usize::try_from(class).ok().and_then(|class| self.0.get(class));
        known.map_or_else(|| numbered(class as usize).into(), Arc::clone)
    }

    /// The class of that name.
    pub fn class(&self, name: &str) -> Option<u32> {
        self.0.iter().position(|label| &**label == name).and_then(|class| u32::try_from(class).ok())
    }

    /// All names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|label| &**label)
    }

    /// What the exporter wrote into the file: ultralytics as `names`, others as `classes`.
    pub fn from_metadata(signature: &Signature) -> Option<Self> {
        let mut texts = ["names", "classes"].into_iter().filter_map(|key| signature.metadata.get(key));
        texts.find_map(|text| parse_names(text)).map(|names| Self::new(&names))
    }

    /// Names for `classes` classes where the model says none: COCO's for 80, `person` for one (pose), numbers otherwise.
    pub(crate) fn assumed(classes: usize) -> Self {
        if classes == COCO.len() {
            return Self::coco();
        }
        Self::numbered(classes)
    }

    /// `class_0`, `class_1` …
    pub(crate) fn numbered(classes: usize) -> Self {
        let names: Vec<String> = (0..classes).map(numbered).collect();
        Self::new(&names)
    }
}

const COCO: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_classes_find_each_other() {
        let labels = Labels::coco();
        assert_eq!((labels.len(), &*labels.name(5)), (80, "bus"));
        assert_eq!(labels.class("toothbrush"), Some(79));
        assert_eq!(labels.class("samovar"), None);
        assert_eq!(&*labels.name(80), "class_80");
    }

    #[test]
    fn without_names_classes_are_coco_or_numbered() {
        assert_eq!(Labels::assumed(80), Labels::coco());
        assert_eq!(Labels::assumed(2).iter().collect::<Vec<_>>(), ["class_0", "class_1"]);
    }
}
