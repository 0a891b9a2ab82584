//! One JSON document as COCO has it, written as it goes: the journals are read once for the images and once for the annotations, so that
//! neither is ever held.

use super::frames::Frames;
use super::jsonl::write_json;
use crate::{DetectionRecord, FrameRecord, JournalHeader, RecordedError};
use serde::Serialize;
use std::io::Write;
use std::path::Path;

#[derive(Serialize)]
struct Image<'a> {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    video: &'a str,
    frame: u64,
    timestamp_ms: f64,
}

#[derive(Serialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: u64,
    bbox: [f32; 4],
    area: f32,
    iscrowd: u8,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_id: Option<u64>,
}

#[derive(Serialize)]
struct Category<'a> {
    id: u64,
    name: &'a str,
    supercategory: &'a str,
}

/// The names of all classes, in the order of their categories, which count from 1.
#[derive(Debug, Default)]
struct Categories(Vec<String>);

/// A list in the document, with commas where they belong.
struct List<'a, W> {
    out: &'a mut W,
    count: u64,
}

/// Writes the document.
pub(super) fn write(frames: &Frames<'_>, out: &mut impl Write) -> Result<(), RecordedError> {
    let mut categories = Categories::default();
    frames.headers().try_for_each(|header| header.map(|header| categories.add_model(&header)))?;
    raw(out, concat!(r#"{"info":{"description":"objects found by Samovar","version":""#, env!("CARGO_PKG_VERSION")))?;
    raw(out, r#""},"licenses":[],"images":["#)?;
    let mut images = List { out, count: 0 };
    frames.untracked().each(|header, record| images.add(|id| image(id, header, record)))?;
    raw(out, r#"],"annotations":["#)?;
    let mut image_id = 0;
    let mut annotations = List { out, count: 0 };
    frames.each(|_, record| {
        image_id += 1;
        let mut found = record.detections.iter();
        found.try_for_each(|found| {
            let category_id = categories.id(found.class_id as usize, &found.label);
            annotations.add(|id| annotation((id, image_id, category_id), found))
        })
    })?;
    raw(out, r#"],"categories":["#)?;
    let mut list = List { out, count: 0 };
    categories.0.iter().try_for_each(|name| list.add(|id| Category { id, name, supercategory: "" }))?;
    raw(out, "]}\n")
}

fn image<'a>(id: u64, header: &'a JournalHeader, record: &FrameRecord) -> Image<'a> {
    Image {
        id,
        file_name: file_name(&header.input, record.frame),
        width: record.image.width,
        height: record.image.height,
        video: &header.input,
        frame: record.frame,
        timestamp_ms: record.timestamp_ms,
    }
}

fn annotation((id, image_id, category_id): (u64, u64, u64), found: &DetectionRecord) -> Annotation {
    let [x1, y1, x2, y2] = found.corners;
    let (width, height) = (x2 - x1, y2 - y1);
    Annotation {
        id,
        image_id,
        category_id,
        bbox: [x1, y1, width, height],
        area: width * height,
        iscrowd: 0,
        score: found.score,
        track_id: found.track,
    }
}

/// What the frame's picture would be called were it taken out of the video: `street/000012.jpg`.
fn file_name(input: &str, frame: u64) -> String {
    let stem = Path::new(input).with_extension("");
    format!("{}/{frame:06}.jpg", stem.display())
}

impl Categories {
    /// Makes sure that every class of a model has a category.
    fn add_model(&mut self, header: &JournalHeader) {
        if self.0.is_empty() {
            self.0.clone_from(&header.labels);
        }
        for (class, label) in header.labels.iter().enumerate() {
            self.id(class, label);
        }
    }

    /// The class's own place where that has its name, as in every journal of the first model; else the place of its name.
    fn id(&mut self, class: usize, label: &str) -> u64 {
        if self.0.get(class).is_some_and(|name| name == label) { class as u64 + 1 } else { self.id_of(label) }
    }

    fn id_of(&mut self, name: &str) -> u64 {
        let place = self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        });
        place as u64 + 1
    }
}

impl<W: Write> List<'_, W> {
    /// Adds what `make` makes of its number, which counts from 1.
    fn add<T: Serialize>(&mut self, make: impl FnOnce(u64) -> T) -> Result<(), RecordedError> {
        raw(self.out, if self.count == 0 { "\n" } else { ",\n" })?;
        self.count += 1;
        write_json(self.out, &make(self.count))
    }
}

fn raw(out: &mut impl Write, text: &str) -> Result<(), RecordedError> {
    out.write_all(text.as_bytes()).map_err(|error| RecordedError::output(&error))
}
