//! Bytes that come cut anywhere, put together to whole frames.

use super::pcm::PcmEncoding;

/// Keeps what is left of a frame until its rest comes.
#[derive(Debug)]
pub(super) struct PcmCutter {
    encoding: PcmEncoding,
    frame_bytes: usize,
    /// Less than one frame.
    rest: Vec<u8>,
}

impl PcmCutter {
    pub(super) fn new(encoding: PcmEncoding, channels: usize) -> Self {
        let frame_bytes = encoding.bytes() * channels;
        Self { encoding, frame_bytes, rest: Vec::with_capacity(frame_bytes) }
    }

    /// Appends the samples of all frames that are whole now.
    pub(super) fn push(&mut self, mut bytes: &[u8], into: &mut Vec<f32>) {
        if !self.rest.is_empty() {
            let missing = (self.frame_bytes - self.rest.len()).min(bytes.len());
            self.rest.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.rest.len() < self.frame_bytes {
                return;
            }
            self.encoding.decode(&self.rest, into);
            self.rest.clear();
        }
        let whole = bytes.len() - bytes.len() % self.frame_bytes;
        self.encoding.decode(&bytes[..whole], into);
        self.rest.extend_from_slice(&bytes[whole..]);
    }

    /// Whether a frame is begun.
    pub(super) const fn has_rest(&self) -> bool {
        !self.rest.is_empty()
    }
}
