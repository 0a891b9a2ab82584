//! Where in the picture objects were: for each cell of a grid, how many boxes lay on it, of all frames together.

use crate::FrameRecord;
use samovar_media::encode_palette_png;

/// Cells in a row and rows, whatever the size of the picture.
pub(super) const COLUMNS: usize = 64;
pub(super) const ROWS: usize = 36;
/// One more of each, where boxes that reach the edge end.
const STEPS: (usize, usize) = (COLUMNS + 1, ROWS + 1);

/// Boxes over the picture. A box costs four additions, whatever its size: its corners are noted, and the sums over both directions are
/// taken at the end (a summed-area table the other way round).
#[derive(Debug)]
pub(super) struct HeatMap {
    corners: Vec<i64>,
}

impl Default for HeatMap {
    fn default() -> Self {
        Self { corners: vec![0; STEPS.0 * STEPS.1] }
    }
}

impl HeatMap {
    /// Lays the boxes of a frame over the others.
    pub(super) fn add(&mut self, record: &FrameRecord) {
        let (width, height) = (record.image.width.max(1) as f32, record.image.height.max(1) as f32);
        for found in &record.detections {
            let [x1, y1, x2, y2] = found.corners;
            let (left, right) = cells(x1 / width, x2 / width, COLUMNS);
            let (top, bottom) = cells(y1 / height, y2 / height, ROWS);
            for (x, y, sign) in [(left, top, 1), (right, bottom, 1), (right, top, -1), (left, bottom, -1)] {
                self.corners[y * STEPS.0 + x] += sign;
            }
        }
    }

    /// Boxes on each cell, `[ROWS, COLUMNS]`.
    pub(super) fn cells(&self) -> Vec<i64> {
        let mut sums = self.corners.clone();
        for at in 0..sums.len() {
            let (x, y) = (at % STEPS.0, at / STEPS.0);
            let left = if x > 0 { sums[at - 1] } else { 0 };
            let above = if y > 0 { sums[at - STEPS.0] } else { 0 };
            let both = if x > 0 && y > 0 { sums[at - STEPS.0 - 1] } else { 0 };
            sums[at] += left + above - both;
        }
        let rows = sums.chunks_exact(STEPS.0).take(ROWS);
        rows.flat_map(|row| row[..COLUMNS].iter().copied()).collect()
    }

    /// A PNG of a pixel for each cell, black where nothing was: to be laid over a picture by `screen`. None where nothing was found.
    pub(super) fn png(&self) -> Option<Vec<u8>> {
        let cells = self.cells();
        let most = cells.iter().copied().max().filter(|most| *most > 0)? as f64;
        // The root, so that what was rare is seen beside what was always there.
        let shade = |count: &i64| ((*count).max(0) as f64 / most).sqrt().mul_add(255.0, 0.5) as u8;
        let shades: Vec<u8> = cells.iter().map(shade).collect();
        encode_palette_png(COLUMNS as u32, ROWS as u32, &shades, &palette()).ok()
    }
}

/// The cells from the first that a side lies on up to and without the last, one at least.
fn cells(from: f32, to: f32, count: usize) -> (usize, usize) {
    let first = ((from * count as f32).floor().max(0.0) as usize).min(count - 1);
    let last = ((to * count as f32).ceil().max(0.0) as usize).clamp(first + 1, count);
    (first, last)
}

/// Colours from black over violet and orange to a light yellow, evenly brighter: after the colour map "inferno".
fn palette() -> Vec<[u8; 3]> {
    const STOPS: [[f32; 3]; 6] = [
        [0.0, 0.0, 0.0],
        [66.0, 10.0, 104.0],
        [147.0, 38.0, 103.0],
        [221.0, 81.0, 58.0],
        [252.0, 165.0, 10.0],
        [252.0, 255.0, 164.0],
    ];
    let color = |shade: u16| {
        let place = f32::from(shade) / 255.0 * (STOPS.len() - 1) as f32;
        let at = (place as usize).min(STOPS.len() - 2);
        let share = place - at as f32;
        [0, 1, 2].map(|part| (STOPS[at][part] * (1.0 - share) + STOPS[at + 1][part] * share) as u8)
    };
    (0..256).map(color).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::record;

    fn heat_map(corners: &[[f32; 4]]) -> HeatMap {
        let mut frame = record(0.0, &vec!["person"; corners.len()]);
        (frame.image.width, frame.image.height) = (640, 360);
        frame.detections.iter_mut().zip(corners).for_each(|(found, corners)| found.corners = *corners);
        let mut heat_map = HeatMap::default();
        heat_map.add(&frame);
        heat_map
    }

    #[test]
    fn every_cell_counts_the_boxes_that_lie_on_it() {
        let boxes = [[0.0, 0.0, 640.0, 360.0], [100.0, 50.0, 120.0, 61.0], [630.0, 350.0, 640.0, 360.0]];
        let cells = heat_map(&boxes).cells();
        let at = |x: usize, y: usize| cells[y * COLUMNS + x];
        assert_eq!([at(0, 0), at(9, 5), at(10, 5), at(11, 6), at(12, 5), at(10, 7), at(63, 35)], [1, 1, 2, 2, 1, 1, 2]);
        assert_eq!(cells.iter().sum::<i64>(), (COLUMNS * ROWS) as i64 + 2 * 2 + 1);
    }

    #[test]
    fn boxes_beyond_the_picture_or_of_no_size_are_laid_where_they_can() {
        for corner in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e9, 1e30, 0.0, 5.0] {
            let cells = heat_map(&[[corner, corner, 5.0, corner], [5.0, 5.0, corner, 5.0]]).cells();
            assert!(cells.iter().all(|count| (0..=2).contains(count)), "{corner}");
        }
    }

    #[test]
    fn a_map_of_nothing_is_none() {
        assert!(HeatMap::default().png().is_none());
        assert!(heat_map(&[[0.0, 0.0, 64.0, 36.0]]).png().unwrap().starts_with(b"\x89PNG"));
    }
}
