//! What is decoded: a file, bytes in memory or a network address, and which of these may be opened at all.

use super::VideoOptions;
use super::sandbox::Grant;
use crate::{MediaError, MediaErrorKind};
use bytes::Bytes;
use rustix::fs::{Mode, OFlags};
use std::fmt;
use std::fs::File;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is decoded before the start: more than any codec puts pictures out of order, at half a frame a second.
const SEEK_SPARE: Duration = Duration::from_secs(3);

/// A source of video.
#[derive(Clone)]
pub enum VideoInput {
    /// A regular file. The child gets it opened, never by its name, so that the name means nothing to it.
    File(PathBuf),
    /// A whole file in memory.
    Bytes(Bytes),
    /// A network address; opened only where [`VideoOptions::schemes`](super::VideoOptions::schemes) allows its scheme.
    ///
    /// The child opens it by itself, redirects included. Whoever takes addresses from clients must fetch them with
    /// its own checks and hand over bytes; this is for sources that the operator names, such as cameras.
    Url(String),
    /// A regular file that is played at its own pace, over and over: a source for trials.
    Loop(PathBuf),
    /// A V4L2 device, `/dev/video` and a number.
    Device(PathBuf),
}

impl fmt::Debug for VideoInput {
    /// Addresses without what may be secret in them: of these only the scheme is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Bytes(bytes) => write!(formatter, "Bytes({})", bytes.len()),
            Self::Url(url) => write!(formatter, "Url({}://…)", UrlScheme::of(url).map_or("", UrlScheme::name)),
            Self::Loop(path) => formatter.debug_tuple("Loop").field(path).finish(),
            Self::Device(path) => formatter.debug_tuple("Device").field(path).finish(),
        }
    }
}

/// A kind of network address that may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UrlScheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `rtsp://`, over TCP
    Rtsp,
    /// `rtsps://`, over TLS
    Rtsps,
}

impl UrlScheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Rtsp, Self::Rtsps];

    /// The scheme of `url`, where it is one of these.
    pub fn of(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_once("://")?;
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(scheme))
    }

    /// As written before `://`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Rtsp => "rtsp",
            Self::Rtsps => "rtsps",
        }
    }

    /// Whether it is RTSP, plain or over TLS.
    pub(super) const fn is_rtsp(self) -> bool {
        matches!(self, Self::Rtsp | Self::Rtsps)
    }

    /// What the child may speak for it.
    pub(super) const fn protocols(self) -> &'static str {
        match self {
            Self::Http => "http,tcp",
            Self::Https => "https,tls,tcp",
            Self::Rtsp => "rtsp,rtp,tcp",
            Self::Rtsps => "rtsp,rtsps,rtp,tls,tcp",
        }
    }
}

/// An input that was opened or allowed.
#[derive(Debug)]
pub(super) enum OpenInput {
    /// A seekable file that becomes the child's standard input.
    File(File),
    /// The same, played over and over.
    Loop(File),
    /// An address of an allowed scheme.
    Url(String, UrlScheme),
    /// A capture device, which the child opens by itself.
    Device(String),
}

impl OpenInput {
    /// The file that becomes the child's standard input.
    pub(super) const fn file(&self) -> Option<&File> {
        match self {
            Self::File(file) | Self::Loop(file) => Some(file),
            Self::Url(..) | Self::Device(_) => None,
        }
    }

    /// What the child may open for it.
    pub(super) fn grant(&self, options: &VideoOptions) -> Grant<'_> {
        match self {
            Self::File(file) | Self::Loop(file) => Grant::Read(file),
            Self::Device(path) => Grant::Device(Path::new(path)),
            Self::Url(..) => Grant::Network(options.only_port),
        }
    }

    /// Whether it lasts as long as it likes, at its own pace.
    pub(super) const fn is_live(&self, options: &VideoOptions) -> bool {
        match self {
            Self::File(_) => false,
            Self::Loop(_) | Self::Device(_) => true,
            Self::Url(..) => options.live,
        }
    }

    /// Where to begin decoding for frames from [`VideoOptions::start`] on; none for the beginning.
    ///
    /// Frames that are shown before the place that is sought but decoded after it may lack what they refer to, so it lies
    /// well before the start. Only containers that lead to a whole picture are sought in.
    pub(super) fn seek_point(&self, options: &VideoOptions) -> Option<Duration> {
        let may_seek = match self {
            Self::File(file) => leads_to_whole_pictures(file),
            Self::Url(..) => !self.is_live(options),
            Self::Loop(_) | Self::Device(_) => false,
        };
        options.start.checked_sub(SEEK_SPARE).filter(|point| may_seek && !point.is_zero())
    }

    /// Whether it is a live playlist, whose segments the child fetches, too.
    pub(super) fn is_playlist(&self, options: &VideoOptions) -> bool {
        let Self::Url(url, scheme) = self else { return false };
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let is_named = path.to_ascii_lowercase().ends_with(".m3u8");
        options.live && !scheme.is_rtsp() && (options.playlist || is_named)
    }

    /// Whether frames are left out here and not in the child: those of a live HTTP source may have no times of their own.
    pub(super) fn is_paced_here(&self, options: &VideoOptions) -> bool {
        matches!(self, Self::Url(_, scheme) if !scheme.is_rtsp()) && options.live && !self.is_playlist(options)
    }
}

