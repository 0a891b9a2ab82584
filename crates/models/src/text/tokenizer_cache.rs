//! One copy of each tokenizer file, however many models and generations use it.

use super::TextTokenizer;
use parking_lot::Mutex;
use samovar_runtime::ContractError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

/// Tells a file apart from what lay there before.
#[derive(PartialEq, Eq)]
struct Key {
    path: PathBuf,
    size_bytes: u64,
    modified: SystemTime,
}

/// Those that somebody uses: bounded by the models in memory.
static IN_USE: Mutex<Vec<(Key, Weak<TextTokenizer>)>> = Mutex::new(Vec::new());

/// Larger files are refused unread: the largest tokenizers of multilingual models have a tenth of this.
const SIZE_MAX_BYTES: u64 = 256 << 20;

/// The tokenizer of that file. Files are read one after the other, and one that is being read is waited for.
pub(super) fn load(path: &Path) -> Result<Arc<TextTokenizer>, ContractError> {
    let key = Key::of(path).map_err(|error| unreadable(&error))?;
    if key.size_bytes > SIZE_MAX_BYTES {
        return Err(ContractError(format!("`tokenizer.json` has {} bytes; no tokenizer has so many", key.size_bytes)));
    }
    let mut in_use = IN_USE.lock();
    in_use.retain(|(_, tokenizer)| tokenizer.strong_count() > 0);
    let found = in_use.iter().find(|(other, _)| *other == key).and_then(|(_, tokenizer)| tokenizer.upgrade());
    if let Some(tokenizer) = found {
        return Ok(tokenizer);
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let tokenizer = Arc::new(TextTokenizer::parse(&bytes)?);
    in_use.push((key, Arc::downgrade(&tokenizer)));
    Ok(tokenizer)
}

impl Key {
    fn of(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let metadata = path.metadata()?;
        Ok(Self { size_bytes: metadata.len(), modified: metadata.modified()?, path })
    }
}

fn unreadable(error: &io::Error) -> ContractError {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "is missing".to_owned(),
        kind => format!("cannot be read ({kind})"),
    };
    ContractError(format!(
        "`tokenizer.json` {what}: put it beside the graph, or name the folder where it lies as `assets`"
    ))
}
