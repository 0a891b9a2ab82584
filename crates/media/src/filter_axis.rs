//! The source samples of each target sample along one axis, weighed as Pillow's `ImagingResample` weighs them for 8 bits.

use crate::{ResizeFilter, kernels};

/// Fractional bits of a weight: Pillow's, so that sums of 8-bit samples times weights just fit 32 bits.
pub(crate) const WEIGHT_BITS: u32 = 32 - 8 - 2;

/// All windows of source samples along one axis. The tables are kept and refilled, never allocated anew in steady state.
#[derive(Debug, Default)]
pub(crate) struct FilterAxis {
    windows: Vec<Window>,
    weights: Vec<i32>,
    /// The weights of one window before they are rounded.
    exact: Vec<f64>,
}

/// The source samples of one target sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The first of them.
    pub(crate) first: u32,
    /// Where their weights begin.
    pub(crate) weights: u32,
    pub(crate) len: u32,
}

/// One axis: `len` source samples become `resized`, of which `count` from `origin` on are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) len: u32,
    pub(crate) resized: u32,
    pub(crate) origin: u32,
    pub(crate) count: u32,
}

impl FilterAxis {
    pub(crate) fn fill(&mut self, span: Span, filter: ResizeFilter) {
        self.windows.clear();
        self.weights.clear();
        let scale = f64::from(span.len) / f64::from(span.resized);
        let widening = scale.max(1.0);
        let support = filter.support() * widening;
        for target in span.origin..span.origin + span.count {
            let center = (f64::from(target) + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as u32;
            let end = ((center + support + 0.5) as u32).min(span.len);
            self.exact.clear();
            // In Pillow's order: another one rounds a few bytes the other way.
            let shrunk = |at: u32| (f64::from(at) - center + 0.5) * (1.0 / widening);
            self.exact.extend((first..end).map(|at| filter.weight(shrunk(at))));
            let weights = self.weights.len() as u32;
            self.windows.push(Window { first, weights, len: end - first });
            let sum: f64 = self.exact.iter().sum();
            let share = if sum == 0.0 { 1.0 } else { sum };
            self.weights.extend(self.exact.iter().map(|weight| fixed(weight / share)));
        }
    }

    /// Source samples from the first that any target sample takes to behind the last.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        let first = self.windows.first().map_or(0, |window| window.first);
        let end = self.windows.last().map_or(0, |window| window.first + window.len);
        first as usize..end as usize
    }

    /// Weighs all target samples of one line. `samples` begin with the first of [`range`](Self::range).
    pub(crate) fn sample(&self, samples: &[u8], out: &mut [u8]) {
        kernels::weigh(samples, self.range().start as u32, (&self.windows, &self.weights), out);
    }

    /// Source samples of the widest window.
    pub(crate) fn widest(&self) -> usize {
        self.windows.iter().map(|window| window.len as usize).max().unwrap_or(0)
    }

    /// For target sample `target`, counted from the origin: the first source sample, and a weight for it and each one after it.
    pub(crate) fn window(&self, target: usize) -> (usize, &[i32]) {
        let Window { first, weights, len } = self.windows[target];
        (first as usize, &self.weights[weights as usize..][..len as usize])
    }
}

/// Rounded half away from zero, as Pillow does.
fn fixed(weight: f64) -> i32 {
    (weight * f64::from(1 << WEIGHT_BITS)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_every_window_are_one_together() {
        for (len, resized) in [(1080, 224), (32, 224), (1, 7), (8192, 1), (224, 224)] {
            for filter in [ResizeFilter::Bicubic, ResizeFilter::Bilinear, ResizeFilter::Lanczos, ResizeFilter::Box] {
                let mut axis = FilterAxis::default();
                axis.fill(Span { len, resized, origin: 0, count: resized }, filter);
                assert!(axis.range().end <= len as usize);
                for target in 0..resized as usize {
                    let (_, weights) = axis.window(target);
                    let sum: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
                    assert!((sum - (1 << WEIGHT_BITS)).abs() <= weights.len() as i64, "{filter:?} {len} to {resized}");
                }
            }
        }
    }

    #[test]
    fn a_window_far_into_a_long_picture_takes_few_samples() {
        let mut axis = FilterAxis::default();
        axis.fill(Span { len: 8192, resized: 1_835_008, origin: 917_392, count: 224 }, ResizeFilter::Bicubic);
        assert!(axis.range().len() <= 8 && axis.widest() <= 5);
    }
}
