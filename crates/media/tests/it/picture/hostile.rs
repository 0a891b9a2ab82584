//! Pictures that lie, are cut off, are damaged or are something else (RELIABILITY rows 29 and 30).

use super::fixture;
use bytes::Bytes;
use samovar_media::{
    Frame, FramePool, ImageEncoding, ImageHeader, ImageLimits, MediaError, MediaErrorKind, Picture, encode_image,
};

/// One PNG chunk with its checksum.
pub fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let checked = [kind.as_slice(), body].concat();
    let checksum = !checked.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    });
    [&(body.len() as u32).to_be_bytes(), checked.as_slice(), &checksum.to_be_bytes()].concat()
}

fn png(width: u32, height: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let header = [&width.to_be_bytes(), &height.to_be_bytes(), [8, 2, 0, 0, 0].as_slice()].concat();
    let mut bytes = [b"\x89PNG\r\n\x1a\n".as_slice(), &png_chunk(b"IHDR", &header)].concat();
    bytes.extend(chunks.concat());
    bytes.extend(png_chunk(b"IEND", &[]));
    bytes
}

fn webp(chunk: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let riff = [b"WEBP".as_slice(), chunk, &(body.len() as u32).to_le_bytes(), body].concat();
    [b"RIFF".as_slice(), &(riff.len() as u32).to_le_bytes(), &riff].concat()
}

#[test]
fn a_header_that_claims_too_much_is_refused_from_the_header() {
    let jpeg = b"\xFF\xD8\xFF\xC0\x00\x11\x08\xFF\xFF\xFF\xFF\x03\x01\x11\x00\x02\x11\x01\x03\x11\x01\xFF\xDA".to_vec();
    let bombs = [
        ("PNG", png(100_000, 100_000, &[png_chunk(b"IDAT", &[0x78, 0x9C, 0x63, 0, 0])])),
        ("PNG, largest", png(u32::MAX, u32::MAX, &[])),
        ("JPEG", jpeg),
        ("WebP, extended", webp(b"VP8X", &[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])),
        ("WebP, lossless", webp(b"VP8L", &[0x2F, 0xFF, 0xFF, 0xFF, 0xFF])),
        ("WebP, lossy", webp(b"VP8 ", &[0x10, 0, 0, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F])),
        ("over the bytes, not the sides", png(8_000, 8_000, &[])),
    ];
    for (name, bytes) in bombs {
        assert!(bytes.len() < 100, "{name}");
        let refused = Picture::encoded(Bytes::from(bytes), ImageLimits::default()).unwrap_err();
        assert_eq!(refused.kind(), MediaErrorKind::TooLarge, "{name}: {refused}");
    }
}

#[test]
fn a_picture_without_pixels_is_refused() {
    for (width, height) in [(0, 5), (5, 0)] {
        let refused = ImageHeader::read(&png(width, height, &[]), &ImageLimits::default()).unwrap_err();
        assert_eq!(refused.kind(), MediaErrorKind::Corrupt);
    }
}

#[test]
fn a_picture_that_inflates_hugely_takes_no_memory() {
    const INFLATED_BYTES: usize = 256 << 20;
    let stream = zeros_deflated(INFLATED_BYTES);
    let pool = FramePool::new(2);
    let profile = [b"icc\0\0".as_slice(), &stream].concat();
    let text = [b"Comment\0\0".as_slice(), &stream].concat();
    let row = png_chunk(b"IDAT", &zeros_deflated(10 * (1 + 3 * 10)));
    let bombs = [
        png(10, 10, &[png_chunk(b"IDAT", &stream)]),
        png(10, 10, &[png_chunk(b"iCCP", &profile), row.clone()]),
        png(10, 10, &[png_chunk(b"zTXt", &text), row]),
    ];
    let before = peak_memory_bytes();
    for bomb in &bombs {
        // Read or refused: either will do.
        drop(fixture::decode(bomb, &pool));
    }
    let grown = peak_memory_bytes().saturating_sub(before);
    assert!(grown < INFLATED_BYTES as u64 / 16, "{grown} bytes");
    // The bomb is one: without limits it goes off, and that is seen.
    let mut unlimited = image::codecs::png::PngDecoder::new(std::io::Cursor::new(&bombs[1])).unwrap();
    let profile = image::ImageDecoder::icc_profile(&mut unlimited).unwrap();
    assert!(profile.is_some_and(|profile| profile.len() >= INFLATED_BYTES));
    assert!(before == 0 || peak_memory_bytes() > before + INFLATED_BYTES as u64 / 2);
}

/// A zlib stream of about `len` zeros: one literal, then copies of it of 258 bytes at 13 bits each.
fn zeros_deflated(len: usize) -> Vec<u8> {
    let mut stream = vec![0x78, 0x9C];
    let (mut held, mut held_bits) = (0_u32, 0);
    let mut put = |value: u32, bits: u32| {
        held |= value << held_bits;
        held_bits += bits;
        while held_bits >= 8 {
            stream.push(held as u8);
            held >>= 8;
            held_bits -= 8;
        }
    };
    put(0b011, 3); // last block, fixed codes
    put(0b0000_1100, 8); // literal 0: code 00110000, first bit first
    for _ in 0..len.div_ceil(258) {
        put(0b1010_0011, 8); // length 258: code 11000101
        put(0, 5); // distance 1
    }
    put(0, 7); // end of block
    put(0, 7); // to the next byte
    // Zeros leave the sum of bytes at 1 and count the length, modulo 65,521.
    let written = 1 + len.div_ceil(258) * 258;
    stream.extend(((written % 65_521) as u32 * 0x1_0000 + 1).to_be_bytes());
    stream
}

