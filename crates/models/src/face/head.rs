//! YuNet's outputs: for each of three strides a score of being a face, one of being an object, a box and five points for every cell.
//!
//! Paper: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023. The arithmetic is that of OpenCV's `FaceDetectorYN`.

use crate::candidate::{Candidate, Candidates};
use crate::face::Landmarks;
use crate::floats::floats;
use samovar_engine_api::{Dim, ElementType, Port, Signature, TensorRef};
use samovar_media::Letterbox;
use samovar_runtime::{ContractError, TaskError};
use std::borrow::Cow;

/// The outputs of all strides, finest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaceHead {
    levels: Vec<Level>,
}

/// The outputs of one stride, by their index in the signature: each `[batch, cells, values]`, cells row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    stride: u32,
    /// How sure it is that there is a face: one value.
    class: usize,
    /// How sure it is that there is anything: one value.
    object: usize,
    /// Centre (x, y) from the cell's corner and logarithms of width and height, in strides: four values.
    bbox: usize,
    /// Five points (x, y) from the cell's corner, in strides: ten values.
    points: usize,
}

/// Input pixels for each cell of a level.
const STRIDES: [u32; 3] = [8, 16, 32];

/// Both sides of the input are multiples of it.
pub(crate) const COARSEST: u32 = 32;

/// Candidates that go into suppression at most: `top_k` of `cv2.FaceDetectorYN`.
const CANDIDATES_MAX: usize = 5_000;

/// Gives the row of an output, by the output's index in the signature.
pub(crate) type Outputs<'a, 'f> = &'f dyn Fn(usize) -> Result<TensorRef<'a>, TaskError>;

