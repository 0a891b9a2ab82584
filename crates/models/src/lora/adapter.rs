//! An adapter's folder, read and checked.

use super::LoraError;
use super::adapter_config::AdapterConfig;
use super::adapter_tensors::{self, Matrix, Pair};
use super::low_rank::LowRank;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a LoRA adapter changes, by the path of the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    modules: BTreeMap<String, LowRank>,
}

const CONFIG: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";
const CONFIG_BYTES_MAX: u64 = 4 << 20;
/// Rank 256 on every linear layer of the largest Whisper takes less.
const TENSOR_BYTES_MAX: u64 = 2 << 30;

impl Adapter {
    /// The files of the adapter in `folder`: what must be the same for it to be the same.
    pub fn files(folder: &Path) -> [PathBuf; 2] {
        [folder.join(CONFIG), folder.join(TENSORS)]
    }

    /// Reads the adapter in `folder`, as PEFT's `save_pretrained` writes it.
    ///
    /// # Errors
    /// What is missing or damaged, what does not fit together, and what cannot be folded.
    pub fn read(folder: &Path) -> Result<Self, LoraError> {
        let [config, tensors] = Self::files(folder);
        let config = AdapterConfig::parse(&bytes(&config, CONFIG, CONFIG_BYTES_MAX)?)?;
        let pairs = adapter_tensors::read(&bytes(&tensors, TENSORS, TENSOR_BYTES_MAX)?)?;
        if pairs.is_empty() {
            return Err(LoraError::Damaged("it holds no tensor".to_owned()));
        }
        let low_rank = |(module, pair): (String, Pair)| {
            let change = low_rank(&config, &module, pair)?;
            Ok((module, change))
        };
        Ok(Self { modules: pairs.into_iter().map(low_rank).collect::<Result<_, LoraError>>()? })
    }

    /// The paths of the modules that it changes, such as `model.encoder.layers.0.fc1`.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }

    /// What it adds to the modules for which `is_wanted` holds.
    pub(super) fn changes(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<&str, &LowRank> {
        let modules = self.modules.iter().map(|(module, change)| (module.as_str(), change));
        modules.filter(|(module, _)| is_wanted(module)).collect()
    }
}

fn low_rank(config: &AdapterConfig, module: &str, pair: Pair) -> Result<LowRank, LoraError> {
    let (Some(a), Some(b)) = (pair.a, pair.b) else {
        return Err(LoraError::Damaged(format!("one of the two matrices of `{module}` is missing")));
    };
    let (Matrix { rows: rank, columns: width_in, values: a }, Matrix { rows: width_out, columns, values: b }) = (a, b);
    if rank != columns {
        let reason = format!("the matrices of `{module}` have ranks {rank} and {columns}");
        return Err(LoraError::Rank(reason));
    }
    Ok(LowRank { rank, sizes: (width_in, width_out), scale: config.scale(module, rank)?, a, b })
}

/// A file's content; `name` is what may be told of it.
fn bytes(path: &Path, name: &str, bytes_max: u64) -> Result<Vec<u8>, LoraError> {
    let failed = |error: &std::io::Error| LoraError::Unreadable(format!("`{name}`: {}", error.kind()));
    // Asked before it is opened: opening a pipe would wait for its writer.
    let about = path.metadata().map_err(|error| failed(&error))?;
    if !about.is_file() || about.len() > bytes_max {
        return Err(LoraError::Unreadable(format!("`{name}` is no file, or larger than {} MiB", bytes_max >> 20)));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max).read_to_end(&mut bytes));
    read.map_err(|error| failed(&error))?;
    Ok(bytes)
}
