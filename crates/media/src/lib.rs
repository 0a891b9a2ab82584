//! Bytes to frames and samples: images and video, the pool their pixels live in, the way of a frame into a tensor row; audio.
//!
//! Everything a client can send is limited by what its header says, before any decoding, and checked again on what
//! was decoded. Native decoders of untrusted bytes (video) run in a child process. Nothing here names a model.

mod aligned_crop;
mod audio;
mod crop;
mod draw;
mod error;
mod filter_axis;
mod font;
mod frame;
mod image_decode;
mod image_encode;
mod image_header;
mod kernels;
mod letterbox;
mod limits;
mod motion_gate;
mod orient;
mod palette;
mod palette_png;
mod picture;
mod pool;
mod pool_meter;
mod resample;
mod resize;
mod resized_row;
mod rgb;
mod row;
mod similarity;
mod stroke;
mod video;
mod yuv;

pub use aligned_crop::{AlignedCrop, aligned_rgb, write_aligned};
pub use audio::{
    AUDIO_RATE_HZ, AudioBlock, AudioError, AudioErrorKind, AudioInfo, AudioInput, AudioLimits, AudioOptions,
    AudioReader, AudioRing, ChannelChoice, LiveAudio, LiveCoding, LiveFormat, PcmEncoding,
};
pub use crop::Crop;
pub use draw::{Canvas, class_color};
pub use error::{MediaError, MediaErrorKind};
pub use frame::{Frame, PixelFormat, YuvMatrix, YuvRange};
pub use image_decode::decode_image;
pub use image_encode::{ImageEncoding, encode_image};
pub use image_header::{ImageFormat, ImageHeader, Orientation};
pub use letterbox::Letterbox;
pub use limits::{ImageLimits, VideoLimits};
pub use motion_gate::{MotionGate, MotionGateOptions};
pub use palette::CLASS_PALETTE;
pub use palette_png::encode_palette_png;
pub use picture::Picture;
pub use pool::{FramePool, PoolStats, PooledBuffer};
pub use pool_meter::{PoolMeter, PoolPurpose, PoolTotals};
pub use resize::{Resize, ResizeFilter};
pub use resized_row::{ResizeScratch, write_resized};
pub use rgb::to_rgb;
pub use row::{ChannelOrder, Row, RowFormat, RowScratch, write_crop, write_row};
pub use similarity::Similarity;
pub use video::{
    AccessUnitDecoder, AccessUnitEvent, AccessUnitOptions, ClipFacts, ClipOptions, DamageNote, EncoderOptions,
    FfmpegProgram, Packet, PacketClip, PacketCodec, PacketRing, PictureRing, RingLimits, RingStats, TimedPicture,
    Truncation, UrlScheme, VideoDecoder, VideoEncoder, VideoEnd, VideoInfo, VideoInput, VideoOptions, VideoSize,
    VideoStep, write_clip, write_picture_clip,
};