impl FaceHead {
    /// Reads the signature's outputs by their names: `cls_8`, `obj_8`, `bbox_8`, `kps_8`, and so for 16 and 32. `size` is the
    /// (width, height) of the input, where it is fixed.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn find(signature: &Signature, size: Option<(u32, u32)>) -> Result<Self, ContractError> {
        let level = |stride: u32| {
            let output =
                |name: &str, values| output(signature, &format!("{name}_{stride}"), (cells(size, stride), values));
            let (class, object) = (output("cls", 1)?, output("obj", 1)?);
            Ok(Level { stride, class, object, bbox: output("bbox", 4)?, points: output("kps", 10)? })
        };
        Ok(Self { levels: STRIDES.into_iter().map(level).collect::<Result<_, _>>()? })
    }

    /// Collects every cell that scores above `score_min`, best first. `size` is the (width, height) of the input.
    ///
    /// # Errors
    /// Outputs that do not fit the input, and such without a single number.
    pub(crate) fn collect(
        &self,
        outputs: Outputs<'_, '_>,
        size: (u32, u32),
        score_min: f32,
        found: &mut Candidates,
    ) -> Result<(), TaskError> {
        found.clear();
        let mut first = 0;
        for level in &self.levels {
            let values = Values::read(level, outputs, size)?;
            for cell in 0..values.cells {
                let score = values.score(cell);
                // What is no number goes on: it is counted where it is refused.
                if score > score_min || !score.is_finite() {
                    let bbox = values.bbox(cell);
                    found.push(Candidate { anchor: (first + cell) as u32, class: 0, score, bbox });
                }
            }
            first += values.cells;
        }
        if found.not_finite as usize >= first {
            return Err(TaskError::internal("the model gave no score that is a number"));
        }
        found.sort();
        found.items.truncate(CANDIDATES_MAX);
        Ok(())
    }

    /// The five points of one candidate, in pixels of the picture; none where one is not a finite number.
    ///
    /// # Errors
    /// Outputs that do not fit the input.
    pub(crate) fn landmarks(
        &self,
        outputs: Outputs<'_, '_>,
        letterbox: &Letterbox,
        anchor: u32,
    ) -> Result<Option<Landmarks>, TaskError> {
        let mut cell = anchor as usize;
        for level in &self.levels {
            let values = Values::read(level, outputs, letterbox.target)?;
            if cell < values.cells {
                let points = values.points(cell).map(|(x, y)| letterbox.to_source(x, y));
                let finite = points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
                return Ok(finite.then_some(points));
            }
            cell -= values.cells;
        }
        Err(TaskError::internal("a face was found outside the model's outputs"))
    }

    /// Whether every value of every output is a finite number.
    ///
    /// # Errors
    /// Outputs that are not there.
    pub(crate) fn all_finite(&self, outputs: Outputs<'_, '_>, size: (u32, u32)) -> Result<bool, TaskError> {
        for level in &self.levels {
            let Values { class, object, bbox, points, .. } = Values::read(level, outputs, size)?;
            if [class, object, bbox, points].iter().any(|values| values.iter().any(|value| !value.is_finite())) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The outputs of one level for one row.
struct Values<'a> {
    stride: f32,
    columns: usize,
    cells: usize,
    class: Cow<'a, [f32]>,
    object: Cow<'a, [f32]>,
    bbox: Cow<'a, [f32]>,
    points: Cow<'a, [f32]>,
}

impl<'a> Values<'a> {
    fn read(level: &Level, outputs: Outputs<'a, '_>, size: (u32, u32)) -> Result<Self, TaskError> {
        let columns = (size.0 / level.stride) as usize;
        let cells = columns * (size.1 / level.stride) as usize;
        let of = |output: usize, values: usize| {
            let row = floats(&outputs(output)?)?;
            let fits = row.len() == cells * values;
            fits.then_some(row)
                .ok_or_else(|| TaskError::internal("the model gave an output that does not fit its input"))
        };
        Ok(Self {
            stride: level.stride as f32,
            columns,
            cells,
            class: of(level.class, 1)?,
            object: of(level.object, 1)?,
            bbox: of(level.bbox, 4)?,
            points: of(level.points, 10)?,
        })
    }

    fn score(&self, cell: usize) -> f32 {
        (self.class[cell].clamp(0.0, 1.0) * self.object[cell].clamp(0.0, 1.0)).sqrt()
    }

    /// Left, top, right, bottom in pixels of the input.
    fn bbox(&self, cell: usize) -> [f32; 4] {
        let (column, row) = self.corner(cell);
        let [x, y, width, height] = [0, 1, 2, 3].map(|value| self.bbox[cell * 4 + value]);
        let (x, y) = ((column + x) * self.stride, (row + y) * self.stride);
        let (width, height) = (width.exp() * self.stride, height.exp() * self.stride);
        [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0]
    }

    /// In pixels of the input.
    fn points(&self, cell: usize) -> Landmarks {
        let (column, row) = self.corner(cell);
        let point = |index: usize| {
            let at = cell * 10 + 2 * index;
            ((self.points[at] + column) * self.stride, (self.points[at + 1] + row) * self.stride)
        };
        [0, 1, 2, 3, 4].map(point)
    }

    fn corner(&self, cell: usize) -> (f32, f32) {
        ((cell % self.columns) as f32, (cell / self.columns) as f32)
    }
}

/// Cells of one level, where the input's size is fixed.
fn cells(size: Option<(u32, u32)>, stride: u32) -> Option<usize> {
    size.map(|(width, height)| (width / stride) as usize * (height / stride) as usize)
}

/// The output of that name, `[batch, cells, values]`.
fn output(signature: &Signature, name: &str, shape: (Option<usize>, usize)) -> Result<usize, ContractError> {
    let fits = |port: &Port| port.name == name && is_level(port, shape);
    signature.outputs.iter().position(fits).ok_or_else(|| misfit(signature, name))
}

fn is_level(port: &Port, (cells, values): (Option<usize>, usize)) -> bool {
    let [_, found, last] = port.dims.as_slice() else { return false };
    let same = |dim: &Dim, wanted: Option<usize>| dim.fixed().is_none() || wanted.is_none() || dim.fixed() == wanted;
    matches!(port.element, ElementType::F32 | ElementType::F16) && last.fixed() == Some(values) && same(found, cells)
}

fn misfit(signature: &Signature, missing: &str) -> ContractError {
    let outputs: Vec<String> = signature.outputs.iter().map(|port| format!("`{port}`")).collect();
    ContractError(format!(
        "the model is no YuNet: the output `{missing}` is missing or does not fit the input. Found outputs {}. Expected `cls_S` and `obj_S` \
         [batch, cells, 1], `bbox_S` [batch, cells, 4] and `kps_S` [batch, cells, 10] for the strides S of 8, 16 and 32",
        outputs.join(", ")
    ))
}
