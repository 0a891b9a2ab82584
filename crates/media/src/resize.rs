//! Which part of a picture a model sees, and by which filter it is resized: what Pillow and transformers' image processors do.

/// A filter of Pillow's `Image.resize`. All but the shape of the kernel is the same for all: where a picture shrinks the kernel is
/// widened by as much, so that every source pixel counts (unlike OpenCV's and this crate's [`Letterbox`](crate::Letterbox)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResizeFilter {
    /// The mean of the pixels that the target pixel covers.
    Box,
    /// A triangle over two pixels.
    Bilinear,
    /// A Hamming window over two pixels.
    Hamming,
    /// Keys' cubic over four pixels, `a = -0.5`.
    Bicubic,
    /// A windowed sinc over six pixels.
    Lanczos,
}

impl ResizeFilter {
    /// The filter of that number in Pillow, as `preprocessor_config.json` has it: 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming.
    pub const fn of_pillow(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Lanczos,
            2 => Self::Bilinear,
            3 => Self::Bicubic,
            4 => Self::Box,
            5 => Self::Hamming,
            _ => return None,
        })
    }

    /// How far the kernel reaches to either side, in pixels of the target or, where larger, of the source.
    pub(crate) const fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The kernel at `x`.
    pub(crate) fn weight(self, x: f64) -> f64 {
        let at = x.abs();
        match self {
            // Pillow's box holds its right edge alone, so that no pixel counts twice.
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - at).max(0.0),
            Self::Hamming if at == 0.0 => 1.0,
            Self::Hamming if at < 1.0 => {
                // Pillow has these two numbers in 32 bits.
                let [base, swing] = [0.54_f32, 0.46].map(f64::from);
                sinc(at) * (base + swing * (at * std::f64::consts::PI).cos())
            }
            Self::Bicubic if at < 1.0 => (1.5 * at - 2.5) * at * at + 1.0,
            Self::Bicubic if at < 2.0 => (((at - 5.0) * at + 8.0) * at - 4.0) * -0.5,
            Self::Lanczos if at < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Hamming | Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    let angle = x * std::f64::consts::PI;
    if angle == 0.0 { 1.0 } else { angle.sin() / angle }
}

/// How a picture is resized, and the window of the result that a model sees. Sizes are (width, height) in pixels and not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Of the source picture.
    pub source: (u32, u32),
    /// Of the whole picture resized; what lies outside the window is never computed.
    pub resized: (u32, u32),
    /// Left and upper edge of the window in the resized picture.
    pub origin: (u32, u32),
    /// Of the window, which is the model's input.
    pub target: (u32, u32),
    /// What the pixels are weighed by.
    pub filter: ResizeFilter,
}

impl Resize {
    /// To the target without regard to the proportions: SigLIP.
    pub const fn stretch(source: (u32, u32), target: (u32, u32), filter: ResizeFilter) -> Self {
        Self { source, resized: target, origin: (0, 0), target, filter }
    }

    /// The shorter edge to `edge` pixels, the longer one in proportion, rounded down; of that the middle: CLIP. The target is
    /// not larger than `edge`, either way.
    pub fn shortest_edge(source: (u32, u32), edge: u32, target: (u32, u32), filter: ResizeFilter) -> Self {
        let short = source.0.min(source.1);
        let side = |side: u32| (u64::from(edge) * u64::from(side) / u64::from(short)).min(u64::from(u32::MAX)) as u32;
        let resized = (side(source.0), side(source.1));
        let origin = ((resized.0.saturating_sub(target.0)) / 2, (resized.1.saturating_sub(target.1)) / 2);
        Self { source, resized, origin, target, filter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_shortest_edge_is_that_of_transformers() {
        let lies = |source| {
            let resize = Resize::shortest_edge(source, 224, (224, 224), ResizeFilter::Bicubic);
            (resize.resized, resize.origin)
        };
        assert_eq!(lies((810, 1080)), ((224, 298), (0, 37)));
        assert_eq!(lies((1280, 720)), ((398, 224), (87, 0)));
        assert_eq!(lies((100, 100)), ((224, 224), (0, 0)));
        assert_eq!(lies((1, 8192)), ((224, 1_835_008), (0, 917_392)));
    }

    #[test]
    fn kernels_are_one_in_the_middle_and_nothing_at_their_end() {
        use ResizeFilter::{Bicubic, Bilinear, Box, Hamming, Lanczos};
        for filter in [Box, Bilinear, Hamming, Bicubic, Lanczos] {
            assert!((filter.weight(0.0) - 1.0).abs() < 1e-12, "{filter:?}");
            assert_eq!(filter.weight(filter.support() + 0.001), 0.0, "{filter:?}");
        }
        assert_eq!((Box.weight(0.5), Box.weight(-0.5)), (1.0, 0.0));
        assert!((Bicubic.weight(0.5) - 0.5625).abs() < 1e-12 && (Bicubic.weight(1.5) + 0.0625).abs() < 1e-12);
    }
}
