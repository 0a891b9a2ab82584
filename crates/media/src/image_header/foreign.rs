//! What is recognised but not read, so that a refusal can name it and its cure.

use crate::{MediaError, MediaErrorKind};

/// The refusal of bytes that are no JPEG, PNG or WebP.
pub(super) fn refusal(bytes: &[u8]) -> MediaError {
    const READ: &str = "JPEG, PNG and WebP are read";
    if bytes.is_empty() {
        return MediaError::new(MediaErrorKind::UnsupportedFormat, format!("there are no bytes: {READ}"));
    }
    let message = match recognise(bytes) {
        Some((name, Cure::Convert)) => format!("this is {name}, which is not read: save it as JPEG, PNG or WebP"),
        Some((name, Cure::SendAsVideo)) => {
            format!("this is {name}, not a picture: give it where video is taken; here {READ}")
        }
        Some((name, Cure::SendPicture)) => format!("this is {name}, not a picture: {READ}"),
        None => format!("the bytes are no picture format that is known: {READ}"),
    };
    MediaError::new(MediaErrorKind::UnsupportedFormat, message)
}

#[derive(Clone, Copy)]
enum Cure {
    Convert,
    SendAsVideo,
    SendPicture,
}

fn recognise(bytes: &[u8]) -> Option<(&'static str, Cure)> {
    SIGNATURES
        .iter()
        .find(|(at, magic, ..)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
        .map(|(_, _, name, cure)| (*name, *cure))
        .or_else(|| looks_like_text(bytes).then_some(("text", Cure::SendPicture)))
}

/// Offset, magic bytes, name, cure; the first that fits counts.
const SIGNATURES: &[(usize, &[u8], &str, Cure)] = &[
    (0, b"GIF8", "a GIF", Cure::Convert),
    (0, b"BM", "a BMP", Cure::Convert),
    (0, b"II*\0", "a TIFF or raw camera file", Cure::Convert),
    (0, b"MM\0*", "a TIFF or raw camera file", Cure::Convert),
    (0, b"\0\0\0\x0CJXL ", "a JPEG XL picture", Cure::Convert),
    (0, b"\xFF\x0A", "a JPEG XL picture", Cure::Convert),
    (0, b"\0\0\0\x0CjP  ", "a JPEG 2000 picture", Cure::Convert),
    (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 picture", Cure::Convert),
    (0, b"\0\0\x01\0", "an icon file", Cure::Convert),
    (0, b"8BPS", "a Photoshop file", Cure::Convert),
    (4, b"ftypavif", "an AVIF picture", Cure::Convert),
    (4, b"ftypavis", "an AVIF picture", Cure::Convert),
    (4, b"ftyphei", "a HEIC picture", Cure::Convert),
    (4, b"ftyphev", "a HEIC picture", Cure::Convert),
    (4, b"ftypmif1", "a HEIF picture", Cure::Convert),
    (4, b"ftypmsf1", "a HEIF picture", Cure::Convert),
    (4, b"ftyp", "an MP4 or QuickTime video", Cure::SendAsVideo),
    (0, b"\x1A\x45\xDF\xA3", "a Matroska or WebM video", Cure::SendAsVideo),
    (8, b"AVI ", "an AVI video", Cure::SendAsVideo),
    (0, b"FLV\x01", "an FLV video", Cure::SendAsVideo),
    (8, b"WAVE", "a WAV recording", Cure::SendPicture),
    (0, b"ID3", "an MP3 recording", Cure::SendPicture),
    (0, b"OggS", "an Ogg recording", Cure::SendPicture),
    (0, b"fLaC", "a FLAC recording", Cure::SendPicture),
    (0, b"%PDF", "a PDF", Cure::Convert),
    (0, b"PK\x03\x04", "a ZIP archive", Cure::SendPicture),
    (0, b"\x1F\x8B", "a gzip archive", Cure::SendPicture),
];

/// The beginning is UTF-8 (the last character may be cut) without control characters but white space.
fn looks_like_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(512)];
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !whole.is_empty() && whole.chars().all(|c| !c.is_control() || c.is_ascii_whitespace())
}
