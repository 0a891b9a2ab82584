//! From logits to the class of every pixel of a picture: scaled bilinearly, then the largest taken, without scaling what
//! need not be scaled.
//!
//! Pixels between the same four logit positions form a cell. Where one class is the largest at all four, it is the largest
//! everywhere between them, because the weights of the four are the same for every class, are not negative and sum to one.
//! Only cells whose corners differ are scaled, and in those only classes that can win: one whose largest corner lies below
//! some other class's smallest cannot. The result is that of scaling everything, but for classes so close to each other
//! that the rounding of the sums would decide between them.

use crate::logits::{Logit, Logits};
use crate::sampling::{Axis, Span};

/// Tables and winners of one slot, kept from picture to picture.
#[derive(Debug, Default)]
pub(crate) struct ArgmaxScratch {
    winners: Winners,
    cells: Cells,
}

/// The most classes that a map can hold.
pub(crate) const CLASSES_MAX: usize = 256;

/// The class of every pixel of a picture of `size` (width, height), row by row, and the number of logit positions with a
/// value that is not a finite number. Pixels that such a position has a share in get class 0. At most [`CLASSES_MAX`]
/// classes.
pub(crate) fn class_of_each_pixel<T: Logit>(
    logits: &Logits<'_, T>,
    size: (u32, u32),
    scratch: &mut ArgmaxScratch,
) -> (Vec<u8>, u32) {
    let ArgmaxScratch { winners, cells } = scratch;
    let not_finite = winners.find(logits);
    let map = if (size.0 as usize, size.1 as usize) == (logits.width, logits.height) {
        winners.classes.iter().map(|winner| class(*winner)).collect()
    } else {
        cells.scale(logits, &winners.classes, size)
    };
    (map, not_finite)
}

/// In place of a class, where a value is not finite.
const SPOILT: u16 = u16::MAX;

const fn class(winner: u16) -> u8 {
    if winner == SPOILT { 0 } else { winner as u8 }
}

/// The largest class at every logit position.
#[derive(Debug, Default)]
struct Winners {
    classes: Vec<u16>,
    /// The largest values of one line so far.
    largest: Vec<f32>,
    /// Zero as long as every value of a position is finite, else not a number.
    spoilt: Vec<f32>,
    /// A line as 32-bit floats.
    converted: Vec<f32>,
}

impl Winners {
    /// Fills `classes`; of equal values the first wins. Gives the number of spoilt positions.
    fn find<T: Logit>(&mut self, logits: &Logits<'_, T>) -> u32 {
        self.classes.clear();
        self.classes.resize(logits.plane_len(), 0);
        (0..logits.height).map(|y| self.find_line(logits, y)).sum()
    }

    fn find_line<T: Logit>(&mut self, logits: &Logits<'_, T>, y: usize) -> u32 {
        let Self { classes, largest, spoilt, converted } = self;
        let winners = &mut classes[y * logits.width..][..logits.width];
        largest.clear();
        largest.resize(logits.width, f32::NEG_INFINITY);
        spoilt.clear();
        spoilt.resize(logits.width, 0.0);
        for class in 0..logits.classes {
            let line = T::line(logits.line(class, y), converted);
            keep_larger(line, class as u16, (largest, winners));
            // Finite × 0 is 0; anything else is no number, and stays none.
            spoilt.iter_mut().zip(line).for_each(|(spoilt, value)| *spoilt += value * 0.0);
        }
        mark(winners, spoilt)
    }
}

fn keep_larger(line: &[f32], class: u16, (largest, winners): (&mut [f32], &mut [u16])) {
    for ((&value, largest), winner) in line.iter().zip(largest).zip(winners) {
        let wins = value > *largest;
        *largest = if wins { value } else { *largest };
        *winner = if wins { class } else { *winner };
    }
}

fn mark(winners: &mut [u16], spoilt: &[f32]) -> u32 {
    let mut count = 0;
    for (winner, _) in winners.iter_mut().zip(spoilt).filter(|(_, spoilt)| spoilt.is_nan()) {
        *winner = SPOILT;
        count += 1;
    }
    count
}

/// The cells of one scaling.
#[derive(Debug, Default)]
struct Cells {
    across: Axis,
    down: Axis,
    rivals: Vec<Rival>,
}

/// A class that can win within a cell: its values at the top left, top right, bottom left and bottom right, and those of the
/// left and right edge at the height of one line of pixels.
#[derive(Clone, Copy, Debug)]
struct Rival {
    class: u8,
    corners: [f32; 4],
    edges: [f32; 2],
}

/// Where a cell lies: its pixels and its corners.
#[derive(Clone, Copy, Debug)]
struct Cell {
    across: Span,
    down: Span,
}

