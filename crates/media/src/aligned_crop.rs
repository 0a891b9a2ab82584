//! A turned and scaled part of a frame, straight into its row of the batch tensor or as a picture of its own.
//!
//! Samples are taken as `cv2.warpAffine` takes them: bilinear between the four nearest pixels, whose own places are whole numbers,
//! without antialiasing; what lies outside the frame is the row's padding. Colour of YUV 4:2:0 is sampled in its own planes.

use crate::kernels::ONE;
use crate::rgb::{LEVELS, interleave};
use crate::row::{Color, Element, split};
use crate::{Frame, FramePool, PixelFormat, Row, RowFormat, RowScratch, Similarity};

/// A turned and scaled part of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlignedCrop {
    /// From pixels of the crop to pixels of the frame.
    to_frame: Similarity,
    /// Width and height of the crop, in pixels.
    size: (u32, u32),
}

impl AlignedCrop {
    /// The crop of `size` (width, height) into which `to_crop` brings the frame's pixels. None where it brings them all to one place.
    pub fn new(to_crop: &Similarity, size: (u32, u32)) -> Option<Self> {
        to_crop.inverse().map(|to_frame| Self { to_frame, size })
    }

    /// Width and height, in pixels.
    pub const fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Where a pixel of the crop lies in the frame.
    pub fn to_frame(&self, (x, y): (f64, f64)) -> (f64, f64) {
        self.to_frame.apply((x, y))
    }
}

/// Writes the crop of `frame` into `row`.
///
/// # Panics
/// Where `row` is not of the crop's size.
pub fn write_aligned(frame: &Frame, crop: &AlignedCrop, format: &RowFormat, row: Row<'_>, scratch: &mut RowScratch) {
    match row {
        Row::F32(row) => write(frame, crop, format, row, scratch),
        Row::F16(row) => write(frame, crop, format, row, scratch),
        Row::U8(row) => write(frame, crop, format, row, scratch),
    }
}

/// The crop of `frame` as an RGB picture; black where it leaves the frame.
pub fn aligned_rgb(frame: &Frame, crop: &AlignedCrop, pool: &FramePool) -> Frame {
    let (width, height) = crop.size;
    let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
    let mut planar = pool.take(pixels.len());
    write_aligned(frame, crop, &LEVELS, Row::U8(&mut planar), &mut RowScratch::default());
    interleave(&planar, &mut pixels);
    Frame::new(width, height, PixelFormat::Rgb8, frame.timestamp(), pixels)
}

fn write<T: Element>(frame: &Frame, crop: &AlignedCrop, format: &RowFormat, row: &mut [T], scratch: &mut RowScratch) {
    let (width, height) = (crop.size.0 as usize, crop.size.1 as usize);
    assert_eq!(row.len(), 3 * width * height, "a row holds three planes of the crop's size");
    let (planes, color) = (Plane::all(frame), Color::new(frame.format(), format));
    let mut targets = split(row, width * height);
    scratch.sampled.iter_mut().for_each(|line| line.resize(width, 0));
    scratch.ready.resize(width, 0.0);
    for y in 0..height {
        let at = |x: usize| crop.to_frame((x as f64, y as f64));
        for (plane, line) in planes.iter().zip(&mut scratch.sampled) {
            line.iter_mut().enumerate().for_each(|(x, sample)| *sample = plane.sample(at(x)));
        }
        for (channel, target) in targets.iter_mut().enumerate() {
            color.finish(channel, &scratch.sampled, &mut scratch.ready);
            let pad = format.pad_value(channel);
            for (x, value) in scratch.ready.iter_mut().enumerate() {
                *value = pad + planes[0].cover(at(x)) * (*value - pad);
            }
            T::store(&scratch.ready, &mut target[y * width..][..width]);
        }
    }
}

/// One channel of a frame.
#[derive(Clone, Copy)]
struct Plane<'a> {
    values: &'a [u8],
    width: usize,
    height: usize,
    /// Bytes from one value to the next.
    step: usize,
    /// Pixels of the frame for each value, along each axis.
    pixels: f64,
}

