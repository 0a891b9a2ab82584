//! From YUV to RGB: the weights of ITU-R BT.601 and BT.709, limited and full range.
//!
//! Chroma samples of 4:2:0 lie in the middle of their four luma samples (MPEG-1 and JPEG siting), which is what
//! swscale and OpenCV take where a source does not say. The difference to left siting is a quarter of a chroma sample.

use crate::kernels::{Mix, ONE};
use crate::{YuvMatrix, YuvRange};

/// The three channels red, green, blue out of samples with six fractional bits; 0–255, no further scale.
pub(crate) fn mixes(matrix: YuvMatrix, range: YuvRange) -> [Mix; 3] {
    let (red_share, blue_share) = match matrix {
        YuvMatrix::Bt601 => (0.299, 0.114),
        YuvMatrix::Bt709 => (0.2126, 0.0722),
    };
    let (luma_gain, black, chroma_gain) = match range {
        YuvRange::Limited => (255.0 / 219.0, 16.0, 255.0 / 224.0),
        YuvRange::Full => (1.0, 0.0, 1.0),
    };
    let green_share = 1.0 - red_share - blue_share;
    let blue_gain = 2.0 * (1.0 - blue_share) * chroma_gain;
    let red_gain = 2.0 * (1.0 - red_share) * chroma_gain;
    let channel = |blue: f64, red: f64| Mix {
        luma: (luma_gain / f64::from(ONE)) as f32,
        blue: (blue / f64::from(ONE)) as f32,
        red: (red / f64::from(ONE)) as f32,
        offset: (-black * luma_gain - 128.0 * (blue + red)) as f32,
        scale: 1.0,
        bias: 0.0,
    };
    [
        channel(0.0, red_gain),
        channel(-blue_share / green_share * blue_gain, -red_share / green_share * red_gain),
        channel(blue_gain, 0.0),
    ]
}
