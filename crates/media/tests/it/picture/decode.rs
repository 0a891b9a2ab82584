//! Pictures of every coding against what Pillow and OpenCV see in them (`tools/reference/pictures.py`).

use super::fixture;
use bytes::Bytes;
use image::metadata::Orientation as Reference;
use samovar_media::{
    Canvas, FramePool, ImageEncoding, ImageFormat, ImageHeader, ImageLimits, Orientation, Picture, encode_image,
};
use std::sync::Arc;

#[test]
fn every_coding_is_read_as_other_readers_do() {
    let pool = FramePool::new(4);
    let table = fixture::json("pictures/expected.json");
    let pictures = table.as_object().unwrap();
    assert!(pictures.len() > 20);
    for (name, expected) in pictures {
        let frame = fixture::decode(&fixture::bytes(&format!("pictures/{name}")), &pool)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let size = (u64::from(frame.width()), u64::from(frame.height()));
        assert_eq!(size, (expected["width"].as_u64().unwrap(), expected["height"].as_u64().unwrap()), "{name}");
        let tolerance = expected["tolerance"].as_u64().unwrap() as u8;
        let difference = frame.pixels().iter().zip(from_hex(expected["rgb"].as_str().unwrap()));
        let difference = difference.map(|(got, expected)| got.abs_diff(expected)).max().unwrap();
        assert!(difference <= tolerance, "{name}: {difference} levels off");
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn all_eight_orientations_stand_upright() {
    let pool = FramePool::new(4);
    // Larger than the squares that a transposition is done in, and not a multiple of them.
    let stored = fixture::smooth_frame(&pool, (70, 41));
    let png = encode_image(&stored, ImageEncoding::Png, &pool).unwrap();
    for value in 1..=8 {
        let turned = with_orientation(&png, value);
        let header = ImageHeader::read(&turned, &ImageLimits::default()).unwrap();
        assert_eq!(header.orientation, Orientation::from_exif(u16::from(value)).unwrap());
        let mut expected: image::DynamicImage =
            image::RgbImage::from_raw(70, 41, stored.pixels().to_vec()).unwrap().into();
        expected.apply_orientation(Reference::from_exif(value).unwrap());
        let frame = fixture::decode(&turned, &pool).unwrap();
        assert_eq!((frame.width(), frame.height()), (expected.width(), expected.height()), "{value}");
        assert_eq!((frame.width(), frame.height()), header.oriented_size(), "{value}");
        assert_eq!(frame.pixels(), expected.as_bytes(), "{value}");
    }
}

/// Puts an eXIf chunk behind IHDR.
fn with_orientation(png: &[u8], value: u8) -> Vec<u8> {
    let (head, rest) = png.split_at(33);
    let exif = [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[value, 0, 0, 0, 0, 0, 0]].concat();
    [head, &super::hostile::png_chunk(b"eXIf", &exif), rest].concat()
}

#[test]
fn a_picture_is_decoded_when_it_is_asked_for_and_not_before() {
    let pool = FramePool::new(2);
    let picture = Picture::encoded(fixture::bytes("pictures/oriented.jpg").into(), ImageLimits::default()).unwrap();
    assert_eq!(picture.size(), (12, 20));
    assert_eq!((pool.stats().hits, pool.stats().allocations), (0, 0));
    let frame = picture.frame(&pool).unwrap();
    assert_eq!((frame.width(), frame.height()), picture.size());
    let again = Picture::decoded(Arc::clone(&frame));
    assert!(Arc::ptr_eq(&again.frame(&pool).unwrap(), &frame));
}

#[test]
fn buffers_go_back_to_the_pool() {
    let pool = FramePool::new(4);
    for name in ["oriented.jpg", "rgb_16_bit.png", "lossy_alpha.webp"] {
        let picture =
            Picture::encoded(fixture::bytes(&format!("pictures/{name}")).into(), ImageLimits::default()).unwrap();
        for _ in 0..3 {
            drop(picture.frame(&pool).unwrap());
        }
    }
    assert_eq!(pool.stats().in_use, 0);
    assert!(pool.stats().allocations <= 6, "{:?}", pool.stats());
}

#[test]
fn what_is_encoded_is_read_again() {
    let pool = FramePool::new(4);
    let frame = fixture::smooth_frame(&pool, (96, 64));
    let png = encode_image(&frame, ImageEncoding::Png, &pool).unwrap();
    assert_eq!(fixture::decode(&png, &pool).unwrap().pixels(), frame.pixels());
    let jpeg = encode_image(&frame, ImageEncoding::Jpeg { quality: 95 }, &pool).unwrap();
    let decoded = fixture::decode(&jpeg, &pool).unwrap();
    let error: u64 = decoded.pixels().iter().zip(frame.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(error < 4 * frame.pixels().len() as u64, "{error}");
}

#[test]
fn an_annotated_picture_differs_where_it_was_drawn_on() {
    let pool = FramePool::new(4);
    let frame = fixture::smooth_frame(&pool, (200, 160));
    let mut canvas = Canvas::new(&frame, &pool);
    canvas.draw_box([50.0, 60.0, 150.0, 140.0], "person 0.97", 0);
    let drawn = canvas.into_frame();
    let row = |frame: &samovar_media::Frame, y: usize| frame.pixels()[y * 600..][..600].to_vec();
    assert_eq!(row(&drawn, 10), row(&frame, 10));
    assert_ne!(row(&drawn, 50), row(&frame, 50), "the label");
    assert_ne!(row(&drawn, 61), row(&frame, 61), "the upper edge");
    assert_eq!(row(&drawn, 100)[60 * 3..140 * 3], row(&frame, 100)[60 * 3..140 * 3], "inside");
}

#[test]
fn the_format_is_what_the_content_says() {
    let limits = ImageLimits::default();
    let jpeg = fixture::bytes("pictures/baseline_420.jpg");
    let png = fixture::bytes("pictures/rgb.png");
    let polyglot = [jpeg.clone(), png, b"<script>".to_vec()].concat();
    for bytes in [&jpeg, &polyglot] {
        assert_eq!(ImageHeader::read(bytes, &limits).unwrap().format, ImageFormat::Jpeg);
    }
    let pool = FramePool::new(2);
    let (whole, with_tail) = (fixture::decode(&jpeg, &pool).unwrap(), fixture::decode(&polyglot, &pool).unwrap());
    assert_eq!(whole.pixels(), with_tail.pixels(), "what follows a picture is nothing to us");
    assert!(Picture::encoded(Bytes::from(polyglot), limits).is_ok());
}

#[test]
fn a_photograph_is_read_and_annotated() {
    let root = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models"),
        std::path::PathBuf::from,
    );
    let Ok(bytes) = std::fs::read(root.join("media/bus.jpg")) else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the media of the tests are absent");
        println!("skipped: media/bus.jpg is absent");
        return;
    };
    let pool = FramePool::new(4);
    let frame = fixture::decode(&bytes, &pool).unwrap();
    assert_eq!((frame.width(), frame.height()), (810, 1080));
    let mut canvas = Canvas::new(&frame, &pool);
    canvas.draw_box([50.0, 400.0, 245.0, 903.0], "person 0.90", 0);
    canvas.draw_box([17.0, 230.0, 803.0, 752.0], "bus 0.86", 5);
    canvas.draw_box([670.0, 0.0, 809.0, 200.0], "Quick {gjpqy} \"Fox\" & Über!", 2);
    let annotated = encode_image(canvas.frame(), ImageEncoding::Jpeg { quality: 90 }, &pool).unwrap();
    let again = fixture::decode(&annotated, &pool).unwrap();
    assert_eq!((again.width(), again.height()), (810, 1080));
    if let Some(folder) = std::env::var_os("SAMOVAR_TEST_OUT") {
        std::fs::write(std::path::Path::new(&folder).join("annotated.jpg"), annotated).unwrap();
    }
}
