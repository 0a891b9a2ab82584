//! Why an adapter is not folded into a model.

use crate::onnx::StoredError;
use samovar_runtime::AdapterError;

/// Why an adapter is not folded into a model. Messages name modules and sizes, and no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoraError {
    /// A file of the adapter is missing or cannot be read.
    #[error("the adapter cannot be read: {0}")]
    Unreadable(String),
    /// `adapter_config.json` is not what PEFT writes.
    #[error("`adapter_config.json` cannot be used: {0}")]
    Config(String),
    /// It asks for something that cannot be folded, or is not known here.
    #[error("the adapter cannot be folded: {0}")]
    Unsupported(String),
    /// `adapter_model.safetensors` is cut, damaged, or holds numbers that are none.
    #[error("`adapter_model.safetensors` is damaged: {0}")]
    Damaged(String),
    /// The ranks of a module's two matrices differ from each other or from the configuration.
    #[error("the adapter's ranks do not fit together: {0}")]
    Rank(String),
    /// It changes modules that the model has not.
    #[error("the adapter is of another base: {0}")]
    Module(String),
    /// A module of the model has another size than the adapter's.
    #[error("the adapter is of another base: {0}")]
    Shape(String),
    /// The model's weights are stored in a way that cannot be folded into.
    #[error("the model's weights cannot be changed: {0}")]
    Base(String),
}

impl LoraError {
    /// The stable machine code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "adapter_unreadable",
            Self::Config(_) => "adapter_config_invalid",
            Self::Unsupported(_) => "adapter_unsupported",
            Self::Damaged(_) => "adapter_damaged",
            Self::Rank(_) => "adapter_rank_mismatch",
            Self::Module(_) => "adapter_module_missing",
            Self::Shape(_) => "adapter_shape_mismatch",
            Self::Base(_) => "adapter_base_unsupported",
        }
    }
}

impl From<LoraError> for AdapterError {
    fn from(error: LoraError) -> Self {
        Self(format!("{error} ({})", error.code()))
    }
}

impl From<StoredError> for LoraError {
    fn from(error: StoredError) -> Self {
        Self::Base(error.to_string())
    }
}
