//! Rows gathered into columns, and written as one row group.

use crate::{DetectionRecord, FrameRecord};
use parquet::basic::Type as PhysicalType;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use std::io::Write;

/// One row for each object, or for a frame without any.
pub(super) const SCHEMA: &str = "message detections {
    required binary input (STRING);
    required int64 frame;
    required double timestamp_ms;
    optional int32 class_id;
    optional binary label (STRING);
    optional float score;
    optional float x1;
    optional float y1;
    optional float x2;
    optional float y2;
    optional int64 track;
    required int32 width;
    required int32 height;
}";

/// Rows that are not written yet, as columns in the order of the schema.
#[derive(Default)]
pub(super) struct Columns {
    input: Vec<ByteArray>,
    frame: Vec<i64>,
    timestamp_ms: Vec<f64>,
    object: ObjectColumns,
    track: Optional<i64>,
    width: Vec<i32>,
    height: Vec<i32>,
}

/// What is null in a frame without objects.
#[derive(Default)]
struct ObjectColumns {
    class_id: Optional<i32>,
    label: Optional<ByteArray>,
    score: Optional<f32>,
    corners: [Optional<f32>; 4],
}

/// A column with nulls: which rows have a value (1) or none (0), and the values.
#[derive(Default)]
struct Optional<T> {
    levels: Vec<i16>,
    values: Vec<T>,
}

impl Columns {
    /// Adds a frame: a row for each object, or one without any.
    pub(super) fn add(&mut self, input: &ByteArray, record: &FrameRecord) {
        if record.detections.is_empty() {
            self.add_row(input, record, None);
        }
        record.detections.iter().for_each(|found| self.add_row(input, record, Some(found)));
    }

    /// Rows that are not written yet.
    pub(super) const fn rows(&self) -> usize {
        self.frame.len()
    }

    /// Writes all rows as one row group, and keeps the memory for the next.
    pub(super) fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Result<()> {
        let mut group = file.next_row_group()?;
        required::<ByteArrayType, W>(&mut group, &mut self.input)?;
        required::<Int64Type, W>(&mut group, &mut self.frame)?;
        required::<DoubleType, W>(&mut group, &mut self.timestamp_ms)?;
        optional::<Int32Type, W>(&mut group, &mut self.object.class_id)?;
        optional::<ByteArrayType, W>(&mut group, &mut self.object.label)?;
        optional::<FloatType, W>(&mut group, &mut self.object.score)?;
        for corner in &mut self.object.corners {
            optional::<FloatType, W>(&mut group, corner)?;
        }
        optional::<Int64Type, W>(&mut group, &mut self.track)?;
        required::<Int32Type, W>(&mut group, &mut self.width)?;
        required::<Int32Type, W>(&mut group, &mut self.height)?;
        group.close().map(drop)
    }

    fn add_row(&mut self, input: &ByteArray, record: &FrameRecord, found: Option<&DetectionRecord>) {
        self.input.push(input.clone());
        self.frame.push(signed(record.frame));
        self.timestamp_ms.push(record.timestamp_ms);
        self.object.class_id.push(found.map(|found| found.class_id.cast_signed()));
        self.object.label.push(found.map(|found| ByteArray::from(&*found.label)));
        self.object.score.push(found.map(|found| found.score));
        for (at, corner) in self.object.corners.iter_mut().enumerate() {
            corner.push(found.map(|found| found.corners[at]));
        }
        self.track.push(found.and_then(|found| found.track).map(signed));
        self.width.push(record.image.width.cast_signed());
        self.height.push(record.image.height.cast_signed());
    }
}

impl<T> Optional<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

/// Numbers of frames and tracks stay far below what a signed number holds.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn required<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &mut Vec<T::T>,
) -> Result<()> {
    write::<T, W>(group, values, None)?;
    values.clear();
    Ok(())
}

fn optional<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &mut Optional<T::T>,
) -> Result<()> {
    write::<T, W>(group, &column.values, Some(&column.levels))?;
    column.values.clear();
    column.levels.clear();
    Ok(())
}

fn write<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let missing = || ParquetError::General(format!("the schema has no further column of {}", physical::<T>()));
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn physical<T: DataType>() -> PhysicalType {
    T::get_physical_type()
}
