//! Where tokens sound: dynamic time warping over the cross-attention of the alignment heads.

/// How the alignment heads look at the sound, row after row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadWeights {
    heads: usize,
    places: usize,
    /// `[rows, heads, places]`.
    values: Vec<f32>,
}

impl HeadWeights {
    /// No rows yet, of so many heads and places of the encoder's output (20 ms each).
    pub const fn new(heads: usize, places: usize) -> Self {
        Self { heads, places, values: Vec::new() }
    }

    /// Appends a row `[heads, places]`: the attention of the step that chose a token.
    ///
    /// # Panics
    /// Where the row has another length.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.heads * self.places, "a row has heads times places weights");
        self.values.extend_from_slice(row);
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.heads * self.places).unwrap_or(0)
    }

    /// The rows at those places in the list, in that order; those that are not there are left out.
    pub fn only(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let mut chosen = Self::new(self.heads, self.places);
        let size = self.heads * self.places;
        let there = rows.into_iter().filter_map(|row| self.values.get(row * size..(row + 1) * size));
        there.for_each(|row| chosen.values.extend_from_slice(row));
        chosen
    }

    /// The place where each row begins to sound, from `skipped` on, among the first `places_used` places.
    ///
    /// As the references have it: each head's weights at a place are brought to mean 0 and deviation 1 over all rows, smoothed by a median of
    /// `median_width` places, averaged over the heads, and the way through them is found that costs least.
    pub fn starts(&self, skipped: usize, places_used: usize, median_width: usize) -> Vec<usize> {
        let places = self.places.min(places_used);
        let rows = self.rows();
        if rows <= skipped || places == 0 || self.heads == 0 {
            return Vec::new();
        }
        let mut sum = vec![0.0; (rows - skipped) * places];
        for head in 0..self.heads {
            let mut weights = self.head(head, places);
            normalise(&mut weights, places);
            let kept = weights.chunks_exact(places).skip(skipped);
            kept.zip(sum.chunks_exact_mut(places)).for_each(|(row, sum)| add_smoothed(row, sum, median_width));
        }
        let heads = self.heads as f32;
        sum.iter_mut().for_each(|value| *value /= heads);
        warp(&sum, places)
    }

    /// `[rows, places]` of one head.
    fn head(&self, head: usize, places: usize) -> Vec<f32> {
        let rows = self.values.chunks_exact(self.heads * self.places);
        rows.flat_map(|row| &row[head * self.places..][..places]).copied().collect()
    }
}

/// Mean 0 and deviation 1 over the rows, at each place. Where all rows are equal they tell nothing: 0.
fn normalise(weights: &mut [f32], places: usize) {
    let rows = (weights.len() / places) as f64;
    for place in 0..places {
        let column = || weights.iter().skip(place).step_by(places).map(|&weight| f64::from(weight));
        let mean = column().sum::<f64>() / rows;
        let deviation = (column().map(|weight| (weight - mean).powi(2)).sum::<f64>() / rows).sqrt();
        let scale = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
        for weight in weights.iter_mut().skip(place).step_by(places) {
            *weight = ((f64::from(*weight) - mean) * scale) as f32;
        }
    }
}

/// Adds the row's running median, mirrored at its ends. A row that is shorter than half of the median's width stays as it is.
fn add_smoothed(row: &[f32], sum: &mut [f32], width: usize) {
    let half = width / 2;
    if row.len() <= half {
        row.iter().zip(sum).for_each(|(value, sum)| *sum += value);
        return;
    }
    let last = row.len() - 1;
    let mut around = vec![0.0; width];
    for (place, sum) in sum.iter_mut().enumerate() {
        for (step, value) in around.iter_mut().enumerate() {
            let index = (place + step).abs_diff(half);
            *value = row[if index > last { 2 * last - index } else { index }];
        }
        around.sort_unstable_by(f32::total_cmp);
        *sum += around[half];
    }
}

/// One step of the way: to the next row and place, the next row, the next place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Move {
    Both,
    Row,
    Place,
}

/// The place at which the way of highest weight comes to each row of `[rows, places]`.
fn warp(weights: &[f32], places: usize) -> Vec<usize> {
    let rows = weights.len() / places;
    let moves = moves(weights, places);
    let mut starts = vec![0; rows];
    let (mut row, mut place) = (rows - 1, places - 1);
    loop {
        starts[row] = place;
        match moves[row * places + place] {
            _ if row == 0 && place == 0 => return starts,
            Move::Place if place > 0 => place -= 1,
            Move::Row if row > 0 => row -= 1,
            Move::Both if row > 0 && place > 0 => (row, place) = (row - 1, place - 1),
            // Along the edges there is one way.
            _ if row > 0 => row -= 1,
            _ => place -= 1,
        }
    }
}

/// How each place of each row is best come to. Costs are f32 and the comparisons in the reference's order, so that ties fall alike.
fn moves(weights: &[f32], places: usize) -> Vec<Move> {
    let rows = weights.len() / places;
    let mut moves = vec![Move::Place; weights.len()];
    // Costs of the place before, with the edge before the first row.
    let mut before = vec![f32::INFINITY; rows + 1];
    before[0] = 0.0;
    let mut here = vec![f32::INFINITY; rows + 1];
    for place in 0..places {
        here[0] = f32::INFINITY;
        for row in 0..rows {
            let (both, down, along) = (before[row], here[row], before[row + 1]);
            let (least, by) = if both < down && both < along {
                (both, Move::Both)
            } else if down < both && down < along {
                (down, Move::Row)
            } else {
                (along, Move::Place)
            };
            here[row + 1] = (f64::from(least) - f64::from(weights[row * places + place])) as f32;
            moves[row * places + place] = by;
        }
        std::mem::swap(&mut before, &mut here);
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_follows_the_weights() {
        let mut weights = HeadWeights::new(1, 12);
        for row in 0..3 {
            let at = |place: usize| if (row * 4..row * 4 + 4).contains(&place) { 1.0 } else { 0.0 };
            weights.push(&(0..12).map(at).collect::<Vec<f32>>());
        }
        assert_eq!(weights.starts(0, 12, 3), [0, 4, 8]);
        assert_eq!(weights.starts(1, 12, 3), [0, 8]);
        assert_eq!(weights.only([0, 2, 9]).rows(), 2);
    }

    #[test]
    fn what_tells_nothing_gives_some_way_and_no_numbers_that_are_none() {
        let mut even = HeadWeights::new(2, 5);
        (0..4).for_each(|_| even.push(&[0.2; 10]));
        let starts = even.starts(0, 5, 7);
        assert_eq!(starts.len(), 4);
        assert!(starts.is_sorted());
        assert!(even.starts(4, 5, 7).is_empty());
        assert!(even.starts(0, 0, 7).is_empty());
        assert!(HeadWeights::new(0, 0).starts(0, 5, 7).is_empty());
    }
}
