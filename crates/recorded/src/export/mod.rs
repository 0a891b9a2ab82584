//! From journals to files of the format that somebody wants.

mod coco;
mod csv;
mod following;
mod format;
mod frame_line;
mod frames;
mod jsonl;
mod mot;
mod parquet_columns;
mod parquet_file;
mod whole_file;
mod writing;

pub use format::{Export, ResultFormat};
pub use frame_line::FrameLine;
pub use whole_file::WholeFile;
pub use writing::{export, export_unless};

pub(crate) use whole_file::Beside;
