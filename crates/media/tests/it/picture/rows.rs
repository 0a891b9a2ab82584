//! Tensor rows: against OpenCV (`tools/reference/letterbox.py`) for RGB, against plain f64 arithmetic for YUV.

use super::fixture;
use super::geometry::letterbox;
use half::f16;
use samovar_media::{
    ChannelOrder, Crop, Frame, FramePool, Letterbox, MediaErrorKind, PixelFormat, Row, RowFormat, RowScratch,
    YuvMatrix, YuvRange, to_rgb, write_crop, write_row,
};

const YUV: PixelFormat = PixelFormat::Yuv420 { matrix: YuvMatrix::Bt601, range: YuvRange::Limited };

/// OpenCV rounds to whole grey levels and we do not, so half a level is rounding; the rest is its 11-bit weights.
const OPENCV_LEVELS: f32 = 1.0;

#[test]
fn rgb_rows_are_those_of_opencv() {
    let pool = FramePool::new(2);
    let mut scratch = RowScratch::default();
    for (index, case) in fixture::json("letterbox.json")["pixels"].as_array().unwrap().iter().enumerate() {
        let letterbox = letterbox(case);
        let frame = fixture::noise_frame(&pool, letterbox.source, PixelFormat::Rgb8);
        let row = row_of(&frame, &letterbox, &RowFormat::UNIT, &mut scratch);
        let expected = fixture::bytes(&format!("letterbox_{index}.rgb"));
        let plane = expected.len() / 3;
        for (at, level) in expected.iter().enumerate() {
            let got = row[at % 3 * plane + at / 3];
            assert!(
                (got - f32::from(*level) / 255.0).abs() <= OPENCV_LEVELS / 255.0,
                "{case} at {at}: {got} for {level}"
            );
        }
    }
}

#[test]
fn yuv_rows_are_those_of_the_formula() {
    let pool = FramePool::new(2);
    let mut scratch = RowScratch::default();
    for matrix in [YuvMatrix::Bt601, YuvMatrix::Bt709] {
        for range in [YuvRange::Limited, YuvRange::Full] {
            for (source, target) in [((64, 36), (32, 32)), ((37, 23), (32, 32)), ((20, 15), (48, 32)), ((1, 1), (4, 4))]
            {
                let frame = fixture::noise_frame(&pool, source, PixelFormat::Yuv420 { matrix, range });
                let letterbox = Letterbox::centered(source, target);
                let row = row_of(&frame, &letterbox, &RowFormat::UNIT, &mut scratch);
                compare_with_formula(&frame, &letterbox, &row);
            }
        }
    }
}

/// Sampled planes first, then the formula of the standard, all in f64. The six fractional bits between the passes
/// are worth up to 2.1 / 64 of a level in each of three passes.
fn compare_with_formula(frame: &Frame, letterbox: &Letterbox, row: &[f32]) {
    let (width, height) = (letterbox.target.0 as usize, letterbox.target.1 as usize);
    for y in 0..letterbox.content.1 as usize {
        for x in 0..letterbox.content.0 as usize {
            let expected = rgb_at(frame, letterbox, (x, y));
            let at = (y + letterbox.pad_top as usize) * width + x + letterbox.pad_left as usize;
            for (channel, expected) in expected.into_iter().enumerate() {
                let got = f64::from(row[channel * width * height + at]) * 255.0;
                assert!((got - expected).abs() <= 0.2, "{letterbox:?} {x},{y}: channel {channel} {got} for {expected}");
            }
        }
    }
}

fn rgb_at(frame: &Frame, letterbox: &Letterbox, (x, y): (usize, usize)) -> [f64; 3] {
    let PixelFormat::Yuv420 { matrix, range } = frame.format() else { panic!("a YUV frame") };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let half = (width.div_ceil(2), height.div_ceil(2));
    let (luma, chroma) = frame.pixels().split_at(width * height);
    let (u, v) = chroma.split_at(half.0 * half.1);
    let step = (width as f64 / f64::from(letterbox.content.0), height as f64 / f64::from(letterbox.content.1));
    let at = ((x as f64 + 0.5) * step.0, (y as f64 + 0.5) * step.1);
    let y = bilinear(luma, (width, height), (at.0 - 0.5, at.1 - 0.5));
    let u = bilinear(u, half, (at.0 / 2.0 - 0.5, at.1 / 2.0 - 0.5));
    let v = bilinear(v, half, (at.0 / 2.0 - 0.5, at.1 / 2.0 - 0.5));
    let (y, u, v) = match range {
        YuvRange::Limited => ((y - 16.0) * 255.0 / 219.0, (u - 128.0) * 255.0 / 224.0, (v - 128.0) * 255.0 / 224.0),
        YuvRange::Full => (y, u - 128.0, v - 128.0),
    };
    // The published coefficients, not those derived from the shares as the code does.
    let rgb = match matrix {
        YuvMatrix::Bt601 => [y + 1.402 * v, y - 0.344_136 * u - 0.714_136 * v, y + 1.772 * u],
        YuvMatrix::Bt709 => [y + 1.574_8 * v, y - 0.187_324 * u - 0.468_124 * v, y + 1.855_6 * u],
    };
    rgb.map(|level| level.clamp(0.0, 255.0))
}

