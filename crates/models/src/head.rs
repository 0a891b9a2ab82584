//! Where a detector's output holds boxes and scores, and the way from there to candidates. The output is read in place.
//!
//! Layouts are those of the exporters: ultralytics v8 and v11 `[4 + classes, anchors]`, v5 `[anchors, 5 + classes]`, and
//! Megvii's YOLOX `[cells, 5 + classes]`, whose boxes are relative to their cell.

use crate::candidate::{Candidate, Candidates};
use crate::grid::Strides;
use half::f16;
use half::slice::HalfFloatSliceExt;
use samovar_engine_api::{Element, ElementType, TensorRef};
use samovar_runtime::TaskError;

/// One output of a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Index of the output.
    pub(crate) output: usize,
    pub(crate) layout: Layout,
    pub(crate) classes: usize,
    /// Values for each anchor: box, objectness where there is one, classes, and what other families read behind them.
    pub(crate) channels: usize,
    pub(crate) strides: Strides,
}

/// How the values of an output lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `[4 + classes, anchors]`: centre, size in input pixels, class scores. v8, v11.
    ClassMajor,
    /// The same, transposed: `[anchors, 4 + classes]`.
    AnchorMajor,
    /// `[anchors, 5 + classes]`: centre, size in input pixels, objectness, class scores; three anchors a cell. v5.
    Objectness,
    /// `[cells, 5 + classes]`: offset and logarithm of the size in cells, objectness, class scores. YOLOX.
    Cells,
}

/// What is looked for in an output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    /// Width and height of the model's input, in pixels.
    pub(crate) size: (u32, u32),
    /// Scores must be above it.
    pub(crate) score_min: f32,
    /// Classes to report; none means all.
    pub(crate) classes: Option<&'a [u32]>,
}

impl Layout {
    /// Values before the class scores.
    pub(crate) const fn box_channels(self) -> usize {
        match self {
            Self::ClassMajor | Self::AnchorMajor => 4,
            Self::Objectness | Self::Cells => 5,
        }
    }

    /// Anchors for each cell of the grids.
    pub(crate) const fn anchors_per_cell(self) -> usize {
        if matches!(self, Self::Objectness) { 3 } else { 1 }
    }
}

impl Head {
    /// Collects what scores above the threshold, sorted, best first. `row` is one row of the output.
    ///
    /// # Errors
    /// An output of another shape or element type, or one without a single finite score.
    pub(crate) fn collect(
        &self,
        row: &TensorRef<'_>,
        query: &Query<'_>,
        found: &mut Candidates,
    ) -> Result<(), TaskError> {
        found.clear();
        if query.classes.is_some_and(|classes| classes.iter().all(|&class| class as usize >= self.classes)) {
            return Ok(());
        }
        match row.element() {
            ElementType::F16 => self.scan::<f16>(row, query, found)?,
            _ => self.scan::<f32>(row, query, found)?,
        }
        found.sort();
        Ok(())
    }

    fn scan<T: Value>(&self, row: &TensorRef<'_>, query: &Query<'_>, found: &mut Candidates) -> Result<(), TaskError> {
        let anchors = self.anchors(row.shape(), query.size)?;
        let values = Values { data: row.as_slice::<T>()?, anchors, head: self };
        match self.layout {
            Layout::ClassMajor => values.scan_blocks(query, found),
            Layout::AnchorMajor => values.scan_rows(query, found, |row| (T::ONE, &row[4..4 + self.classes])),
            Layout::Objectness | Layout::Cells => {
                values.scan_rows(query, found, |row| (row[4], &row[5..5 + self.classes]));
            }
        }
        if found.not_finite as usize == anchors { Err(no_numbers()) } else { Ok(()) }
    }

    /// The values of single anchors, for those who read behind the classes. `row` is one row of the output.
    ///
    /// # Errors
    /// An output of another shape or element type.
    pub(crate) fn anchor_values<'a>(
        &'a self,
        row: &TensorRef<'a>,
        size: (u32, u32),
    ) -> Result<AnchorValues<'a>, TaskError> {
        let anchors = self.anchors(row.shape(), size)?;
        Ok(match row.element() {
            ElementType::F16 => AnchorValues::F16(Values { data: row.as_slice()?, anchors, head: self }),
            _ => AnchorValues::F32(Values { data: row.as_slice()?, anchors, head: self }),
        })
    }

    fn anchors(&self, shape: &[usize], size: (u32, u32)) -> Result<usize, TaskError> {
        let &[first, second] = shape else { return Err(other_shape(shape)) };
        let (channels, anchors) = if self.layout == Layout::ClassMajor { (first, second) } else { (second, first) };
        let expected = self.strides.cells(size) * self.layout.anchors_per_cell();
        if (channels, anchors) == (self.channels, expected) { Ok(anchors) } else { Err(other_shape(shape)) }
    }
}

/// One row of an output, whatever its numbers are.
pub(crate) enum AnchorValues<'a> {
    F32(Values<'a, f32>),
    F16(Values<'a, f16>),
}

impl AnchorValues<'_> {
    /// One value of one anchor.
    pub(crate) fn at(&self, anchor: usize, channel: usize) -> f32 {
        match self {
            Self::F32(values) => values.at(anchor, channel),
            Self::F16(values) => values.at(anchor, channel),
        }
    }
}

/// One row of an output as numbers.
pub(crate) struct Values<'a, T> {
    data: &'a [T],
    anchors: usize,
    head: &'a Head,
}

