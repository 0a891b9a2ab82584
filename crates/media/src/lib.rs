//! Bytes to frames: images and video, the pool their pixels live in, and the way of a frame into a tensor row.
//!
//! Everything a client can send is limited by what its header says, before any decoding, and checked again on what
//! was decoded. Native decoders of untrusted bytes (video) run in a child process. Nothing here names a model.

mod error;
mod frame;
mod limits;
mod pool;

pub use error::{MediaError, MediaErrorKind};
pub use frame::{Frame, PixelFormat, YuvMatrix, YuvRange};
pub use limits::{ImageLimits, VideoLimits};
pub use pool::{FramePool, PoolStats, PooledBuffer};