impl Cells {
    fn scale<T: Logit>(&mut self, logits: &Logits<'_, T>, winners: &[u16], (width, height): (u32, u32)) -> Vec<u8> {
        self.across.fill(logits.width as u32, width);
        self.down.fill(logits.height as u32, height);
        let Self { across, down, rivals } = self;
        let mut map = vec![0; width as usize * height as usize];
        for &span in down.spans() {
            let lines = &mut map[span.pixels().start * width as usize..span.pixels().end * width as usize];
            let mut band = Band { lines, width: width as usize, agreed: (0, 0) };
            let [top, bottom] =
                [span.first, span.second].map(|y| &winners[y as usize * logits.width..][..logits.width]);
            for &column in across.spans() {
                if let Some(winner) = agreed(top, bottom, &column) {
                    band.agree(column.pixels().start, class(winner));
                    continue;
                }
                band.close(column.pixels().start);
                let cell = Cell { across: column, down: span };
                find_rivals(logits, &cell, rivals);
                band.contest(&cell, rivals, (across.weights(), down.weights()));
            }
            band.close(width as usize);
        }
        map
    }
}

/// The class that a whole cell has, without looking further; spoilt where any corner is.
fn agreed(top: &[u16], bottom: &[u16], across: &Span) -> Option<u16> {
    let (first, second) = (across.first as usize, across.second as usize);
    let corners = [top[first], top[second], bottom[first], bottom[second]];
    if corners.contains(&SPOILT) {
        return Some(SPOILT);
    }
    corners.iter().all(|corner| *corner == corners[0]).then_some(corners[0])
}

/// Fills `rivals` with the classes that can win within the cell, lowest first.
fn find_rivals<T: Logit>(logits: &Logits<'_, T>, cell: &Cell, rivals: &mut Vec<Rival>) {
    let at = |x: u32, y: u32| y as usize * logits.width + x as usize;
    let Cell { across, down } = cell;
    let positions = [(across.first, down.first), (across.second, down.first), (across.first, down.second)];
    let [a, b, c] = positions.map(|(x, y)| at(x, y));
    let d = at(across.second, down.second);
    rivals.clear();
    let mut certain = f32::NEG_INFINITY;
    for class in 0..logits.classes {
        let corners = [a, b, c, d].map(|position| logits.at(class, position));
        certain = certain.max(corners.into_iter().fold(f32::INFINITY, f32::min));
        rivals.push(Rival { class: class as u8, corners, edges: [0.0; 2] });
    }
    rivals.retain(|rival| rival.corners.iter().any(|corner| *corner >= certain));
}

/// Lines of pixels that lie between the same two lines of logits.
struct Band<'a> {
    lines: &'a mut [u8],
    width: usize,
    /// The class that is agreed on, and the column from which it is.
    agreed: (u8, usize),
}

impl Band<'_> {
    /// The pixels from `column` on are of `class`.
    fn agree(&mut self, column: usize, class: u8) {
        if self.agreed.0 != class {
            self.close(column);
            self.agreed = (class, column);
        }
    }

    /// Writes what was agreed on before `column`.
    fn close(&mut self, column: usize) {
        let (class, from) = self.agreed;
        if from < column {
            self.lines.chunks_exact_mut(self.width).for_each(|line| line[from..column].fill(class));
            self.agreed.1 = column;
        }
    }

    /// Scales the rivals over the pixels of a cell, and goes on behind it.
    fn contest(&mut self, cell: &Cell, rivals: &mut [Rival], (across, down): (&[f32], &[f32])) {
        let columns = cell.across.pixels();
        for (line, &weight) in self.lines.chunks_exact_mut(self.width).zip(&down[cell.down.pixels()]) {
            for rival in rivals.iter_mut() {
                let [a, b, c, d] = rival.corners;
                rival.edges = [between(a, c, weight), between(b, d, weight)];
            }
            for (pixel, &weight) in line[columns.clone()].iter_mut().zip(&across[columns.clone()]) {
                *pixel = winner(rivals, weight);
            }
        }
        self.agreed.1 = columns.end;
    }
}

fn winner(rivals: &[Rival], weight: f32) -> u8 {
    let mut winner = (0, f32::NEG_INFINITY);
    for Rival { class, edges, .. } in rivals {
        let value = between(edges[0], edges[1], weight);
        if value > winner.1 {
            winner = (*class, value);
        }
    }
    winner.0
}

