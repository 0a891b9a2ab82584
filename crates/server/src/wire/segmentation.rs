//! Class maps as JSON: areas, and the map itself in the form that was asked for.

use super::TimingsBody;
use crate::error::{ApiError, Refusal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samovar_media::{CLASS_PALETTE, encode_palette_png};
use samovar_models::{ClassMap, MapSize, Polygon};
use samovar_runtime::Completed;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// What was seen in one picture, by what, and where the time went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SegmentAnswer {
    /// The mode, where it was chosen by mode; otherwise the model's name.
    #[schema(value_type = String, example = "balanced")]
    pub(crate) mode: Arc<str>,
    /// The model's configured name.
    #[schema(value_type = String, example = "segment-balanced")]
    pub(crate) model: Arc<str>,
    /// Which loaded copy of the model answered; it counts up with each load.
    #[schema(example = 1)]
    pub(crate) generation: u64,
    /// The version of the model's folder, where it has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// The engine that ran it.
    #[schema(example = "rten")]
    pub(crate) engine: &'static str,
    /// The arithmetic it ran in.
    #[schema(example = "f32")]
    pub(crate) precision: &'static str,
    /// Width of the map in pixels: the picture's, unless the model's own size was asked for.
    #[schema(example = 640)]
    pub(crate) width: u32,
    /// Height of the map in pixels.
    #[schema(example = 360)]
    pub(crate) height: u32,
    /// The classes that are there, largest first.
    pub(crate) areas: Vec<AreaBody>,
    /// The class of every pixel; left out with `mask=none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mask: Option<MaskBody>,
    /// Places at which the model gave no number; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) not_finite: u32,
    /// Where the time went.
    pub(crate) timings: TimingsBody,
}

/// How much of the picture a class has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AreaBody {
    /// Index of the class in the model.
    #[schema(example = 1)]
    pub(crate) class_id: u8,
    /// Name of the class.
    #[schema(value_type = String, example = "road")]
    pub(crate) label: Arc<str>,
    /// Share of the pixels, 0–1.
    #[schema(example = 0.31)]
    pub(crate) share: f32,
}

/// The class of every pixel. `form` tells how.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "form", rename_all = "snake_case")]
pub(crate) enum MaskBody {
    /// Run lengths, row by row from the top left, going on from one row into the next.
    Rle {
        /// Class, length, class, length …; the lengths sum to width × height.
        #[schema(example = json!([0, 12, 1, 300, 0, 8]))]
        runs: Vec<u32>,
    },
    /// A polygon for each connected region.
    Polygons {
        /// By the position of their first pixel.
        polygons: Vec<PolygonBody>,
    },
    /// A PNG whose pixels are class indices, with a palette to look at.
    Png {
        /// Base64 (RFC 4648 §4).
        data: String,
    },
}

/// A connected region. Rings are closed; coordinates are corners of pixels, `[0, 0]` the top left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolygonBody {
    /// Index of the class in the model.
    class_id: u8,
    /// The outer ring, clockwise: `[x, y]` each.
    outer: Vec<[u32; 2]>,
    /// What is cut out of it, anticlockwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holes: Vec<Vec<[u32; 2]>>,
}

/// The form of a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MaskForm {
    /// Run lengths.
    #[default]
    Rle,
    /// A polygon for each connected region.
    Polygons,
    /// A PNG with a palette.
    Png,
    /// No mask, areas alone.
    None,
}

/// The size of a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MapSizeName {
    /// The picture's own size.
    #[default]
    Source,
    /// The size of what the model puts out, which is smaller.
    Model,
}

/// The mask that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaskRequest {
    pub(crate) form: MaskForm,
    /// How far a ring may leave the edges of pixels, in pixels.
    pub(crate) simplify_px: f32,
    /// The longest that it may be as text. What is far beyond it is not even made; the text itself is for the caller to look at.
    pub(crate) bytes_max: usize,
}

impl SegmentAnswer {
    /// The answer to a picture that took `total` from its arrival on. Works on every pixel: not for a thread that others wait for.
    ///
    /// # Errors
    /// `mask_too_large`.
    pub(crate) fn new(
        mode: Arc<str>,
        completed: &Completed<ClassMap>,
        total: Duration,
        mask: MaskRequest,
    ) -> Result<Self, ApiError> {
        let Completed { output: map, timings, generation } = completed;
        Ok(Self {
            mode,
            model: Arc::clone(&generation.name),
            generation: generation.number,
            version: generation.version,
            engine: generation.engine,
            precision: generation.precision.name(),
            width: map.width,
            height: map.height,
            areas: areas(map),
            mask: MaskBody::new(map, mask)?,
            not_finite: map.not_finite,
            timings: TimingsBody::new(timings, total),
        })
    }
}

impl MaskBody {
    fn new(map: &ClassMap, request: MaskRequest) -> Result<Option<Self>, ApiError> {
        Ok(Some(match request.form {
            MaskForm::Rle => Self::rle(map, request.bytes_max)?,
            MaskForm::Polygons => {
                let polygons = map.polygons(request.simplify_px).ok_or_else(mask_too_large)?;
                Self::Polygons { polygons: polygons.into_iter().map(PolygonBody::from).collect() }
            }
            MaskForm::Png => Self::Png { data: STANDARD.encode(palette_png(map)?) },
            MaskForm::None => return Ok(None),
        }))
    }

