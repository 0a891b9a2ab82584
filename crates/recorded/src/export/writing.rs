//! Journals into one file: the whole file, or none.

use super::frames::Frames;
use super::{Export, ResultFormat, WholeFile, coco, csv, jsonl, mot, parquet_file};
use crate::RecordedError;
use crate::frame_choice::within;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Writes what the journals hold, in their order, to one file, whole or not at all (a file beside it, then renamed). Memory does not
/// depend on their length. MOT takes one journal alone.
///
/// # Errors
/// `Journal`, `Output`, `StorageFull`; `Invalid` for MOT of several journals.
pub fn export(journals: &[PathBuf], export: &Export, out: &Path) -> Result<(), RecordedError> {
    export_unless(journals, export, out, &CancellationToken::new()).map(drop)
}

/// The same, given up once it is cancelled: false then, and no file is written. It is looked at for every frame.
///
/// # Errors
/// As [`export`].
pub fn export_unless(
    journals: &[PathBuf],
    export: &Export,
    out: &Path,
    cancelled: &CancellationToken,
) -> Result<bool, RecordedError> {
    let is_single = export.format != ResultFormat::Mot || journals.len() == 1;
    within(is_single, "`mot` holds one video; export each by itself")?;
    let frames = Frames::new(journals, export.track, cancelled)?;
    let mut file = WholeFile::create(out)?;
    match export.format {
        ResultFormat::Jsonl => jsonl::write(&frames, file.writer()),
        ResultFormat::Csv => csv::write(&frames, file.writer()),
        ResultFormat::Parquet => parquet_file::write(&frames, file.writer()),
        ResultFormat::Coco => coco::write(&frames, file.writer()),
        ResultFormat::Mot => mot::write(&frames, file.writer()),
    }?;
    if cancelled.is_cancelled() {
        return Ok(false);
    }
    file.finish()?;
    Ok(true)
}
