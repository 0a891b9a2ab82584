//! How much a text repeats itself.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

/// By which factor zlib makes the text smaller (`compression_ratio` of the reference); 0 of an empty text. The compressor is another
/// one than the reference's: its size differs by a few bytes.
pub fn compression_ratio(text: &str) -> f32 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    compressed.map_or(0.0, |compressed| text.len() as f32 / compressed.len() as f32)
}