impl VideoInput {
    pub(super) fn open(self, allowed: &[UrlScheme]) -> Result<OpenInput, MediaError> {
        match self {
            Self::File(path) => open_regular(&path).map(OpenInput::File),
            Self::Loop(path) => open_regular(&path).map(OpenInput::Loop),
            Self::Bytes(bytes) => hold_in_memory(&bytes).map(OpenInput::File),
            Self::Device(path) => check_device(&path).map(OpenInput::Device),
            Self::Url(url) => match UrlScheme::of(&url).filter(|scheme| allowed.contains(scheme)) {
                Some(scheme) => Ok(OpenInput::Url(url, scheme)),
                None => Err(MediaError::new(
                    MediaErrorKind::Forbidden,
                    "addresses of this kind are not allowed as video input; send the video itself",
                )),
            },
        }
    }
}

/// Lets `/dev/video` with a number through, where it is a character device.
fn check_device(path: &Path) -> Result<String, MediaError> {
    let name = path.to_str().unwrap_or_default();
    let number = name.strip_prefix("/dev/video");
    if !number.is_some_and(|number| (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let sentence = "a video device is named `/dev/video` and a number; name it so";
        return Err(MediaError::new(MediaErrorKind::Forbidden, sentence));
    }
    let facts = path.symlink_metadata().map_err(|error| unreadable(&error))?;
    if facts.file_type().is_char_device() {
        return Ok(name.to_owned());
    }
    Err(MediaError::new(MediaErrorKind::Unreadable, "the video device is no device; check its name"))
}

/// Opens a regular file and nothing else: a pipe or device could block for ever.
pub(crate) fn open_regular(path: &Path) -> Result<File, MediaError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| unreadable(&errno.into()))?);
    if file.metadata().map_err(|error| unreadable(&error))?.is_file() {
        return Ok(file);
    }
    Err(MediaError::new(MediaErrorKind::Unreadable, "the video is not a regular file; give a file or an address"))
}

/// A file without a name, so that the child can seek in it.
#[cfg(target_os = "linux")]
pub(crate) fn hold_in_memory(bytes: &[u8]) -> Result<File, MediaError> {
    use std::io::{Seek, Write};
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::memfd_create("video", flags).map_err(|errno| unreadable(&errno.into()))?);
    file.write_all(bytes).and_then(|()| file.rewind()).map_err(|error| unreadable(&error))?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn hold_in_memory(_bytes: &[u8]) -> Result<File, MediaError> {
    Err(MediaError::new(MediaErrorKind::Unreadable, "video in memory is read on Linux only; give a file"))
}

/// Whether it is MP4 or Matroska, by its first bytes.
fn leads_to_whole_pictures(file: &File) -> bool {
    let mut head = [0; 8];
    let is_read = file.read_exact_at(&mut head, 0).is_ok();
    is_read && (head[4..] == *b"ftyp" || head[..4] == [0x1A, 0x45, 0xDF, 0xA3])
}

fn unreadable(error: &std::io::Error) -> MediaError {
    let sentence = match error.kind() {
        std::io::ErrorKind::NotFound => "the video does not exist; check its name",
        std::io::ErrorKind::PermissionDenied => "the video may not be read; check its permissions",
        _ => "the video could not be opened; check the file system it lies on",
    };
    MediaError::new(MediaErrorKind::Unreadable, sentence)
}