    fn rle(map: &ClassMap, bytes_max: usize) -> Result<Self, ApiError> {
        /// `0,1,`
        const RUN_BYTES_MIN: usize = 4;
        let mut runs = Vec::new();
        for run in map.runs() {
            if runs.len() / 2 >= bytes_max / RUN_BYTES_MIN {
                return Err(mask_too_large());
            }
            runs.extend([u32::from(run.class), run.length]);
        }
        Ok(Self::Rle { runs })
    }
}

/// The mask is not told, for its length.
pub(crate) fn mask_too_large() -> ApiError {
    ApiError::new(Refusal::MaskSize, "the mask in this form is larger than an answer may be")
}

/// A class map as a PNG of indices with the colours of PASCAL VOC.
pub(crate) fn palette_png(map: &ClassMap) -> Result<Vec<u8>, ApiError> {
    // Colours that no class has would only make the small maps of a stream larger.
    let palette = &CLASS_PALETTE[..map.labels.len().min(CLASS_PALETTE.len())];
    Ok(encode_palette_png(map.width, map.height, &map.classes, palette)?)
}

impl From<Polygon> for PolygonBody {
    fn from(polygon: Polygon) -> Self {
        Self { class_id: polygon.class, outer: polygon.outer, holes: polygon.holes }
    }
}

impl From<MapSizeName> for MapSize {
    fn from(name: MapSizeName) -> Self {
        match name {
            MapSizeName::Source => Self::Source,
            MapSizeName::Model => Self::Model,
        }
    }
}

impl From<MapSize> for MapSizeName {
    fn from(size: MapSize) -> Self {
        match size {
            MapSize::Source => Self::Source,
            MapSize::Model => Self::Model,
        }
    }
}

/// Largest first; classes without a pixel are left out.
fn areas(map: &ClassMap) -> Vec<AreaBody> {
    let shares = (0..=u8::MAX).zip(map.areas()).filter(|(_, share)| *share > 0.0);
    let mut areas: Vec<_> =
        shares.map(|(class_id, share)| AreaBody { class_id, label: map.labels.name(class_id.into()), share }).collect();
    areas.sort_by(|a, b| b.share.total_cmp(&a.share));
    areas
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_models::Labels;

    fn map() -> ClassMap {
        let labels = Labels::new(&["ground", "water", "sky"]);
        ClassMap { width: 3, height: 2, classes: vec![2, 2, 0, 2, 2, 0], labels, not_finite: 0 }
    }

    fn mask(form: MaskForm) -> serde_json::Value {
        let request = MaskRequest { form, simplify_px: 0.0, bytes_max: 1_000 };
        serde_json::to_value(MaskBody::new(&map(), request).unwrap()).unwrap()
    }

    #[test]
    fn areas_are_of_the_classes_that_are_there_largest_first() {
        let areas = serde_json::to_value(areas(&map())).unwrap();
        assert_eq!((&areas[0]["label"], &areas[0]["class_id"]), (&"sky".into(), &2.into()));
        assert_eq!((areas.as_array().unwrap().len(), &areas[1]["label"]), (2, &"ground".into()));
    }

    #[test]
    fn every_form_of_mask_says_which_it_is() {
        assert_eq!(mask(MaskForm::Rle), serde_json::json!({"form": "rle", "runs": [2, 2, 0, 1, 2, 2, 0, 1]}));
        let polygons = mask(MaskForm::Polygons);
        assert_eq!((&polygons["form"], polygons["polygons"].as_array().unwrap().len()), (&"polygons".into(), 2));
        assert_eq!(polygons["polygons"][0]["outer"], serde_json::json!([[0, 0], [2, 0], [2, 2], [0, 2]]));
        let png = mask(MaskForm::Png);
        assert!(STANDARD.decode(png["data"].as_str().unwrap()).unwrap().starts_with(b"\x89PNG"));
        assert!(mask(MaskForm::None).is_null());
    }

    #[test]
    fn what_is_far_too_large_is_not_made() {
        let code = |form, bytes_max| {
            let request = MaskRequest { form, simplify_px: 0.0, bytes_max };
            MaskBody::new(&map(), request).map(drop).map_err(|error| error.code())
        };
        assert_eq!((code(MaskForm::Rle, 16), code(MaskForm::Rle, 15)), (Ok(()), Err("mask_too_large")));
        let checkers = (0..600 * 600).map(|at| ((at / 600 + at % 600) % 2) as u8).collect();
        let noise = ClassMap { width: 600, height: 600, classes: checkers, ..map() };
        let request = MaskRequest { form: MaskForm::Polygons, simplify_px: 100.0, bytes_max: 1_000 };
        assert_eq!(MaskBody::new(&noise, request).unwrap_err().code(), "mask_too_large");
    }
}
