//! A Whisper with a LoRA adapter: its graphs for one load, with what the adapter adds folded into their weights.

use super::decoder::{DecoderShape, EditError, StepGraphs, module_places};
use super::decoder_files::DecoderFiles;
use crate::lora::{Adapter, Folded, LoraError, Place, Side, fold, one_file};
use crate::onnx;
use crate::onnx::proto::Model;
use parking_lot::Mutex;
use samovar_runtime::{AdapterError, PartSource};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The adapter of one model.
pub(super) struct Adaptation {
    folder: PathBuf,
    /// What the encoder was folded with, for the decoder that is made next: both are of one reading. Nothing at rest.
    kept: Mutex<Option<Arc<Adapter>>>,
}

impl Adaptation {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, kept: Mutex::new(None) }
    }

    /// The adapter's files.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        Adapter::files(&self.folder).to_vec()
    }

    /// The encoder at `path` with the adapter in it; none where the adapter leaves it alone.
    ///
    /// # Errors
    /// An adapter that cannot be read, or does not fit.
    pub(super) fn encoder(&self, path: &Path) -> Result<Option<Vec<u8>>, AdapterError> {
        let adapter = Arc::new(Adapter::read(&self.folder)?);
        let folded = folded(path, (&adapter, Side::Encoder), |_| Vec::new())?;
        *self.kept.lock() = Some(adapter);
        let Some((model, folded)) = folded else { return Ok(None) };
        folded.complete()?;
        Ok(Some(one_file(model, folder_of(path))?))
    }

    /// The decoder with the adapter in it, in the form in which it runs without one; none where the adapter leaves it alone.
    ///
    /// # Errors
    /// As [`Adaptation::encoder`].
    pub(super) fn decoder(
        &self,
        files: &DecoderFiles,
        shape: &DecoderShape,
    ) -> Result<Option<Vec<PartSource>>, AdapterError> {
        let kept = self.kept.lock().take();
        let adapter = kept.map_or_else(|| Adapter::read(&self.folder).map(Arc::new), Ok)?;
        let path = files.whole();
        let folded = folded(path, (&adapter, Side::Decoder), module_places)?;
        let Some((model, folded)) = folded else { return Ok(None) };
        folded.complete()?;
        match StepGraphs::of_model(model.clone(), shape, path) {
            Ok(graphs) => return Ok(Some(vec![PartSource::Made(graphs.cross), PartSource::Made(graphs.step)])),
            Err(EditError::File(reason)) => return Err(LoraError::Base(reason).into()),
            Err(reason @ EditError::Unknown(_)) => tracing::info!(%reason, "the decoder runs as it was exported"),
        }
        let mut parts = vec![PartSource::Made(one_file(model, folder_of(path))?)];
        if let DecoderFiles::Split { step, .. } = files {
            parts.push(PartSource::Made(with_past(step, &adapter)?));
        }
        Ok(Some(parts))
    }
}

/// The step of a split export. It takes keys and values of the sound as they come: those layers alone may be missing.
fn with_past(path: &Path, adapter: &Adapter) -> Result<Vec<u8>, LoraError> {
    let side = (adapter, Side::Decoder);
    let Some((model, mut folded)) = folded(path, side, module_places)? else {
        return Err(LoraError::Base("the two files of the decoder differ".to_owned()));
    };
    folded
        .missing
        .retain(|module| !module.ends_with("encoder_attn.k_proj") && !module.ends_with("encoder_attn.v_proj"));
    folded.complete()?;
    one_file(model, folder_of(path))
}

/// The model with the adapter in it, and what became of the modules; none where the adapter changes nothing on this side.
fn folded(
    path: &Path,
    adapter: (&Adapter, Side),
    places: impl FnOnce(&Model) -> Vec<Place>,
) -> Result<Option<(Model, Folded)>, LoraError> {
    let mut model = onnx::read(path)?;
    let places = places(&model);
    let folded = fold(&mut model, adapter, &places, folder_of(path))?;
    let touched = folded.changed > 0 || !folded.missing.is_empty();
    Ok(touched.then_some((model, folded)))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
