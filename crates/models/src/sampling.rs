//! Where each pixel of a picture lies between the values of a coarser or finer grid, along one axis: pixel centres at half,
//! edges repeated, as torch's `interpolate(mode="bilinear", align_corners=False)` has it.

use std::ops::Range;

/// The sampling positions along one axis. Refilled, never allocated anew in steady state.
#[derive(Debug, Default)]
pub(crate) struct Axis {
    spans: Vec<Span>,
    weights: Vec<f32>,
}

/// Neighbouring pixels that lie between the same two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    from: u32,
    until: u32,
    /// The value before the pixels.
    pub(crate) first: u32,
    /// The value after them; the same as `first` for pixels that lie on it.
    pub(crate) second: u32,
}

impl Span {
    /// The pixels.
    pub(crate) const fn pixels(&self) -> Range<usize> {
        self.from as usize..self.until as usize
    }
}

impl Axis {
    /// Fills the tables for `pixels` over `values`, neither of them zero.
    pub(crate) fn fill(&mut self, values: u32, pixels: u32) {
        self.spans.clear();
        self.weights.clear();
        let step = f64::from(values) / f64::from(pixels);
        for pixel in 0..pixels {
            let exact = ((f64::from(pixel) + 0.5) * step - 0.5).clamp(0.0, f64::from(values - 1));
            let first = exact as u32;
            let weight = (exact - f64::from(first)) as f32;
            // A value of no weight must not count: it may be no number.
            let second = if weight > 0.0 { first + 1 } else { first };
            self.push(pixel, first, second);
            self.weights.push(weight);
        }
    }

    /// Spans that cover all pixels, in order.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The share of each pixel's second value, in 0..=1.
    pub(crate) fn weights(&self) -> &[f32] {
        &self.weights
    }

    fn push(&mut self, pixel: u32, first: u32, second: u32) {
        match self.spans.last_mut() {
            Some(span) if (span.first, span.second) == (first, second) => span.until = pixel + 1,
            _ => self.spans.push(Span { from: pixel, until: pixel + 1, first, second }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(values: u32, pixels: u32) -> (Vec<[u32; 4]>, Vec<f32>) {
        let mut axis = Axis::default();
        axis.fill(values, pixels);
        let spans = axis.spans().iter().map(|span| [span.from, span.until, span.first, span.second]).collect();
        (spans, axis.weights().to_vec())
    }

    #[test]
    fn twice_as_many_pixels_lie_a_quarter_off_the_values() {
        let (spans, weights) = filled(2, 4);
        assert_eq!(spans, [[0, 1, 0, 0], [1, 3, 0, 1], [3, 4, 1, 1]]);
        assert_eq!(weights, [0.0, 0.25, 0.75, 0.0]);
    }

    #[test]
    fn half_as_many_pixels_are_means_of_two_values() {
        assert_eq!(filled(4, 2), (vec![[0, 1, 0, 1], [1, 2, 2, 3]], vec![0.5, 0.5]));
    }

    #[test]
    fn as_many_pixels_are_the_values() {
        assert_eq!(filled(3, 3).0, [[0, 1, 0, 0], [1, 2, 1, 1], [2, 3, 2, 2]]);
    }

    #[test]
    fn every_pixel_lies_within_the_values_for_any_sizes() {
        for (values, pixels) in [(1, 7), (7, 1), (384, 1_279), (1_000, 3), (160, 4_096)] {
            let (spans, weights) = filled(values, pixels);
            assert!(spans.iter().all(|span| span[2] <= span[3] && span[3] < values));
            assert!(spans.windows(2).all(|pair| pair[0][1] == pair[1][0]));
            assert_eq!((spans[0][0], spans.last().unwrap()[1], weights.len()), (0, pixels, pixels as usize));
        }
    }
}