/// Written as a sum of shares and not as a difference added: rounding then never turns an order round.
fn between(first: f32, second: f32, weight: f32) -> f32 {
    first * (1.0 - weight) + second * weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
    use proptest::prelude::*;

    /// Every class scaled at every pixel, as the definition has it.
    fn everything_scaled<T: Logit>(logits: &Logits<'_, T>, (width, height): (u32, u32)) -> Vec<u8> {
        let (mut across, mut down) = (Axis::default(), Axis::default());
        across.fill(logits.width as u32, width);
        down.fill(logits.height as u32, height);
        let mut map = Vec::new();
        for (y, row) in each(&down) {
            for (x, column) in each(&across) {
                let corner = |class, x: u32, y: u32| logits.at(class, y as usize * logits.width + x as usize);
                let value = |class| {
                    let side =
                        |x| between(corner(class, x, row.first), corner(class, x, row.second), down.weights()[y]);
                    between(side(column.first), side(column.second), across.weights()[x])
                };
                let finite = (0..logits.classes).all(|class| value(class).is_finite());
                let largest =
                    (1..logits.classes).fold(0, |best, class| if value(class) > value(best) { class } else { best });
                map.push(if finite { largest as u8 } else { 0 });
            }
        }
        map
    }

    fn each(axis: &Axis) -> impl Iterator<Item = (usize, Span)> {
        axis.spans().iter().flat_map(|span| span.pixels().map(|pixel| (pixel, *span)))
    }

    /// Blotches: regions of one class with soft borders, as models give them, and noise on top.
    fn values((classes, width, height): (usize, usize, usize), noise: f32, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2) + 1;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 16_777_216.0
        };
        let waves: Vec<[f32; 3]> = (0..classes).map(|_| [random(), random(), random()]).collect();
        let mut values = Vec::new();
        for wave in &waves {
            for at in 0..width * height {
                let (x, y) = ((at % width) as f32, (at / width) as f32);
                values.push((x * wave[0] + y * wave[1] + 6.0 * wave[2]).sin() * 4.0 + noise * random());
            }
        }
        values
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn the_short_way_gives_what_scaling_everything_gives(
            shape in (1_usize..24, 1_usize..20, 1_usize..20),
            size in (1_u32..70, 1_u32..70),
            noise in prop::sample::select(vec![0.0_f32, 0.5, 8.0]),
            coarse in any::<bool>(),
            seed in any::<u32>(),
        ) {
            let mut values = values(shape, noise, seed.into());
            if coarse {
                // Ties of all kinds.
                values.iter_mut().for_each(|value| *value = value.round());
            }
            let logits = Logits::new(&[shape.0, shape.2, shape.1], &values).unwrap();
            let mut scratch = ArgmaxScratch::default();
            for size in [size, (shape.1 as u32, shape.2 as u32)] {
                let (map, not_finite) = class_of_each_pixel(&logits, size, &mut scratch);
                prop_assert_eq!((map, not_finite), (everything_scaled(&logits, size), 0));
            }
        }

        #[test]
        fn values_that_are_no_numbers_spoil_the_pixels_they_have_a_share_in(
            bad in prop::collection::vec((0_usize..3 * 8 * 6, prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY])), 1..9),
            size in (1_u32..40, 1_u32..40),
            seed in any::<u32>(),
        ) {
            let mut values = values((3, 8, 6), 1.0, seed.into());
            bad.iter().for_each(|(at, value)| values[*at] = *value);
            let positions: std::collections::BTreeSet<_> = bad.iter().map(|(at, _)| at % 48).collect();
            let logits = Logits::new(&[3, 6, 8], &values).unwrap();
            let found = class_of_each_pixel(&logits, size, &mut ArgmaxScratch::default());
            // Every corner's share is more than nothing, so that the naive sum is no number either.
            prop_assert_eq!(found, (everything_scaled(&logits, size), positions.len() as u32));
        }
    }

    #[test]
    fn half_precision_is_read_as_it_is() {
        let values: Vec<f16> = values((5, 12, 9), 1.0, 3).into_iter().map(f16::from_f32).collect();
        let wide: Vec<f32> = values.iter().map(|value| value.to_f32()).collect();
        let (narrow, wide) = (Logits::new(&[5, 9, 12], &values).unwrap(), Logits::new(&[5, 9, 12], &wide).unwrap());
        let mut scratch = ArgmaxScratch::default();
        let found = class_of_each_pixel(&narrow, (50, 31), &mut scratch);
        assert_eq!(found, class_of_each_pixel(&wide, (50, 31), &mut scratch));
    }

    #[test]
    fn a_third_class_may_win_between_the_corners_of_two_others() {
        let values = [9.0, 0.0, 0.0, 9.0, 8.0, 8.0];
        let logits = Logits::new(&[3, 1, 2], &values).unwrap();
        assert_eq!(class_of_each_pixel(&logits, (8, 1), &mut ArgmaxScratch::default()).0, [0, 0, 2, 2, 2, 2, 1, 1]);
    }
}
