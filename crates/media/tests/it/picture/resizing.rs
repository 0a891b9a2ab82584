//! The same bytes as Pillow's `Image.resize` (`tools/reference/image_text.py`), for every filter, up and down, and for very long pictures.

use samovar_media::{
    Frame, FramePool, PixelFormat, Resize, ResizeFilter, ResizeScratch, Row, RowFormat, YuvMatrix, YuvRange, to_rgb,
    write_resized,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::Duration;

/// Grey levels as they are, red first.
const LEVELS: RowFormat = RowFormat { scale: [1.0; 3], ..RowFormat::UNIT };

#[test]
fn every_filter_gives_the_bytes_of_pillow() {
    let cases: Value = serde_json::from_str(include_str!("../../fixtures/resize.json")).unwrap();
    let mut frames = HashMap::new();
    let mut scratch = ResizeScratch::default();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 150);
    for case in cases {
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let source = (number(&case["source"][0]), number(&case["source"][1]));
        let (side, filter) = (number(&case["side"]), filter(case["filter"].as_str().unwrap()));
        let resize = match case["crop"].as_bool().unwrap() {
            true => Resize::shortest_edge(source, side, (side, side), filter),
            false => Resize::stretch(source, (side, side), filter),
        };
        let frame = frames.entry(source).or_insert_with(|| drawn(source));
        assert_eq!(sha256(&resized(frame, &resize, &mut scratch)), case["sha256"].as_str().unwrap(), "{case}");
    }
}

/// Pillow would make a picture of 224 × 1,835,008 first.
#[test]
fn a_picture_of_one_column_is_no_larger_than_others() {
    let (source, target) = ((1, 8192), (224, 224));
    let resize = Resize::shortest_edge(source, 224, target, ResizeFilter::Bicubic);
    let row = resized(&drawn(source), &resize, &mut ResizeScratch::default());
    assert!(row.chunks(224).all(|line| line.iter().all(|level| *level == line[0])), "one column is as wide as it is");
}

#[test]
fn scale_bias_and_order_are_those_of_the_format() {
    let frame = drawn((40, 30));
    let resize = Resize::stretch((40, 30), (16, 16), ResizeFilter::Bicubic);
    let mut scratch = ResizeScratch::default();
    let levels = resized(&frame, &resize, &mut scratch);
    let format = RowFormat { order: samovar_media::ChannelOrder::Bgr, ..RowFormat::standardised([0.5; 3], [0.25; 3]) };
    let (mut full, mut half) = (vec![0.0; 3 * 256], vec![half::f16::ZERO; 3 * 256]);
    write_resized(&frame, &resize, &format, Row::F32(&mut full), &mut scratch).unwrap();
    write_resized(&frame, &resize, &format, Row::F16(&mut half), &mut scratch).unwrap();
    for (index, value) in full.iter().enumerate() {
        let level = levels[(2 - index / 256) * 256 + index % 256];
        assert!((value - (f32::from(level) / 255.0 - 0.5) / 0.25).abs() < 1e-5);
        assert!((value - half[index].to_f32()).abs() < 2e-3);
    }
}

#[test]
fn video_is_resized_as_the_rgb_that_it_shows() {
    let format = PixelFormat::Yuv420 { matrix: YuvMatrix::Bt709, range: YuvRange::Limited };
    let pool = FramePool::new(2);
    let mut frame = Frame::new(37, 21, format, Duration::ZERO, pool.take(format.size_bytes(37, 21)));
    frame.pixels_mut().iter_mut().enumerate().for_each(|(index, level)| *level = (16 + index * 7 % 200) as u8);
    let resize = Resize::stretch((37, 21), (24, 24), ResizeFilter::Bilinear);
    let mut scratch = ResizeScratch::default();
    let shown = to_rgb(&frame, &pool);
    assert_eq!(resized(&frame, &resize, &mut scratch), resized(&shown, &resize, &mut scratch));
}

#[test]
fn a_frame_of_another_size_is_refused() {
    let resize = Resize::stretch((40, 31), (16, 16), ResizeFilter::Bicubic);
    let mut row = vec![0; 3 * 256];
    let written = write_resized(&drawn((40, 30)), &resize, &LEVELS, Row::U8(&mut row), &mut ResizeScratch::default());
    assert_eq!(written.unwrap_err().kind().code(), "corrupt_media");
}

fn resized(frame: &Frame, resize: &Resize, scratch: &mut ResizeScratch) -> Vec<u8> {
    let mut row = vec![0; 3 * resize.target.0 as usize * resize.target.1 as usize];
    write_resized(frame, resize, &LEVELS, Row::U8(&mut row), scratch).unwrap();
    row
}

fn filter(name: &str) -> ResizeFilter {
    let numbers = ["", "lanczos", "bilinear", "bicubic", "box", "hamming"];
    let number = numbers.iter().position(|known| *known == name).unwrap();
    ResizeFilter::of_pillow(number as u64).unwrap()
}

/// `drawn` of the script: edges, gradients and a grain.
fn drawn((width, height): (u32, u32)) -> Frame {
    let format = PixelFormat::Rgb8;
    let mut frame =
        Frame::new(width, height, format, Duration::ZERO, FramePool::new(0).take(format.size_bytes(width, height)));
    for (index, pixel) in frame.pixels_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (index as u32 % width, index as u32 / width);
        let grain = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35) >> 27;
        let red = (x / 7 + y / 5) % 2 * 150 + grain;
        let green = x * 255 / (width - 1).max(1) + grain;
        let blue = (y * 255 / (height - 1).max(1)) ^ grain;
        pixel.copy_from_slice(&[red, green, blue].map(|level| (level % 256) as u8));
    }
    frame
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
