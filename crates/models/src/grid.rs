//! The cells that a YOLO model predicts for: one grid per stride, row by row, finest first.

/// The strides of one model, finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strides(pub(crate) &'static [u32]);

impl Strides {
    /// 8, 16, 32: what almost every model has.
    pub(crate) const USUAL: Self = Self(&[8, 16, 32]);
    /// The strides of models with a finer or a coarser head as well (`-p2`, `-p6`), after the usual ones.
    pub(crate) const ALL: [Self; 3] = [Self::USUAL, Self(&[8, 16, 32, 64]), Self(&[4, 8, 16, 32])];

    /// Cells of all grids over an input of (width, height).
    pub(crate) fn cells(self, (width, height): (u32, u32)) -> usize {
        self.0.iter().map(|stride| (width / stride) as usize * (height / stride) as usize).sum()
    }

    /// The cell of that index: column, row and stride in pixels. None behind the last one.
    pub(crate) fn cell(self, index: usize, (width, height): (u32, u32)) -> Option<Cell> {
        let mut index = index;
        for &stride in self.0 {
            let (columns, rows) = ((width / stride) as usize, (height / stride) as usize);
            if index < columns * rows {
                return Some(Cell {
                    column: (index % columns) as f32,
                    row: (index / columns) as f32,
                    stride: stride as f32,
                });
            }
            index -= columns * rows;
        }
        None
    }
}

/// One cell of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) column: f32,
    pub(crate) row: f32,
    /// Side of the cell, in pixels of the model's input.
    pub(crate) stride: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_as_the_models_do() {
        assert_eq!(Strides::USUAL.cells((640, 640)), 8_400);
        assert_eq!(Strides::USUAL.cells((640, 384)), 5_040);
        assert_eq!(Strides::USUAL.cells((416, 416)), 3_549);
    }

    #[test]
    fn cells_lie_row_by_row_finest_first() {
        let at = |index| Strides::USUAL.cell(index, (64, 32));
        assert_eq!(at(9), Some(Cell { column: 1.0, row: 1.0, stride: 8.0 }));
        assert_eq!(at(32), Some(Cell { column: 0.0, row: 0.0, stride: 16.0 }));
        assert_eq!(at(41), Some(Cell { column: 1.0, row: 0.0, stride: 32.0 }));
        assert_eq!(at(42), None);
    }
}
