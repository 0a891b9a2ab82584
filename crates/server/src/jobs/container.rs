//! Whether the first bytes of an upload can be a video: what is none is refused before gigabytes of it have come.

use samovar_media::{MediaError, MediaErrorKind};

/// Bytes that tell: the third packet of a transport stream, with the time stamps that disks put before each.
pub(crate) const HEAD_BYTES: usize = 2 * 192 + 5;

/// Whether a file that begins so is a video in a container that may be read. The decoder has the last word.
///
/// # Errors
/// `unsupported_media`.
pub(crate) fn check(head: &[u8]) -> Result<(), MediaError> {
    let known = starts(head) || boxes(head) || transport_stream(head) || start_code(head);
    let sentence = "this is no video that is read here; send MP4, Matroska, AVI or MPEG-TS";
    known.then_some(()).ok_or_else(|| MediaError::new(MediaErrorKind::UnsupportedFormat, sentence))
}

/// Matroska and WebM, Flash, Ogg, ASF, MXF, IVF, NUT, YUV4MPEG, AVI.
fn starts(head: &[u8]) -> bool {
    const STARTS: [&[u8]; 8] = [
        b"\x1a\x45\xdf\xa3",
        b"FLV\x01",
        b"OggS",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        b"\x06\x0e\x2b\x34",
        b"DKIF",
        b"nut/multimedia container\0",
        b"YUV4MPEG2 ",
    ];
    STARTS.iter().any(|start| head.starts_with(start)) || head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ")
}

/// MP4 and QuickTime: the first box has one of the names that may come first.
fn boxes(head: &[u8]) -> bool {
    const FIRST: [&[u8; 4]; 8] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"];
    head.get(4..8).is_some_and(|name| FIRST.iter().any(|first| name == *first))
}

/// Three packets of 188 bytes, or of 192 with a time stamp, begin with 0x47.
fn transport_stream(head: &[u8]) -> bool {
    let synced = |first: usize, step: usize| (0..3).all(|packet| head.get(first + packet * step) == Some(&0x47));
    synced(0, 188) || synced(4, 192)
}

/// MPEG program streams, MPEG video, H.264 and H.265 as they are: a start code.
fn start_code(head: &[u8]) -> bool {
    head.starts_with(&[0, 0, 1]) || head.starts_with(&[0, 0, 0, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(start: &[u8]) -> Vec<u8> {
        let mut head = vec![0xff; HEAD_BYTES];
        head[..start.len()].copy_from_slice(start);
        head
    }

    #[test]
    fn containers_are_known_and_other_files_are_not() {
        let mut packets = vec![0; HEAD_BYTES];
        [4, 196, 388].iter().for_each(|at| packets[*at] = 0x47);
        for start in
            [&b"\0\0\0\x20ftypisom"[..], b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI LIST", b"\0\0\x01\xba", &packets]
        {
            assert!(check(&head(start)).is_ok(), "{start:?}");
        }
        for start in [
            &b""[..],
            b"\xff\xd8\xff\xe0",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"#EXTM3U\n",
            b"ffconcat version 1.0\nfile x",
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1",
            b"<svg xmlns=",
            b"PK\x03\x04",
            b"\x1f\x8b\x08",
            b"\x47",
            b"{\"kind\":\"detect\"}",
        ] {
            assert_eq!(check(&head(start)).unwrap_err().kind(), MediaErrorKind::UnsupportedFormat, "{start:?}");
        }
        assert!(check(b"").is_err() && check(b"\0\0").is_err());
    }
}
