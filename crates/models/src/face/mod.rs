//! Faces: where they are (YuNet), and who they are (ArcFace).

mod alignment;
mod detector;
mod embedding_model;
mod embedding_task;
mod encoder;
mod face_list;
mod head;
mod model;
mod options;
mod task;
mod warm_up;

pub use alignment::{aligned_face, alignment};
pub use detector::FaceDetector;
pub use embedding_model::FaceEmbeddingModel;
pub use encoder::FaceEncoder;
pub use face_list::{Face, Faces, Landmarks};
pub use model::FaceModel;
pub use options::{FACES_MAX, FaceOptions};

use crate::{FamilyHints, FamilyKind};
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family};
use std::sync::Arc;

/// Binds the family that `hints` name, or the one of this folder that `signature` can be nothing else than.
///
/// # Errors
/// What was found, what is expected, and what to set.
pub(crate) fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    match hints.family {
        Some(FamilyKind::FaceEmbedding) => Ok(Arc::new(FaceEmbeddingModel::bind(signature, hints)?)),
        Some(_) => Ok(Arc::new(FaceModel::bind(signature, hints)?)),
        None => match FaceModel::bind(signature, hints) {
            Ok(model) => Ok(Arc::new(model)),
            Err(_) => Ok(Arc::new(FaceEmbeddingModel::bind(signature, hints)?)),
        },
    }
}
