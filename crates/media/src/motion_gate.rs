//! Whether anything has moved: a cheap difference of small grey pictures, so that still scenes need no model.
//!
//! Each frame is reduced to a grid of mean brightness. Means over some hundred pixels are hardly touched by the noise of
//! a sensor or of compression; whoever walks through changes several cells by far. The comparison is with the last frame
//! that passed, not with the one before, so that slow movement adds up until it is seen.

use crate::{Frame, PixelFormat};
use std::time::Duration;

/// Cells of the grid.
const COLUMNS: usize = 64;
const ROWS: usize = 36;

/// What counts as movement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionGateOptions {
    /// Levels of brightness (of 255) by which a cell must change.
    pub level_min: u8,
    /// Share of cells that must change, in 0..=1.
    pub share_min: f32,
    /// Time after which a frame passes anyhow; never where none.
    pub force_after: Option<Duration>,
}

impl Default for MotionGateOptions {
    /// Six levels in two thousandths of the picture (five cells); one frame every ten seconds.
    fn default() -> Self {
        Self { level_min: 6, share_min: 0.002, force_after: Some(Duration::from_secs(10)) }
    }
}

/// A gate that frames with movement pass. One per stream.
#[derive(Clone, Debug)]
pub struct MotionGate {
    options: MotionGateOptions,
    /// The last frame that passed.
    passed: Option<Passed>,
}

#[derive(Clone, Debug)]
struct Passed {
    time: Duration,
    size: (u32, u32),
    grid: Grid,
}

/// Sums of brightness over cells, as means in 0..=255; `[ROWS, COLUMNS]`.
type Grid = Vec<u8>;

impl MotionGate {
    /// A gate that lets the first frame pass.
    pub const fn new(options: MotionGateOptions) -> Self {
        Self { options, passed: None }
    }

    /// Whether `frame`, taken at `time`, shows movement since the last one that passed, or is due anyhow.
    pub fn passes(&mut self, frame: &Frame, time: Duration) -> bool {
        let size = (frame.width(), frame.height());
        let grid = reduce(frame);
        let still = self.passed.as_ref().is_some_and(|passed| {
            let is_due = self.options.force_after.is_some_and(|limit| time.saturating_sub(passed.time) >= limit);
            !is_due && passed.size == size && !self.differs(&passed.grid, &grid)
        });
        if !still {
            self.passed = Some(Passed { time, size, grid });
        }
        !still
    }

    fn differs(&self, before: &[u8], now: &[u8]) -> bool {
        let changed = before.iter().zip(now).filter(|(a, b)| a.abs_diff(**b) >= self.options.level_min).count();
        changed > 0 && changed as f32 >= self.options.share_min * now.len() as f32
    }
}

/// Mean brightness of every cell. Some ten lines of each serve: more would only cost.
fn reduce(frame: &Frame) -> Grid {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (columns, rows) = (COLUMNS.min(width), ROWS.min(height));
    let step = (height / rows / 10).max(1);
    let mut grid = Vec::with_capacity(columns * rows);
    for row in 0..rows {
        let (top, bottom) = (row * height / rows, (row + 1) * height / rows);
        let mut sums = [0_u32; COLUMNS];
        let mut lines = 0;
        for y in (top..bottom).step_by(step) {
            add_line(frame, y, &mut sums[..columns]);
            lines += 1;
        }
        let means = sums[..columns].iter().enumerate().map(|(column, sum)| {
            let cell = (column + 1) * width / columns - column * width / columns;
            (sum / (cell * lines) as u32) as u8
        });
        grid.extend(means);
    }
    grid
}

/// Adds the brightness of line `y` to the cells' sums. Green serves as the brightness of RGB.
fn add_line(frame: &Frame, y: usize, sums: &mut [u32]) {
    let width = frame.width() as usize;
    let columns = sums.len();
    let sample_bytes = if frame.format() == PixelFormat::Rgb8 { 3 } else { 1 };
    let line = &frame.pixels()[y * width * sample_bytes..(y + 1) * width * sample_bytes];
    for (column, sum) in sums.iter_mut().enumerate() {
        let cell = &line[column * width / columns * sample_bytes..(column + 1) * width / columns * sample_bytes];
        *sum += match sample_bytes {
            1 => cell.iter().map(|value| u32::from(*value)).sum::<u32>(),
            _ => cell.iter().skip(1).step_by(3).map(|value| u32::from(*value)).sum::<u32>(),
        };
    }
}
