//! CLIP and SigLIP: pictures and texts as vectors that can be compared.
//!
//! Each tower is a graph and a model of its own; either may be absent. SigLIP 2 of fixed input size is SigLIP with another tokenizer.

mod architecture;
mod caption_encoder;
mod caption_task;
mod captions;
mod embedding;
mod image_encoder;
mod image_processor;
mod image_task;
mod image_tower;
mod pairing;
mod pairing_file;
mod side;
mod text_tower;
mod tower_assets;
mod vector;

pub use architecture::TowerArchitecture;
pub use caption_encoder::CaptionEncoder;
pub use embedding::Embedding;
pub use image_encoder::ImageEncoder;
pub use image_tower::ImageTower;
pub use pairing::{Activation, Pairing, PairingError};
pub use text_tower::TextTower;

use crate::FamilyHints;
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family};
use side::Side;
use std::sync::Arc;
use tower_assets::TowerAssets;

/// Binds the family that `hints` name, or the one of this folder that `signature` can be nothing else than.
///
/// # Errors
/// What was found, what is expected, and what to set.
pub(crate) fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    match Side::of(signature)? {
        Side::Image => Ok(Arc::new(ImageTower::bind(signature, hints)?)),
        Side::Text => Ok(Arc::new(TextTower::bind(signature, hints)?)),
    }
}

/// Whether the graph can be nothing else, so that what is wrong with it is what whoever configures it must hear.
pub(crate) fn takes(signature: &Signature, hints: &FamilyHints) -> bool {
    let assets = TowerAssets::new(hints.assets.as_deref());
    let is_tower = |side: Side| side.architecture(signature, hints, &assets).is_ok();
    Side::of(signature).map_or_else(|_| side::is_merged(signature), is_tower)
}