/// The most memory this process ever had in use; zero where that is not told.
fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn what_is_not_read_is_named() {
    let known: [(&[u8], &str); 14] = [
        (b"GIF89a\x01\0\x01\0", "GIF"),
        (b"BM\x36\0\0\0", "BMP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"\0\0\0\x1CftypavifXXXX", "AVIF"),
        (b"\0\0\0\x1CftypheicXXXX", "HEIC"),
        (b"\0\0\0\x20ftypisomXXXX", "MP4"),
        (b"\x1A\x45\xDF\xA3\x01", "Matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04\x14", "ZIP"),
        ("{\"picture\": \"grün\"}\n".as_bytes(), "text"),
        (b"\x07\x03\x99\xC1", "no picture format that is known"),
        (b"", "no bytes"),
    ];
    for (bytes, name) in known {
        let refused = ImageHeader::read(bytes, &ImageLimits::default()).unwrap_err();
        assert_eq!(refused.kind(), MediaErrorKind::UnsupportedFormat, "{name}");
        assert!(refused.to_string().contains(name) && refused.to_string().contains("JPEG"), "{name}: {refused}");
    }
}

#[test]
fn codings_of_jpeg_that_are_not_read_are_refused_by_name() {
    let whole = fixture::bytes("pictures/baseline_444.jpg");
    let frame_header = whole.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    for (offset, value) in [(1, 0xC3), (1, 0xC9), (1, 0xCA), (4, 12)] {
        let mut bytes = whole.clone();
        bytes[frame_header + offset] = value;
        let refused = ImageHeader::read(&bytes, &ImageLimits::default()).unwrap_err();
        assert_eq!(refused.kind(), MediaErrorKind::UnsupportedFormat, "{refused}");
    }
}

/// Larger pictures than the fixtures, so that a cut falls within the pixels.
fn samples(pool: &FramePool) -> Vec<(&'static str, Vec<u8>)> {
    let frame = fixture::smooth_frame(pool, (160, 120));
    let mut webp = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut webp)
        .encode(frame.pixels(), 160, 120, image::ExtendedColorType::Rgb8)
        .unwrap();
    let mut samples = vec![
        ("JPEG", encode_image(&frame, ImageEncoding::Jpeg { quality: 85 }, pool).unwrap()),
        ("PNG", encode_image(&frame, ImageEncoding::Png, pool).unwrap()),
        ("WebP", webp),
    ];
    for name in ["progressive.jpg", "restarts.jpg", "cmyk.jpg", "lossy.webp", "animated.webp", "palette.png"] {
        samples.push((name, fixture::bytes(&format!("pictures/{name}"))));
    }
    samples
}

#[test]
fn a_picture_that_is_cut_off_is_an_error_or_whole() {
    let pool = FramePool::new(4);
    for (name, bytes) in samples(&pool) {
        let whole = fixture::decode(&bytes, &pool).unwrap();
        for part in 0..20 {
            let cut = bytes.len() * part / 20;
            match fixture::decode(&bytes[..cut], &pool) {
                Ok(frame) => assert!(frame.pixels() == whole.pixels(), "{name} cut at {part}/20 is half a picture"),
                Err(error) => assert_damage(&error, name),
            }
        }
        assert_eq!(pool.stats().in_use, 1);
    }
}

#[test]
fn sloppy_but_whole_jpegs_are_read() {
    let pool = FramePool::new(4);
    let frame = fixture::smooth_frame(&pool, (160, 120));
    let whole = encode_image(&frame, ImageEncoding::Jpeg { quality: 85 }, &pool).unwrap();
    let expected = fixture::decode(&whole, &pool).unwrap();
    let body = &whole[..whole.len() - 2];
    let sloppy = [
        ("bytes before the end marker", [body, &[0; 3], b"\xFF\xD9"].concat()),
        ("fill bytes before the end marker", [body, b"\xFF\xFF\xFF\xD9"].concat()),
        ("bytes after the end marker", [&whole, [7; 100].as_slice()].concat()),
        ("fill bytes before a segment", [&whole[..2], b"\xFF\xFF", &whole[2..]].concat()),
        ("bytes between segments", [&whole[..20], b"\x00\x00", &whole[20..]].concat()),
    ];
    for (name, bytes) in sloppy {
        let frame = fixture::decode(&bytes, &pool).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(frame.pixels() == expected.pixels(), "{name}");
    }
}

#[test]
fn a_damaged_picture_never_does_more_than_fail() {
    const MUTATIONS: usize = 250;
    let pool = FramePool::new(4);
    for (name, bytes) in samples(&pool) {
        let mut random = fixture::noise(usize::MAX);
        let mut number = |below: usize| (0..4).fold(0, |sum, _| sum << 8 | usize::from(random.next().unwrap())) % below;
        for _ in 0..MUTATIONS {
            let mut damaged = bytes.clone();
            for _ in 0..1 + number(4) {
                let at = if number(2) == 0 { number(bytes.len().min(100)) } else { number(bytes.len()) };
                damaged[at] ^= 1 << number(8);
            }
            match fixture::decode(&damaged, &pool) {
                Ok(frame) => assert_header_size(&damaged, &frame),
                Err(error) => assert_damage(&error, name),
            }
        }
        assert_eq!(pool.stats().in_use, 0);
    }
}

fn assert_header_size(bytes: &[u8], frame: &Frame) {
    let header = ImageHeader::read(bytes, &ImageLimits::default()).unwrap();
    assert_eq!(header.oriented_size(), (frame.width(), frame.height()));
}

fn assert_damage(error: &MediaError, name: &str) {
    use MediaErrorKind::{Corrupt, TooLarge, UnsupportedFormat};
    assert!(matches!(error.kind(), Corrupt | TooLarge | UnsupportedFormat), "{name}: {error:?}");
}
