//! The graph as OpenVINO is given it: with its matrices turned, so that it packs them from where they lie.

use crate::memory_file::MemoryFile;
use crate::onnx::{OnnxFile, Turnable};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Larger files are read as they are: a turned one lies in memory until it was read.
const TURNED_BYTES_MAX: u64 = 1 << 30;

/// A file in memory with the graph at `path`, its matrices turned; none where it is to be read as it is.
pub(crate) fn turned(path: &Path, file: &OnnxFile) -> Option<MemoryFile> {
    if file.size_bytes > TURNED_BYTES_MAX || !file.external_files.is_empty() || !file.operators.contains("MatMul") {
        return None;
    }
    let written = write_turned(path);
    // A file that cannot be read is told by the load.
    written.inspect_err(|error| tracing::debug!(%error, "the matrices of a graph are not turned")).ok()?
}

fn write_turned(path: &Path) -> io::Result<Option<MemoryFile>> {
    let model = std::fs::read(path)?;
    let Some(turnable) = Turnable::of(&model) else { return Ok(None) };
    let mut file = BufWriter::new(MemoryFile::new()?);
    turnable.write(&mut file)?;
    file.flush()?;
    file.into_inner().map(Some).map_err(io::IntoInnerError::into_error)
}