fn bilinear(plane: &[u8], (width, height): (usize, usize), (x, y): (f64, f64)) -> f64 {
    let (x, y) = (x.clamp(0.0, (width - 1) as f64), y.clamp(0.0, (height - 1) as f64));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (across, down) = (x.fract(), y.fract());
    let at = |x: usize, y: usize| f64::from(plane[y * width + x]);
    let upper = at(left, top) * (1.0 - across) + at(right, top) * across;
    let lower = at(left, bottom) * (1.0 - across) + at(right, bottom) * across;
    upper * (1.0 - down) + lower * down
}

#[test]
fn grey_yuv_is_grey_and_black_and_white_are_reached() {
    let pool = FramePool::new(2);
    for (luma, level) in [(16, 0), (235, 255), (0, 0), (255, 255), (126, 128)] {
        let pixels = std::iter::repeat_n(luma, 36).chain(std::iter::repeat(128));
        let rgb = to_rgb(&fixture::frame(&pool, (6, 6), YUV, pixels), &pool);
        assert!(rgb.pixels().iter().all(|value| *value == level), "{luma}: {:?}", &rgb.pixels()[..3]);
    }
}

#[test]
fn order_scale_bias_and_padding_are_applied() {
    let pool = FramePool::new(1);
    let frame = fixture::frame(&pool, (2, 1), PixelFormat::Rgb8, [10, 20, 30, 10, 20, 30].into_iter());
    let letterbox = Letterbox::top_left((2, 1), (2, 2));
    let format = RowFormat { order: ChannelOrder::Bgr, scale: [1.0, 2.0, 0.5], bias: [0.0, 1.0, -1.0], pad: 100 };
    let row = row_of(&frame, &letterbox, &format, &mut RowScratch::default());
    assert_eq!(row, [30.0, 30.0, 100.0, 100.0, 41.0, 41.0, 201.0, 201.0, 4.0, 4.0, 49.0, 49.0]);
}

