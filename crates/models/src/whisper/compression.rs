//! How much a text repeats itself.

use miniz_oxide::deflate::compress_to_vec_zlib;

/// By which factor zlib makes the text smaller (`compression_ratio` of the reference). The compressor is another one than the
/// reference's: its size differs by a few bytes.
pub fn compression_ratio(text: &str) -> f32 {
    let compressed = compress_to_vec_zlib(text.as_bytes(), 6);
    text.len() as f32 / compressed.len() as f32
}
