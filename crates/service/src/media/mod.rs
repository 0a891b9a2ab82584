//! Pictures: who and where the faces in them are.

mod face_request;
mod service;
#[cfg(test)]
mod tests;

pub use face_request::{FaceAnswer, FaceRequest, FoundFace};
pub use service::MediaService;