/// Anchors whose best scores are held at a time: few enough for the first-level cache, enough for the prefetcher to follow
/// each row (512 took 1.4 times as long).
const BLOCK: usize = 2_048;

impl<T: Value> Values<'_, T> {
    /// Class-major: the best score of a block of anchors is found class by class, which the compiler turns into vector
    /// maxima; only anchors above the threshold are looked at again for their class and box.
    fn scan_blocks(&self, query: &Query<'_>, found: &mut Candidates) {
        let mut best = [0.0_f32; BLOCK];
        for start in (0..self.anchors).step_by(BLOCK) {
            let best = &mut best[..BLOCK.min(self.anchors - start)];
            best.fill(f32::NEG_INFINITY);
            self.for_each_class(query.classes, |class| {
                let scores = &self.data[(4 + class) * self.anchors + start..][..best.len()];
                T::raise(best, scores);
            });
            for (offset, &score) in best.iter().enumerate() {
                if !score.is_finite() {
                    found.not_finite = found.not_finite.saturating_add(1);
                } else if score > query.score_min {
                    self.push(start + offset, self.best_class(start + offset), query, found);
                }
            }
        }
    }

    fn for_each_class(&self, classes: Option<&[u32]>, mut each: impl FnMut(usize)) {
        match classes {
            None => (0..self.head.classes).for_each(each),
            Some(classes) => {
                classes
                    .iter()
                    .map(|&class| class as usize)
                    .filter(|&class| class < self.head.classes)
                    .for_each(&mut each);
            }
        }
    }

    fn best_class(&self, anchor: usize) -> (usize, f32) {
        best_of((0..self.head.classes).map(|class| self.at(anchor, 4 + class)))
    }

    /// Anchor-major: `split` gives the objectness and the class scores of one anchor's values.
    fn scan_rows<'b>(&'b self, query: &Query<'_>, found: &mut Candidates, split: impl Fn(&'b [T]) -> (T, &'b [T])) {
        for (anchor, row) in self.data.chunks_exact(self.head.channels).enumerate() {
            let (objectness, classes) = split(row);
            let objectness = objectness.number();
            // Class scores are at most 1, so what is not above the threshold here cannot be above it below.
            if objectness <= query.score_min {
                continue;
            }
            let (class, score) = best_of(classes.iter().map(|score| score.number()));
            let score = objectness * score;
            // A score that is not a number goes on: it is counted where it is refused.
            if score > query.score_min || !score.is_finite() {
                self.push(anchor, (class, score), query, found);
            }
        }
    }

    fn push(&self, anchor: usize, (class, score): (usize, f32), query: &Query<'_>, found: &mut Candidates) {
        let class = class as u32;
        if !score.is_finite() || query.classes.is_none_or(|classes| classes.contains(&class)) {
            let bbox = self.bbox(anchor, query.size);
            found.push(Candidate { anchor: anchor as u32, class, score, bbox });
        }
    }

    fn bbox(&self, anchor: usize, size: (u32, u32)) -> [f32; 4] {
        let [x, y, width, height] = [0, 1, 2, 3].map(|channel| self.at(anchor, channel));
        match (self.head.layout, self.head.strides.cell(anchor, size)) {
            (Layout::Cells, Some(cell)) => around(
                (x + cell.column) * cell.stride,
                (y + cell.row) * cell.stride,
                width.exp() * cell.stride,
                height.exp() * cell.stride,
            ),
            _ => around(x, y, width, height),
        }
    }

    fn at(&self, anchor: usize, channel: usize) -> f32 {
        let index = match self.head.layout {
            Layout::ClassMajor => channel * self.anchors + anchor,
            _ => anchor * self.head.channels + channel,
        };
        self.data[index].number()
    }
}

/// A floating-point type that outputs come in.
pub(crate) trait Value: Element {
    const ONE: Self;

    fn number(self) -> f32;

    /// Raises each of `best` to the score at its place; scores that are not numbers leave it as it is.
    fn raise(best: &mut [f32], scores: &[Self]);
}

impl Value for f32 {
    const ONE: Self = 1.0;

    fn number(self) -> f32 {
        self
    }

    fn raise(best: &mut [f32], scores: &[Self]) {
        for (best, &score) in best.iter_mut().zip(scores) {
            // Not `f32::max`: this form is one vector instruction, and false where the score is not a number.
            *best = if score > *best { score } else { *best };
        }
    }
}

impl Value for f16 {
    const ONE: Self = Self::ONE;

    fn number(self) -> f32 {
        self.to_f32()
    }

    fn raise(best: &mut [f32], scores: &[Self]) {
        let mut numbers = [0.0_f32; BLOCK];
        let numbers = &mut numbers[..scores.len()];
        scores.convert_to_f32_slice(numbers);
        f32::raise(best, numbers);
    }
}

/// The highest score and the first class that has it; negative infinity where no score is a number.
fn best_of(scores: impl Iterator<Item = f32>) -> (usize, f32) {
    let start = (0, f32::NEG_INFINITY);
    scores.enumerate().fold(start, |best, (class, score)| if score > best.1 { (class, score) } else { best })
}

fn around(x: f32, y: f32, width: f32, height: f32) -> [f32; 4] {
    let (half_width, half_height) = (width / 2.0, height / 2.0);
    [x - half_width, y - half_height, x + half_width, y + half_height]
}

fn other_shape(shape: &[usize]) -> TaskError {
    TaskError::internal(format!("the model gave an output of shape {shape:?}, which does not fit its input"))
}

fn no_numbers() -> TaskError {
    TaskError::internal("the model gave no score that is a number")
}

#[cfg(test)]
mod tests;
