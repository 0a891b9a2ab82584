//! What the header of a recording says.

/// What is known of a recording before it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioInfo {
    /// Name of the container: `wav`, `flac`, `ogg`, `mp3`, `adts`, or FFmpeg's names, such as `matroska,webm`.
    pub container: String,
    /// Name of the codec, such as `pcm_s16le`, `mp3`, `opus`.
    pub codec: String,
    /// Samples per second of each channel.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// Length that the header declares, in seconds; none where it declares none. Not to be relied on, but for WAV, where
    /// it is what the file holds.
    pub duration_s: Option<f64>,
}
