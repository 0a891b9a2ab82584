//! A map of indices as a PNG with a palette: one byte a pixel, which any program shows in colours and reads back as indices.

use crate::{MediaError, MediaErrorKind};
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

/// Compresses `indices`, `[height, width]`, with one colour (red, green, blue) for each index; the colours at the same
/// places. Lossless.
///
/// # Errors
/// `Corrupt` where `indices` are not `width × height` or name a colour that is not there; `TooLarge` where a side is zero
/// or does not fit the format.
pub fn encode_palette_png(width: u32, height: u32, indices: &[u8], palette: &[[u8; 3]]) -> Result<Vec<u8>, MediaError> {
    let fits = u64::from(width) * u64::from(height) == indices.len() as u64;
    let last = indices.iter().max().map_or(0, |last| usize::from(*last));
    if !fits || last >= palette.len() {
        return Err(MediaError::new(
            MediaErrorKind::Corrupt,
            "the map is not of the size or the colours it is said to be of",
        ));
    }
    // The format knows no more than 256 colours.
    let palette = &palette[..palette.len().min(256)];
    let too_large = |_| MediaError::new(MediaErrorKind::TooLarge, "the map is of a size that PNG does not take");
    write((width, height), indices, palette).map_err(too_large)
}

fn write((width, height): (u32, u32), indices: &[u8], palette: &[[u8; 3]]) -> Result<Vec<u8>, EncodingError> {
    let mut encoded = Vec::new();
    let mut encoder = Encoder::new(&mut encoded, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.as_flattened());
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(indices)?;
    writer.finish()?;
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CLASS_PALETTE, FramePool, ImageHeader, ImageLimits, decode_image};

    #[test]
    fn indices_and_colours_come_back() {
        let indices: Vec<u8> = (0..40 * 30).map(|at: u32| (at / 40 * 7 % 21) as u8).collect();
        let encoded = encode_palette_png(40, 30, &indices, &CLASS_PALETTE[..21]).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&encoded));
        decoder.set_transformations(png::Transformations::IDENTITY);
        let mut reader = decoder.read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut read).unwrap();
        assert_eq!(read, indices);
        let limits = ImageLimits::default();
        let header = ImageHeader::read(&encoded, &limits).unwrap();
        let frame = decode_image(&encoded, &header, &limits, &FramePool::new(1)).unwrap();
        let colors: Vec<u8> = indices.iter().flat_map(|index| CLASS_PALETTE[usize::from(*index)]).collect();
        assert_eq!(frame.pixels(), colors);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let kind = |width, height, indices: &[u8], colors| {
            encode_palette_png(width, height, indices, &CLASS_PALETTE[..colors]).unwrap_err().kind()
        };
        assert_eq!(kind(2, 2, &[0; 3], 2), MediaErrorKind::Corrupt);
        assert_eq!(kind(2, 2, &[0, 1, 2, 0], 2), MediaErrorKind::Corrupt);
        assert_eq!(kind(u32::MAX, u32::MAX, &[0; 3], 2), MediaErrorKind::Corrupt);
        assert_eq!(kind(0, 0, &[], 2), MediaErrorKind::TooLarge);
    }
}
