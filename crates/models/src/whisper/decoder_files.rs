//! The decoder's files in a checkpoint's folder, by the names that exports have.

use samovar_runtime::ContractError;
use std::path::{Path, PathBuf};

/// One file, or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DecoderFiles {
    /// `decoder_model.onnx` and `decoder_with_past_model.onnx`.
    Split { prompt: PathBuf, step: PathBuf },
    /// `decoder_model_merged.onnx`.
    Merged(PathBuf),
    /// `decoder_model.onnx` alone: enough where it can be edited.
    Prompt(PathBuf),
}

const PROMPT: &str = "decoder_model.onnx";
const STEP: &str = "decoder_with_past_model.onnx";
const MERGED: &str = "decoder_model_merged.onnx";

/// Every file of the folder, or of `onnx` in it, that would be the decoder's if it were there.
pub(crate) fn decoder_candidates(folder: &Path) -> Vec<PathBuf> {
    [PROMPT, STEP, MERGED].iter().flat_map(|name| places(folder, name)).collect()
}

fn places(folder: &Path, name: &str) -> [PathBuf; 2] {
    [folder.join("onnx").join(name), folder.join(name)]
}

impl DecoderFiles {
    /// Those of the folder, or of `onnx` in it.
    ///
    /// # Errors
    /// There are none.
    pub(super) fn find(folder: &Path) -> Result<Self, ContractError> {
        let file = |name: &str| places(folder, name).into_iter().find(|path| path.is_file());
        match (file(PROMPT), file(STEP), file(MERGED)) {
            (Some(prompt), Some(step), _) => Ok(Self::Split { prompt, step }),
            (_, _, Some(merged)) => Ok(Self::Merged(merged)),
            (Some(prompt), None, None) => Ok(Self::Prompt(prompt)),
            (None, _, None) => Err(ContractError(
                "the decoder is missing: put `decoder_model.onnx` and `decoder_with_past_model.onnx`, or \
                 `decoder_model_merged.onnx`, beside the encoder"
                    .to_owned(),
            )),
        }
    }

    /// The graph that has all of the decoder's weights.
    pub(super) fn whole(&self) -> &Path {
        match self {
            Self::Split { prompt: path, .. } | Self::Merged(path) | Self::Prompt(path) => path,
        }
    }

    /// Every file, in the order of the decoder's form.
    pub(super) fn all(&self) -> Vec<PathBuf> {
        match self {
            Self::Split { prompt, step } => vec![prompt.clone(), step.clone()],
            Self::Merged(path) | Self::Prompt(path) => vec![path.clone()],
        }
    }
}
