//! What a row takes of the device, by its shape: what its caller's turns are counted in.

use crate::RowShapes;
use samovar_schedule::Entry;
use std::collections::HashMap;
use std::time::Duration;

/// What the rows of one model took of late: time of cores, writing and reading included.
#[derive(Debug, Default)]
pub(crate) struct RowCosts {
    /// Bounded by [`SHAPES_MAX`].
    of_shape: HashMap<RowShapes, Duration>,
    /// Of any shape: what is thought of one that was not met yet.
    of_any: Option<Duration>,
}

/// Shapes whose cost is remembered; the others count as the model's rows on the average.
const SHAPES_MAX: usize = 1 << 10;
/// The weight of a new sample is one in this many.
const SMOOTHING: u32 = 8;

impl RowCosts {
    /// What a row of that shape will probably take.
    pub(crate) fn of(&self, shapes: &RowShapes) -> Duration {
        self.of_shape.get(shapes).copied().or(self.of_any).unwrap_or(Entry::TURN)
    }

    /// Notes a run of so many rows that took this time of cores altogether.
    pub(crate) fn note(&mut self, shapes: &RowShapes, rows: usize, took: Duration) {
        let sample = took / u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
        self.of_any = Some(smoothed(self.of_any, sample));
        if let Some(mean) = self.of_shape.get_mut(shapes) {
            *mean = smoothed(Some(*mean), sample);
        } else if self.of_shape.len() < SHAPES_MAX {
            self.of_shape.insert(shapes.clone(), sample);
        }
    }
}

fn smoothed(mean: Option<Duration>, sample: Duration) -> Duration {
    mean.map_or(sample, |mean| (mean * (SMOOTHING - 1) + sample) / SMOOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowShape;

    fn shapes(size: usize) -> RowShapes {
        RowShapes::new(vec![RowShape::Whole(vec![size])])
    }

    #[test]
    fn each_shape_costs_what_it_took_and_an_unknown_one_the_mean() {
        let ms = Duration::from_millis;
        let mut costs = RowCosts::default();
        assert_eq!(costs.of(&shapes(1)), Entry::TURN, "nothing is known");
        costs.note(&shapes(1), 4, ms(8));
        assert_eq!((costs.of(&shapes(1)), costs.of(&shapes(2))), (ms(2), ms(2)));
        costs.note(&shapes(2), 1, ms(18));
        assert_eq!((costs.of(&shapes(2)), costs.of(&shapes(3))), (ms(18), ms(4)));
        (0..100).for_each(|_| costs.note(&shapes(1), 1, ms(6)));
        assert!(costs.of(&shapes(1)).abs_diff(ms(6)) < ms(1), "it follows");
    }

    #[test]
    fn remembers_a_bounded_number_of_shapes() {
        let mut costs = RowCosts::default();
        (0..2 * SHAPES_MAX).for_each(|size| costs.note(&shapes(size), 1, Duration::from_millis(1)));
        assert_eq!(costs.of_shape.len(), SHAPES_MAX);
    }
}
