//! LoRA adapters in PEFT's format, folded into the weights of a graph before an engine reads it: W + scale · B · A, so that an adapted
//! model costs nothing per call.
//!
//! Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models* (2021); Kalajdzievski, *A Rank Stabilization Scaling Factor*
//! (2023) for rsLoRA; names and files as `peft` writes them. A graph's linear layers are found by the paths of their modules, which
//! exporters write into the names of nodes or weights. What is not folded is refused with the reason, never left out.

mod adapter;
mod adapter_config;
mod adapter_tensors;
mod fold;
mod linears;
mod lora_error;
mod low_rank;

pub use adapter::Adapter;
pub(crate) use fold::{Folded, Place, fold, one_file};
pub use fold::{Side, fold_file};
pub use lora_error::LoraError;
