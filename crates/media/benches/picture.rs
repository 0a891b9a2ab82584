//! Milliseconds of each step from a compressed picture to a tensor row, one thread, best and median of many.
//!
//! `cargo bench -p samovar-media --bench picture`. The last lines set the fused pass beside a separate resize and pack.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use samovar_media::{
    Frame, FramePool, ImageEncoding, ImageHeader, ImageLimits, Letterbox, Orientation, PixelFormat, Row, RowFormat,
    RowScratch, YuvMatrix, YuvRange, decode_image, encode_image, to_rgb, write_row,
};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let pool = FramePool::new(4);
    for (width, height) in [(1280, 720), (1920, 1080), (810, 1080), (480, 360), (3840, 2160)] {
        let rgb = picture(&pool, (width, height), PixelFormat::Rgb8);
        let yuv = PixelFormat::Yuv420 { matrix: YuvMatrix::Bt709, range: YuvRange::Limited };
        let yuv = picture(&pool, (width, height), yuv);
        let name = format!("{width}x{height}");
        decode(&pool, &rgb, &name);
        row(&rgb, &format!("{name} RGB row"));
        row(&yuv, &format!("{name} YUV row"));
        separate(&rgb, &format!("{name} RGB fast_image_resize + pack"));
        if height == 720 {
            turn(&pool, &rgb, &name);
            encode(&pool, &yuv, &name);
        }
    }
}

/// A smooth picture with some texture, so that it compresses like a photograph.
fn picture(pool: &FramePool, (width, height): (u32, u32), format: PixelFormat) -> Frame {
    let mut pixels = pool.take(format.size_bytes(width, height));
    let mut state = 1_u32;
    for (at, pixel) in pixels.iter_mut().enumerate() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wave = (at as f32 / 97.0).sin() * 60.0 + (at as f32 / 9_001.0).cos() * 50.0;
        *pixel = (128.0 + wave) as u8 ^ (state >> 30) as u8;
    }
    Frame::new(width, height, format, Duration::ZERO, pixels)
}

fn decode(pool: &FramePool, frame: &Frame, name: &str) {
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85);
    let color = image::ExtendedColorType::Rgb8;
    image::ImageEncoder::write_image(encoder, frame.pixels(), frame.width(), frame.height(), color).expect("encodes");
    let limits = ImageLimits::default();
    let header = ImageHeader::read(&jpeg, &limits).expect("just encoded");
    let kilobytes = jpeg.len() / 1024;
    measure(&format!("{name} JPEG decode ({kilobytes} kB)"), || {
        black_box(decode_image(&jpeg, &header, &limits, pool).expect("just encoded"));
    });
}

fn turn(pool: &FramePool, frame: &Frame, name: &str) {
    let png = encode_image(frame, ImageEncoding::Png, pool).expect("fits");
    let limits = ImageLimits::default();
    let header = ImageHeader::read(&png, &limits).expect("just encoded");
    for orientation in [Orientation::Upright, Orientation::Rotated90] {
        let header = ImageHeader { orientation, ..header };
        measure(&format!("{name} PNG decode, {orientation:?}"), || {
            black_box(decode_image(&png, &header, &limits, pool).expect("just encoded"));
        });
    }
}

fn encode(pool: &FramePool, frame: &Frame, name: &str) {
    measure(&format!("{name} JPEG encode"), || {
        black_box(encode_image(frame, ImageEncoding::Jpeg { quality: 90 }, pool).expect("fits"));
    });
    measure(&format!("{name} to RGB"), || {
        black_box(to_rgb(frame, pool));
    });
}

fn row(frame: &Frame, name: &str) {
    let letterbox = Letterbox::centered((frame.width(), frame.height()), (640, 640));
    let mut scratch = RowScratch::default();
    let mut tensor = vec![0.0; 3 * 640 * 640];
    measure(name, || {
        let row = Row::F32(&mut tensor);
        write_row(frame, &letterbox, &RowFormat::UNIT, row, &mut scratch).expect("sizes agree");
    });
}

/// The same by a resize into bytes, then a pass that parts and scales the channels; without padding.
fn separate(frame: &Frame, name: &str) {
    let letterbox = Letterbox::centered((frame.width(), frame.height()), (640, 640));
    let (width, height) = letterbox.content;
    let source = ImageRef::new(frame.width(), frame.height(), frame.pixels(), PixelType::U8x3).expect("dense");
    let mut resized = Image::new(width, height, PixelType::U8x3);
    let mut resizer = Resizer::new();
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Interpolation(FilterType::Bilinear));
    let mut tensor = vec![0.0; 3 * 640 * 640];
    measure(name, || {
        resizer.resize(&source, &mut resized, &options).expect("same pixel type");
        for (channel, plane) in tensor.chunks_exact_mut(640 * 640).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(resized.buffer().chunks_exact(3)) {
                *value = f32::from(pixel[channel]) * (1.0 / 255.0);
            }
        }
        black_box(&tensor);
    });
}

fn measure(name: &str, mut run: impl FnMut()) {
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<48} best {:>7.3} ms   median {:>7.3} ms", times[0], times[times.len() / 2]);
}
