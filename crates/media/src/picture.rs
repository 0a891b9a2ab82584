//! What travels to a device slot: a picture that is still compressed, or a frame that is there already.

use crate::{Frame, FramePool, ImageHeader, ImageLimits, MediaError, decode_image};
use bytes::Bytes;
use std::sync::Arc;

/// A picture on its way to a slot. Cheap to clone; decoded by the slot that takes it, so that one that is dropped on
/// the way was never decoded.
#[derive(Clone, Debug)]
pub struct Picture {
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Encoded { bytes: Bytes, header: ImageHeader, limits: ImageLimits },
    Decoded(Arc<Frame>),
}

impl Picture {
    /// A compressed picture. Only its header is read, and held against `limits`.
    ///
    /// # Errors
    /// Those of [`ImageHeader::read`].
    pub fn encoded(bytes: Bytes, limits: ImageLimits) -> Result<Self, MediaError> {
        let header = ImageHeader::read(&bytes, &limits)?;
        Ok(Self { content: Content::Encoded { bytes, header, limits } })
    }

    /// A frame that is decoded already, as video delivers it.
    pub const fn decoded(frame: Arc<Frame>) -> Self {
        Self { content: Content::Decoded(frame) }
    }

    /// Width and height in pixels, standing upright.
    pub fn size(&self) -> (u32, u32) {
        match &self.content {
            Content::Encoded { header, .. } => header.oriented_size(),
            Content::Decoded(frame) => (frame.width(), frame.height()),
        }
    }

    /// The compressed bytes as they came; none where the frame is decoded already.
    pub const fn encoded_bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Encoded { bytes, .. } => Some(bytes),
            Content::Decoded(_) => None,
        }
    }

    /// Bytes that are held while it waits.
    pub fn size_bytes(&self) -> usize {
        match &self.content {
            Content::Encoded { bytes, .. } => bytes.len(),
            Content::Decoded(frame) => frame.pixels().len(),
        }
    }

    /// The frame, decoded now if it was not. Each call on a compressed picture decodes it anew.
    ///
    /// # Errors
    /// Those of [`decode_image`].
    pub fn frame(&self, pool: &FramePool) -> Result<Arc<Frame>, MediaError> {
        match &self.content {
            Content::Encoded { bytes, header, limits } => decode_image(bytes, header, limits, pool).map(Arc::new),
            Content::Decoded(frame) => Ok(Arc::clone(frame)),
        }
    }
}

impl From<Frame> for Picture {
    fn from(frame: Frame) -> Self {
        Self::decoded(Arc::new(frame))
    }
}
