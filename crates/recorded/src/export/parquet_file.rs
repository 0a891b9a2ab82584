//! Parquet: one row for each object, in columns, in row groups of a bounded number of rows.

use super::frames::Frames;
use super::parquet_columns::{Columns, SCHEMA};
use crate::{JournalHeader, RecordedError};
use parquet::basic::Compression;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use serde_json::json;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows that are held before they are written.
const ROWS_HELD: usize = 64 << 10;
/// Columns of which hardly a value comes twice.
const WITHOUT_DICTIONARY: [&str; 5] = ["score", "x1", "y1", "x2", "y2"];

/// Writes every object. The file's metadata tell `samovar.version`, `samovar.videos` (a JSON list of what each video was worked through
/// with) and `samovar.frames`, all frames that were looked at.
pub(super) fn write(frames: &Frames<'_>, out: &mut (impl Write + Send)) -> Result<(), RecordedError> {
    let videos = frames.headers().map(|header| header.map(|header| video(&header)));
    let videos = videos.collect::<Result<Vec<_>, _>>()?;
    let schema = parse_message_type(SCHEMA).map_err(failed)?;
    let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties()));
    let mut writer = writer.map_err(failed)?;
    let frame_count = write_rows(frames, &mut writer)?;
    let mut tell = |key: &str, value: String| writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    tell("samovar.version", env!("CARGO_PKG_VERSION").to_owned());
    tell("samovar.videos", json!(videos).to_string());
    tell("samovar.frames", frame_count.to_string());
    writer.close().map(drop).map_err(failed)
}

/// Tells the number of frames.
fn write_rows<W: Write + Send>(
    frames: &Frames<'_>,
    writer: &mut SerializedFileWriter<W>,
) -> Result<u64, RecordedError> {
    let (mut columns, mut frame_count) = (Columns::default(), 0);
    // One text for all rows of a video.
    let mut input = ByteArray::from("");
    frames.each(|header, record| {
        if input.data() != header.input.as_bytes() {
            input = ByteArray::from(&*header.input);
        }
        columns.add(&input, record);
        frame_count += 1;
        if columns.rows() >= ROWS_HELD { columns.write(writer).map_err(failed) } else { Ok(()) }
    })?;
    if columns.rows() > 0 {
        columns.write(writer).map_err(failed)?;
    }
    Ok(frame_count)
}

fn properties() -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("samovar version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(Default::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    for column in WITHOUT_DICTIONARY {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    builder.build()
}

fn video(header: &JournalHeader) -> serde_json::Value {
    json!({
        "input": header.input,
        "model": header.model,
        "fingerprint": header.fingerprint,
        "engine": header.engine,
        "precision": header.precision,
    })
}

fn failed(error: ParquetError) -> RecordedError {
    let error = match error {
        ParquetError::External(error) => error.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error),
        other => io::Error::other(other),
    };
    tracing::debug!(%error, "a Parquet file was not written");
    RecordedError::output(&error)
}