#[test]
fn standardised_rows_have_mean_and_deviation_taken_out() {
    let format = RowFormat::standardised([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    for (channel, (mean, std)) in [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)].into_iter().enumerate() {
        let got = 200.0 * format.scale[channel] + format.bias[channel];
        assert!((got - (200.0 / 255.0 - mean) / std).abs() < 1e-5, "{channel}");
    }
}

#[test]
fn every_element_type_holds_the_same_values() {
    let pool = FramePool::new(1);
    let letterbox = Letterbox::centered((37, 23), (32, 32));
    let frame = fixture::noise_frame(&pool, letterbox.source, PixelFormat::Rgb8);
    let mut scratch = RowScratch::default();
    let levels = RowFormat { scale: [1.0; 3], ..RowFormat::UNIT };
    let floats = row_of(&frame, &letterbox, &levels, &mut scratch);
    let (mut halves, mut bytes) = (vec![f16::ZERO; floats.len()], vec![0; floats.len()]);
    write_row(&frame, &letterbox, &levels, Row::F16(&mut halves), &mut scratch).unwrap();
    write_row(&frame, &letterbox, &levels, Row::U8(&mut bytes), &mut scratch).unwrap();
    for ((float, half), byte) in floats.iter().zip(halves).zip(bytes) {
        assert_eq!(f16::from_f32(*float), half);
        assert_eq!(float.round_ties_even() as u8, byte);
    }
}

#[test]
fn a_row_is_written_whole_and_its_neighbours_not_at_all() {
    let pool = FramePool::new(1);
    let letterbox = Letterbox::centered((37, 23), (32, 32));
    let frame = fixture::noise_frame(&pool, letterbox.source, PixelFormat::Rgb8);
    let mut scratch = RowScratch::default();
    let alone = row_of(&frame, &letterbox, &RowFormat::UNIT, &mut scratch);
    let mut batch = vec![f32::NAN; 3 * alone.len()];
    let (_, rest) = batch.split_at_mut(alone.len());
    write_row(&frame, &letterbox, &RowFormat::UNIT, Row::F32(&mut rest[..alone.len()]), &mut scratch).unwrap();
    assert!(batch[..alone.len()].iter().all(|value| value.is_nan()));
    assert_eq!(batch[alone.len()..2 * alone.len()], alone);
    assert!(batch[2 * alone.len()..].iter().all(|value| value.is_nan()));
}

#[test]
fn a_scratch_may_serve_any_frame_after_any_other() {
    let pool = FramePool::new(2);
    let mut shared = RowScratch::default();
    let sizes = [(64, 36), (7, 5), (200, 100), (1, 9), (32, 32)];
    for (source, format) in sizes.into_iter().flat_map(|size| [(size, PixelFormat::Rgb8), (size, YUV)]) {
        let (frame, letterbox) = (fixture::noise_frame(&pool, source, format), Letterbox::centered(source, (32, 32)));
        let fresh = row_of(&frame, &letterbox, &RowFormat::UNIT, &mut RowScratch::default());
        assert_eq!(row_of(&frame, &letterbox, &RowFormat::UNIT, &mut shared), fresh, "{source:?}");
    }
}

#[test]
fn a_frame_of_another_size_is_refused() {
    let pool = FramePool::new(1);
    let frame = fixture::noise_frame(&pool, (8, 8), PixelFormat::Rgb8);
    let letterbox = Letterbox::centered((9, 8), (8, 8));
    let mut row = [0.0; 192];
    let refused =
        write_row(&frame, &letterbox, &RowFormat::UNIT, Row::F32(&mut row), &mut RowScratch::default()).unwrap_err();
    assert_eq!(refused.kind(), MediaErrorKind::Corrupt);
}

/// A part gives what a picture of that part alone gives: nothing around it shows, and no line is off.
#[test]
fn a_part_of_a_frame_is_written_as_a_picture_of_its_own() {
    let pool = FramePool::new(4);
    let mut scratch = RowScratch::default();
    for format in [PixelFormat::Rgb8, YUV] {
        let frame = fixture::noise_frame(&pool, (37, 23), format);
        for (x, y, width, height) in [(0, 0, 37, 23), (0, 0, 16, 8), (8, 6, 12, 17), (36, 22, 1, 1), (2, 20, 35, 3)] {
            let crop = Crop { x, y, width, height };
            let own = cut(&pool, &frame, crop);
            for target in [(16, 32), (width, height), (5, 3)] {
                let letterbox = Letterbox::stretch((width, height), target);
                let expected = row_of(&own, &letterbox, &RowFormat::UNIT, &mut scratch);
                let mut row = vec![f32::NAN; expected.len()];
                write_crop((&frame, crop), &letterbox, &RowFormat::UNIT, Row::F32(&mut row), &mut scratch).unwrap();
                assert_eq!(row, expected, "{crop:?} of {format:?} to {target:?}");
            }
        }
    }
}

#[test]
fn a_part_that_leaves_the_frame_is_refused() {
    let frame = fixture::noise_frame(&FramePool::new(1), (20, 10), YUV);
    let mut row = vec![0.0; 3 * 16];
    for (x, y, width, height) in [(0, 0, 21, 10), (12, 0, 10, 4), (1, 0, 4, 4), (0, 3, 4, 4), (u32::MAX - 1, 0, 4, 4)] {
        let letterbox = Letterbox::stretch((width, height), (4, 4));
        let crop = Crop { x, y, width, height };
        let row = Row::F32(&mut row);
        let error = write_crop((&frame, crop), &letterbox, &RowFormat::UNIT, row, &mut RowScratch::default());
        assert_eq!(error.unwrap_err().kind(), MediaErrorKind::Corrupt, "{crop:?}");
    }
}

/// A frame of that part alone, copied sample by sample.
fn cut(pool: &FramePool, frame: &Frame, crop: Crop) -> Frame {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let part = [crop.x, crop.y, crop.width, crop.height].map(|side| side as usize);
    let mut samples = Vec::new();
    match frame.format() {
        PixelFormat::Rgb8 => {
            cut_plane(frame.pixels(), 3 * width, [3 * part[0], part[1], 3 * part[2], part[3]], &mut samples);
        }
        PixelFormat::Yuv420 { .. } => {
            let half = (width.div_ceil(2), height.div_ceil(2));
            let (luma, chroma) = frame.pixels().split_at(width * height);
            let (u, v) = chroma.split_at(half.0 * half.1);
            let part_of_half = [part[0] / 2, part[1] / 2, part[2].div_ceil(2), part[3].div_ceil(2)];
            cut_plane(luma, width, part, &mut samples);
            cut_plane(u, half.0, part_of_half, &mut samples);
            cut_plane(v, half.0, part_of_half, &mut samples);
        }
    }
    fixture::frame(pool, (crop.width, crop.height), frame.format(), samples.into_iter())
}

fn cut_plane(plane: &[u8], line_len: usize, [x, y, width, height]: [usize; 4], samples: &mut Vec<u8>) {
    let lines = plane.chunks_exact(line_len).skip(y).take(height);
    lines.for_each(|line| samples.extend_from_slice(&line[x..x + width]));
}

fn row_of(frame: &Frame, letterbox: &Letterbox, format: &RowFormat, scratch: &mut RowScratch) -> Vec<f32> {
    let mut row = vec![f32::NAN; 3 * letterbox.target.0 as usize * letterbox.target.1 as usize];
    write_row(frame, letterbox, format, Row::F32(&mut row), scratch).unwrap();
    assert!(row.iter().all(|value| value.is_finite()), "every element is written");
    row
}
