//! Which family a model belongs to, from its signature and from what the configuration says.

use crate::lora::Adapter;
use crate::{
    AppearanceModel, DetectionModel, FamilyKind, SegmentationModel, SequenceModel, TextHints, face, image_text, tensor,
    text, voice, whisper,
};
use samovar_engine_api::Signature;
use samovar_runtime::{Binder, ContractError, Family};
use std::path::PathBuf;
use std::sync::Arc;

/// What the configuration says about a model; everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyHints {
    /// The family, where it cannot be recognised or is to be another one.
    pub family: Option<FamilyKind>,
    /// Class names in order, from a labels file. Goes before what the model says.
    pub labels: Option<Vec<String>>,
    /// (width, height) in pixels to run at, for models with dynamic height and width: then this size alone is used.
    pub input_size: Option<(u32, u32)>,
    /// (width, height) in pixels of all pictures that will come, where that is known, as of a recording: a detector with dynamic height
    /// and width then has only the rectangles that these take. With one rectangle alone engines compile for it: OpenVINO then needs 7 %
    /// less time for each run. Pictures of other proportions still run, at the largest of these rectangles.
    pub pictures: Vec<(u32, u32)>,
    /// The folder with what belongs to the graph beside its weights: `tokenizer.json`, `config.json`, `preprocessor_config.json`.
    pub assets: Option<PathBuf>,
    /// The folder of a LoRA adapter in PEFT's format, which is folded into the weights at load: of a `whisper` alone.
    pub adapter: Option<PathBuf>,
    /// What concerns texts.
    pub text: TextHints,
}

impl FamilyHints {
    /// Files that belong to the model beside its graph, whether they are there or not: the decoder of a Whisper, and an adapter's.
    pub fn companions(&self) -> Vec<PathBuf> {
        let decoder = self.assets.as_deref().map(crate::whisper::decoder_candidates).unwrap_or_default();
        let adapter = self.adapter.iter().flat_map(|folder| Adapter::files(folder));
        decoder.into_iter().chain(adapter).collect()
    }
}

/// Binds the family that fits `signature`: the contract check of every load.
///
/// # Errors
/// What was found, what each family expects, and what to set.
pub fn recognise(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    let family = bound(signature, hints)?;
    if hints.adapter.is_some() && family.name() != FamilyKind::Whisper.name() {
        let reason = format!(
            "an adapter can be folded into a `whisper`, and this is a `{}`; leave `adapter` out",
            family.name()
        );
        return Err(ContractError(reason));
    }
    Ok(family)
}

fn bound(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    match hints.family {
        Some(FamilyKind::Segmentation) => Ok(Arc::new(SegmentationModel::bind(signature, hints)?)),
        Some(FamilyKind::StgNf) => Ok(Arc::new(SequenceModel::bind(signature, hints)?)),
        Some(FamilyKind::ReIdentification) => Ok(Arc::new(AppearanceModel::bind(signature, hints)?)),
        Some(FamilyKind::Yolo | FamilyKind::Yolox | FamilyKind::YoloPose) => {
            Ok(Arc::new(DetectionModel::bind(signature, hints)?))
        }
        Some(FamilyKind::TextEmbedding | FamilyKind::CrossEncoder) => text::bind(signature, hints),
        Some(FamilyKind::ImageTextEmbedding) => image_text::bind(signature, hints),
        Some(FamilyKind::Yunet | FamilyKind::FaceEmbedding) => face::bind(signature, hints),
        Some(FamilyKind::SileroVad) => voice::bind(signature, hints),
        Some(FamilyKind::Whisper) => whisper::bind(signature, hints),
        Some(FamilyKind::Tensor) => tensor::bind(signature, hints),
        None => by_signature(signature, hints),
    }
}

/// Sequences of poses first, whose input nothing else has. Then detectors, for one that also gives masks has an output with
/// the axes of a segmentation.
fn by_signature(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    if let Ok(model) = SequenceModel::bind(signature, hints) {
        return Ok(Arc::new(model));
    }
    if image_text::takes(signature, hints) {
        return image_text::bind(signature, hints);
    }
    if whisper::takes(signature) {
        return whisper::bind(signature, hints);
    }
    // Their inputs have names that no picture's has.
    let named = [voice::bind, text::bind, face::bind];
    if let Some(family) = named.into_iter().find_map(|bind| bind(signature, hints).ok()) {
        return Ok(family);
    }
    if text::takes(signature) {
        // Nothing but a text has tokens: what is wrong with it is what whoever configures it must hear.
        return text::bind(signature, hints);
    }
    let detector = match DetectionModel::bind(signature, hints) {
        Ok(detector) => return Ok(Arc::new(detector)),
        Err(misfit) => misfit,
    };
    let has_grid = signature.outputs.iter().any(|port| port.dims.len() == 4);
    let has_anchors = signature.outputs.iter().any(|port| port.dims.len() == 3);
    if let Ok(model) = AppearanceModel::bind(signature, hints) {
        return Ok(Arc::new(model));
    }
    match SegmentationModel::bind(signature, hints) {
        Ok(model) => Ok(Arc::new(model)),
        Err(misfit) if has_grid && !has_anchors => Err(misfit),
        Err(_) => Err(detector),
    }
}

/// [`recognise`] with these hints, in the form that the runtime takes.
pub fn binder(hints: FamilyHints) -> Binder {
    Arc::new(move |signature| recognise(signature, &hints))
}
