//! A frame straight into its row of the batch tensor: letterbox, colour, normalisation and layout in one pass.
//!
//! For each output row the two source rows are blended into a row of 16-bit samples, sampled across, turned into RGB
//! where the frame is YUV, scaled and written to the three planes. All of it stays in the first-level cache; the frame
//! is read once and the tensor written once.

use crate::image_header::corrupt;
use crate::kernels::{self, Mix, ONE};
use crate::resample::{Axis, Pattern};
use crate::{Crop, Frame, Letterbox, MediaError, PixelFormat, yuv};
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Which channel comes first in the tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// What a model wants its pixels to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowFormat {
    /// Order of the channels in the tensor.
    pub order: ChannelOrder,
    /// `value × scale + bias` for values 0–255; one for each channel, in the tensor's order.
    pub scale: [f32; 3],
    /// See `scale`.
    pub bias: [f32; 3],
    /// Grey level 0–255 around the picture, scaled like every other.
    pub pad: u8,
}

/// One row of the batch tensor, `[3, height, width]` of the letterbox's target.
#[derive(Debug)]
pub enum Row<'a> {
    /// 32-bit floats.
    F32(&'a mut [f32]),
    /// 16-bit floats.
    F16(&'a mut [f16]),
    /// Bytes, rounded to the nearest, ties to even, and clipped.
    U8(&'a mut [u8]),
}

/// Tables and rows of one slot, kept from frame to frame so that nothing is allocated in steady state.
#[derive(Debug, Default)]
pub struct RowScratch {
    luma: PlaneAxes,
    chroma: PlaneAxes,
    /// Blended source rows, one sample longer than the plane is wide.
    source: [Vec<i16>; 3],
    /// Neighbours of the sampling positions of one row.
    pairs: Vec<[i16; 2]>,
    /// The blended rows at the target's width.
    pub(crate) sampled: [Vec<i16>; 3],
    /// One channel of one row, ready to be stored.
    pub(crate) ready: Vec<f32>,
}

#[derive(Debug, Default)]
struct PlaneAxes {
    across: Axis,
    down: Axis,
    /// What is sampled of the plane: first column, first line, columns and lines.
    part: [usize; 4],
}

impl RowFormat {
    /// Values 0–1: what most detectors take, padded with grey 114.
    pub const UNIT: Self = Self { order: ChannelOrder::Rgb, scale: [1.0 / 255.0; 3], bias: [0.0; 3], pad: 114 };

    /// `(value / 255 − mean) / std`, mean and std in the tensor's channel order, for values 0–1.
    pub fn standardised(mean: [f32; 3], std: [f32; 3]) -> Self {
        let scale = std.map(|std| 1.0 / (255.0 * std));
        let bias = [0, 1, 2].map(|channel| -mean[channel] / std[channel]);
        Self { scale, bias, ..Self::UNIT }
    }

    /// What is around the picture, as a value of the tensor.
    pub(crate) fn pad_value(&self, channel: usize) -> f32 {
        f32::from(self.pad) * self.scale[channel] + self.bias[channel]
    }
}

/// Writes `frame`, laid out by `letterbox`, into `row`; the padding too.
///
/// # Errors
/// `Corrupt` where the frame is not of the size that the letterbox was made for.
///
/// # Panics
/// Where `row` is not of the size of the letterbox's target.
pub fn write_row(
    frame: &Frame,
    letterbox: &Letterbox,
    format: &RowFormat,
    row: Row<'_>,
    scratch: &mut RowScratch,
) -> Result<(), MediaError> {
    if (frame.width(), frame.height()) != letterbox.source {
        return Err(corrupt("the frame is not of the size that was announced"));
    }
    write_crop((frame, Crop::whole(letterbox.source)), letterbox, format, row, scratch)
}

/// The same for a part of a frame, which `letterbox` takes as its source. Nothing around the part shows in the row.
///
/// # Errors
/// `Corrupt` where the part is not of the letterbox's source size, does not lie in the frame, or begins at an odd pixel.
///
/// # Panics
/// Where `row` is not of the size of the letterbox's target.
pub fn write_crop(
    (frame, crop): (&Frame, Crop),
    letterbox: &Letterbox,
    format: &RowFormat,
    row: Row<'_>,
    scratch: &mut RowScratch,
) -> Result<(), MediaError> {
    if (crop.width, crop.height) != letterbox.source || !crop.fits((frame.width(), frame.height())) {
        return Err(corrupt("the part does not lie in the frame as it was announced"));
    }
    scratch.fit(letterbox, frame.format(), crop);
    match row {
        Row::F32(row) => write(frame, letterbox, format, row, scratch),
        Row::F16(row) => write(frame, letterbox, format, row, scratch),
        Row::U8(row) => write(frame, letterbox, format, row, scratch),
    }
    Ok(())
}

/// What a tensor is made of.
pub(crate) trait Element: Copy {
    fn of(value: f32) -> Self;
    fn store(values: &[f32], to: &mut [Self]);
}

impl Element for f32 {
    fn of(value: f32) -> Self {
        value
    }
    fn store(values: &[f32], to: &mut [Self]) {
        to.copy_from_slice(values);
    }
}

impl Element for f16 {
    fn of(value: f32) -> Self {
        Self::from_f32(value)
    }
    fn store(values: &[f32], to: &mut [Self]) {
        to.convert_from_f32_slice(values);
    }
}

impl Element for u8 {
    fn of(value: f32) -> Self {
        kernels::to_byte(value)
    }
    fn store(values: &[f32], to: &mut [Self]) {
        kernels::round(values, to);
    }
}

fn write<T: Element>(
    frame: &Frame,
    letterbox: &Letterbox,
    format: &RowFormat,
    row: &mut [T],
    scratch: &mut RowScratch,
) {
    let (width, height) = (letterbox.target.0 as usize, letterbox.target.1 as usize);
    assert_eq!(row.len(), 3 * width * height, "a row holds three planes of the letterbox's target");
    let (left, top) = (letterbox.pad_left as usize, letterbox.pad_top as usize);
    let (right, bottom) = (left + letterbox.content.0 as usize, top + letterbox.content.1 as usize);
    let mut planes = split(row, width * height);
    for (channel, plane) in planes.iter_mut().enumerate() {
        let pad = T::of(format.pad_value(channel));
        plane[..top * width].fill(pad);
        plane[bottom * width..].fill(pad);
        for line in plane[top * width..bottom * width].chunks_exact_mut(width) {
            line[..left].fill(pad);
            line[right..].fill(pad);
        }
    }
    let color = Color::new(frame.format(), format);
    for y in 0..bottom - top {
        scratch.sample_row(frame, y);
        for (channel, plane) in planes.iter_mut().enumerate() {
            color.finish(channel, &scratch.sampled, &mut scratch.ready);
            T::store(&scratch.ready, &mut plane[(top + y) * width..][left..right]);
        }
    }
}

pub(crate) fn split<T>(row: &mut [T], plane_len: usize) -> [&mut [T]; 3] {
    let (first, rest) = row.split_at_mut(plane_len);
    let (second, third) = rest.split_at_mut(plane_len);
    [first, second, third]
}

/// What is done to sampled rows, for each channel of the tensor.
pub(crate) enum Color {
    /// The plane to take, its scale and its bias.
    Rgb([(usize, f32, f32); 3]),
    Yuv([Mix; 3]),
}

impl Color {
    pub(crate) fn new(pixels: PixelFormat, format: &RowFormat) -> Self {
        let source = match format.order {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        match pixels {
            PixelFormat::Rgb8 => Self::Rgb([0, 1, 2].map(|c| (source[c], format.scale[c] / ONE, format.bias[c]))),
            PixelFormat::Yuv420 { matrix, range } => {
                let mixes = yuv::mixes(matrix, range);
                Self::Yuv([0, 1, 2].map(|c| Mix { scale: format.scale[c], bias: format.bias[c], ..mixes[source[c]] }))
            }
        }
    }

    pub(crate) fn finish(&self, channel: usize, sampled: &[Vec<i16>; 3], ready: &mut [f32]) {
        match self {
            Self::Rgb(channels) => {
                let (plane, scale, bias) = channels[channel];
                kernels::affine(&sampled[plane], scale, bias, ready);
            }
            Self::Yuv(mixes) => kernels::mix([&sampled[0], &sampled[1], &sampled[2]], mixes[channel], ready),
        }
    }
}

impl RowScratch {
    /// Sets tables and row lengths for one letterbox, pixel format and part of a frame.
    fn fit(&mut self, letterbox: &Letterbox, format: PixelFormat, crop: Crop) {
        let content = (letterbox.content.0 as usize, letterbox.content.1 as usize);
        let source = (letterbox.source.0 as usize, letterbox.source.1 as usize);
        let origin = (crop.x as usize, crop.y as usize);
        self.luma.fill(source, content, 1.0, source);
        self.luma.part = [origin.0, origin.1, source.0, source.1];
        let mut widths = [source.0; 3];
        if let PixelFormat::Yuv420 { .. } = format {
            let plane = (source.0.div_ceil(2), source.1.div_ceil(2));
            self.chroma.fill(plane, content, 0.5, source);
            self.chroma.part = [origin.0 / 2, origin.1 / 2, plane.0, plane.1];
            widths = [source.0, plane.0, plane.0];
        }
        for (row, width) in self.source.iter_mut().zip(widths) {
            row.resize(width + 1, 0);
        }
        self.sampled.iter_mut().for_each(|row| row.resize(content.0, 0));
        self.pairs.resize(content.0, [0; 2]);
        self.ready.resize(content.0, 0.0);
    }

    /// Samples row `y` of the letterbox's content into `sampled`.
    fn sample_row(&mut self, frame: &Frame, y: usize) {
        match frame.format() {
            PixelFormat::Rgb8 => self.sample_rgb(frame, y),
            PixelFormat::Yuv420 { .. } => self.sample_yuv(frame, y),
        }
    }

    fn sample_rgb(&mut self, frame: &Frame, y: usize) {
        let (first, second, weight) = self.luma.lines::<3>(frame.pixels(), frame.width() as usize, y);
        let [red, green, blue] = &mut self.source;
        kernels::blend_rgb(first, second, weight, [red, green, blue]);
        for (source, sampled) in self.source.iter_mut().zip(&mut self.sampled) {
            self.luma.sample(source, &mut self.pairs, sampled);
        }
    }

    fn sample_yuv(&mut self, frame: &Frame, y: usize) {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let chroma_width = width.div_ceil(2);
        let (luma, chroma) = frame.pixels().split_at(width * height);
        let (blue, red) = chroma.split_at(chroma.len() / 2);
        let planes = [(luma, width, &self.luma), (blue, chroma_width, &self.chroma), (red, chroma_width, &self.chroma)];
        for (index, (plane, width, axes)) in planes.into_iter().enumerate() {
            let (first, second, weight) = axes.lines::<1>(plane, width, y);
            kernels::blend(first, second, weight, &mut self.source[index]);
            axes.sample(&mut self.source[index], &mut self.pairs, &mut self.sampled[index]);
        }
    }
}

impl PlaneAxes {
    /// `density`: samples of the plane for each pixel of the picture, of `source` pixels.
    fn fill(&mut self, plane: (usize, usize), content: (usize, usize), density: f64, source: (usize, usize)) {
        self.across.fill(plane.0, content.0, source.0 as f64 / content.0 as f64 * density);
        self.down.fill(plane.1, content.1, source.1 as f64 / content.1 as f64 * density);
    }

    /// The two lines of a plane that row `y` lies between, and the share of the second.
    /// The plane has `width` columns of `VALUES` values each.
    fn lines<'a, const VALUES: usize>(&self, plane: &'a [u8], width: usize, y: usize) -> (&'a [u8], &'a [u8], i16) {
        let [left, top, columns, lines] = self.part;
        let first = self.down.positions()[y] as usize;
        let second = (first + 1).min(lines - 1);
        let line = |index: usize| &plane[((top + index) * width + left) * VALUES..][..columns * VALUES];
        (line(first), line(second), self.down.weights()[y])
    }

    /// Samples a blended row across. Its last element is free and takes a copy of the one before, so that every
    /// position has a second neighbour.
    fn sample(&self, source: &mut [i16], pairs: &mut [[i16; 2]], sampled: &mut [i16]) {
        let width = source.len() - 1;
        source[width] = source[width - 1];
        match self.across.pattern() {
            Pattern::Identity => sampled.copy_from_slice(&source[..sampled.len()]),
            Pattern::Half => kernels::halve(source, sampled),
            Pattern::Table => {
                kernels::gather(source, self.across.positions(), pairs);
                kernels::lerp(pairs, self.across.weights(), sampled);
            }
        }
    }
}
