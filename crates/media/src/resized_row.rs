//! A frame, resized as Pillow does it, straight into its row of the batch tensor: bit for bit the bytes of `Image.resize`, then scaled.
//!
//! Pillow goes across first and down then, and rounds to bytes in between, so this does too. Of the rows in between only as many are kept
//! as one target row needs, and of the resized picture only the window is computed: a picture of one column and 8,192 lines
//! takes no more memory than any other.

use crate::filter_axis::{FilterAxis, Span};
use crate::image_header::corrupt;
use crate::row::{Element, split};
use crate::{
    ChannelOrder, Frame, FramePool, MediaError, PixelFormat, PoolPurpose, Resize, Row, RowFormat, kernels, to_rgb,
};

/// Tables and rows of one slot, kept from frame to frame so that nothing is allocated in steady state.
#[derive(Debug)]
pub struct ResizeScratch {
    across: FilterAxis,
    down: FilterAxis,
    /// The channels of one source row, apart.
    source: [Vec<u8>; 3],
    /// The last source rows at the target's width, each three channels wide; row `y` lies at `y` modulo their number.
    ring: Vec<u8>,
    /// Sums of one target row.
    sums: Vec<i32>,
    /// One target row of all channels as bytes.
    bytes: Vec<u8>,
    /// One channel of it, ready to be stored.
    ready: Vec<f32>,
    /// For frames that are not RGB.
    pool: FramePool,
}

impl Default for ResizeScratch {
    fn default() -> Self {
        let pool = FramePool::counted(PoolPurpose::Picture, 2);
        let (across, down) = (FilterAxis::default(), FilterAxis::default());
        let (ring, sums, bytes, ready) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { across, down, source: Default::default(), ring, sums, bytes, ready, pool }
    }
}

/// Writes the window of `resize` of `frame` into `row`. The padding of `format` is not used: a window has none.
///
/// # Errors
/// `Corrupt` where the frame is not of the size that `resize` was made for.
///
/// # Panics
/// Where `row` is not of the size of the target, or the window does not lie in the resized picture.
pub fn write_resized(
    frame: &Frame,
    resize: &Resize,
    format: &RowFormat,
    row: Row<'_>,
    scratch: &mut ResizeScratch,
) -> Result<(), MediaError> {
    if (frame.width(), frame.height()) != resize.source {
        return Err(corrupt("the frame is not of the size that was announced"));
    }
    let converted = match frame.format() {
        PixelFormat::Rgb8 => None,
        PixelFormat::Yuv420 { .. } => Some(to_rgb(frame, &scratch.pool)),
    };
    let frame = converted.as_ref().unwrap_or(frame);
    scratch.fit(resize);
    match row {
        Row::F32(row) => write(frame, resize, format, row, scratch),
        Row::F16(row) => write(frame, resize, format, row, scratch),
        Row::U8(row) => write(frame, resize, format, row, scratch),
    }
    Ok(())
}

fn write<T: Element>(frame: &Frame, resize: &Resize, format: &RowFormat, row: &mut [T], scratch: &mut ResizeScratch) {
    let (width, height) = (resize.target.0 as usize, resize.target.1 as usize);
    assert_eq!(row.len(), 3 * width * height, "a row holds three planes of the target");
    let planes = match format.order {
        ChannelOrder::Rgb => [0, 1, 2],
        ChannelOrder::Bgr => [2, 1, 0],
    };
    let mut targets = split(row, width * height);
    let mut next = scratch.down.range().start;
    for y in 0..height {
        let (first, weights) = scratch.down.window(y);
        let end = first + weights.len();
        while next < end {
            scratch.take_row(frame, next);
            next += 1;
        }
        scratch.blend_rows(y);
        for (channel, target) in targets.iter_mut().enumerate() {
            let bytes = &scratch.bytes[planes[channel] * width..][..width];
            kernels::affine_bytes(bytes, format.scale[channel], format.bias[channel], &mut scratch.ready);
            T::store(&scratch.ready, &mut target[y * width..][..width]);
        }
    }
}

impl ResizeScratch {
    /// Sets tables and row lengths.
    fn fit(&mut self, resize: &Resize) {
        let (source, resized, origin, target) = (resize.source, resize.resized, resize.origin, resize.target);
        let across = Span { len: source.0, resized: resized.0, origin: origin.0, count: target.0 };
        let down = Span { len: source.1, resized: resized.1, origin: origin.1, count: target.1 };
        assert!(origin.0 + target.0 <= resized.0 && origin.1 + target.1 <= resized.1, "the window lies in the picture");
        self.across.fill(across, resize.filter);
        self.down.fill(down, resize.filter);
        let (width, columns) = (target.0 as usize, self.across.range().len());
        self.source.iter_mut().for_each(|channel| channel.resize(columns, 0));
        self.ring.resize(self.down.widest() * 3 * width, 0);
        self.sums.resize(3 * width, 0);
        self.bytes.resize(3 * width, 0);
        self.ready.resize(width, 0.0);
    }

    /// Resizes source row `y` across, into its place in the ring.
    fn take_row(&mut self, frame: &Frame, y: usize) {
        let columns = self.across.range();
        let line = &frame.pixels()[(y * frame.width() as usize + columns.start) * 3..][..columns.len() * 3];
        let [red, green, blue] = &mut self.source;
        kernels::part_channels(line, [red, green, blue]);
        let (start, width) = (self.bytes.len(), self.ready.len());
        let place = &mut self.ring[y % self.down.widest() * start..][..start];
        for (channel, out) in self.source.iter().zip(place.chunks_exact_mut(width)) {
            self.across.sample(channel, out);
        }
    }

    /// Blends the rows of the ring that target row `y` takes into `bytes`.
    fn blend_rows(&mut self, y: usize) {
        let (first, weights) = self.down.window(y);
        self.sums.fill(kernels::HALF);
        let (width, rows) = (self.sums.len(), self.down.widest());
        for (index, weight) in weights.iter().enumerate() {
            let row = &self.ring[(first + index) % rows * width..][..width];
            kernels::add_weighed(row, *weight, &mut self.sums);
        }
        kernels::settle(&self.sums, &mut self.bytes);
    }
}
