//! A frame of any format as RGB at its own size, for drawing and encoding.

use crate::row::{Row, RowFormat, RowScratch, write_row};
use crate::{ChannelOrder, Frame, FramePool, Letterbox, PixelFormat, kernels};

/// A copy of `frame` as RGB. For people to look at: a model's input is written by [`write_row`], which is faster.
pub fn to_rgb(frame: &Frame, pool: &FramePool) -> Frame {
    let (width, height) = (frame.width(), frame.height());
    let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
    match frame.format() {
        PixelFormat::Rgb8 => pixels.copy_from_slice(frame.pixels()),
        PixelFormat::Yuv420 { .. } => convert(frame, pool, &mut pixels),
    }
    Frame::new(width, height, PixelFormat::Rgb8, frame.timestamp(), pixels)
}

/// Grey levels as they are, red first.
pub(crate) const LEVELS: RowFormat = RowFormat { order: ChannelOrder::Rgb, scale: [1.0; 3], bias: [0.0; 3], pad: 0 };

fn convert(frame: &Frame, pool: &FramePool, pixels: &mut [u8]) {
    let size = (frame.width(), frame.height());
    let mut planar = pool.take(pixels.len());
    let letterbox = Letterbox::stretch(size, size);
    write_row(frame, &letterbox, &LEVELS, Row::U8(&mut planar), &mut RowScratch::default())
        .expect("the letterbox was made for this frame");
    interleave(&planar, pixels);
}

/// From three planes to pixels.
pub(crate) fn interleave(planar: &[u8], pixels: &mut [u8]) {
    let plane_len = planar.len() / 3;
    let (red, rest) = planar.split_at(plane_len);
    let (green, blue) = rest.split_at(plane_len);
    let (pixels, _) = pixels.as_chunks_mut::<3>();
    kernels::interleave([red, green, blue], pixels);
}
