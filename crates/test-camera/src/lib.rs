//! Cameras on loopback for tests: real protocols over real sockets, and a hand on the switch.
//!
//! An RTSP camera (H.264 in RTP over TCP), a camera that sends JPEG pictures over HTTP, and a server of a folder for HLS.
//! Each can drop its connections, be switched off, stall, change its size or send garbage. Nothing here is built into Samovar.
#![forbid(unsafe_code)]

mod base64;
mod folder;
mod footage;
mod house;
mod http;
mod mjpeg;
mod rtp;
mod rtsp;

pub use folder::FolderServer;
pub use footage::{Footage, FootageSpec, jpegs};
pub use house::{Mode, Switch};
pub use mjpeg::{MjpegCamera, MjpegForm};
pub use rtsp::RtspCamera;