impl<'a> Plane<'a> {
    /// Red, green and blue, or luma and both differences.
    fn all(frame: &'a Frame) -> [Self; 3] {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        match frame.format() {
            PixelFormat::Rgb8 => {
                [0, 1, 2].map(|first| Self { values: &frame.pixels()[first..], width, height, step: 3, pixels: 1.0 })
            }
            PixelFormat::Yuv420 { .. } => {
                let (luma, chroma) = frame.pixels().split_at(width * height);
                let (blue, red) = chroma.split_at(chroma.len() / 2);
                let half = |values| Self {
                    values,
                    width: width.div_ceil(2),
                    height: height.div_ceil(2),
                    step: 1,
                    pixels: 2.0,
                };
                [Self { values: luma, width, height, step: 1, pixels: 1.0 }, half(blue), half(red)]
            }
        }
    }

    /// The value at a place of the frame, in 1/64 of a grey level; edges are repeated.
    fn sample(&self, (x, y): (f64, f64)) -> i16 {
        let own = |place: f64, len: usize| ((place + 0.5) / self.pixels - 0.5).clamp(0.0, (len - 1) as f64);
        let (x, y) = (own(x, self.width), own(y, self.height));
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (across, down) = ((x - left as f64) as f32, (y - top as f64) as f32);
        let at = |x: usize, y: usize| f32::from(self.values[(y * self.width + x) * self.step]);
        let between = |from: f32, to: f32, share: f32| from + share * (to - from);
        let (upper, lower) =
            (between(at(left, top), at(right, top), across), between(at(left, bottom), at(right, bottom), across));
        (between(upper, lower, down) * ONE).round() as i16
    }

    /// The share of a sample at that place that comes from the frame: with edges repeated, the rest is padding.
    fn cover(&self, (x, y): (f64, f64)) -> f32 {
        let inside = |place: f64, len: usize| (place + 1.0).min(len as f64 - place).clamp(0.0, 1.0);
        (inside(x, self.width) * inside(y, self.height)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{YuvMatrix, YuvRange, to_rgb};
    use std::time::Duration;

    fn frame(format: PixelFormat, (width, height): (u32, u32), value: impl Fn(usize) -> u8) -> Frame {
        let mut pixels = FramePool::new(0).take(format.size_bytes(width, height));
        pixels.iter_mut().enumerate().for_each(|(index, pixel)| *pixel = value(index));
        Frame::new(width, height, format, Duration::ZERO, pixels)
    }

    /// The crop of `size` whose pixel 0, 0 is that of the frame at `at`, at half or full scale.
    fn crop(scale: f32, at: (f32, f32), size: (u32, u32)) -> AlignedCrop {
        let from = [at, (at.0 + 1.0, at.1), (at.0, at.1 + 1.0)];
        let to = [(0.0, 0.0), (scale, 0.0), (0.0, scale)];
        AlignedCrop::new(&Similarity::between(&from, &to).unwrap(), size).unwrap()
    }

    fn grey(width: u32, height: u32) -> Frame {
        frame(PixelFormat::Rgb8, (width, height), |index| 10 + (index / 3) as u8)
    }

    #[test]
    fn whole_places_are_the_pixels_themselves_and_outside_is_padding() {
        let crop = crop(1.0, (-1.0, 1.0), (4, 2));
        let cut = aligned_rgb(&grey(3, 2), &crop, &FramePool::new(0));
        let red: Vec<u8> = cut.pixels().chunks_exact(3).map(|pixel| pixel[0]).collect();
        assert_eq!(red, [0, 13, 14, 15, 0, 0, 0, 0]);
    }

    #[test]
    fn between_pixels_and_padding_lies_their_mean() {
        let mut row = [0.0_f32; 6];
        let format = RowFormat { pad: 100, ..LEVELS };
        write_aligned(
            &grey(2, 2),
            &crop(1.0, (-0.5, 0.5), (2, 1)),
            &format,
            Row::F32(&mut row),
            &mut RowScratch::default(),
        );
        assert_eq!(row, [55.5, 11.5, 55.5, 11.5, 55.5, 11.5]);
    }

    /// Colour is taken from its own planes, and comes out as from a picture that was made RGB first.
    #[test]
    fn yuv_is_sampled_as_its_rgb_would_be() {
        let format = PixelFormat::Yuv420 { matrix: YuvMatrix::Bt601, range: YuvRange::Limited };
        let size = (64, 48);
        let smooth = |index: usize| {
            let (index, width) = if index < 64 * 48 { (index, 64) } else { (index - 64 * 48, 32) };
            60 + (index % width * 64 / width) as u8 + (index / width) as u8
        };
        let yuv = frame(format, size, smooth);
        let rgb = to_rgb(&yuv, &FramePool::new(0));
        let turned = Similarity::between(&[(10.0, 10.0), (50.0, 14.0)], &[(2.0, 3.0), (30.0, 1.0)]).unwrap();
        let crop = AlignedCrop::new(&turned, (32, 24)).unwrap();
        let pool = FramePool::new(0);
        let (one, other) = (aligned_rgb(&yuv, &crop, &pool), aligned_rgb(&rgb, &crop, &pool));
        let apart = one.pixels().iter().zip(other.pixels()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart <= Some(2), "{apart:?}");
        assert!(one.pixels().iter().any(|level| *level > 0));
    }

    #[test]
    fn any_place_is_taken() {
        for at in [(1e30, 1e30), (-1e30, 5.0), (0.0, 0.0)] {
            for scale in [1e-20, 1.0, 1e20] {
                if let Some(similarity) = Similarity::between(&[at, (at.0 + 1e25, at.1)], &[(0.0, 0.0), (scale, 0.0)])
                    && let Some(crop) = AlignedCrop::new(&similarity, (3, 3))
                {
                    assert_eq!(aligned_rgb(&grey(1, 1), &crop, &FramePool::new(0)).pixels().len(), 27);
                }
            }
        }
    }
}
