//! Recorded media worked through to results: which frames, a journal that survives, files of every format, a report.
//!
//! There is one way: decoder → pipeline → **journal**, one line for each frame, written as it goes. Everything else is read from the
//! journal afterwards: Parquet, COCO, MOT and CSV files, tracks, the summary, the report. So whatever was interrupted goes on where its
//! journal ends, and every format tells the same. Names no wire and no queue.

#![forbid(unsafe_code)]

mod annotate;
mod drawing;
mod error;
mod export;
mod frame_choice;
mod journal;
mod journal_lines;
mod journal_reader;
mod numbering;
mod opening;
mod performance;
mod record;
mod report;
mod summary;
mod task;
mod thumbnails;
mod work;
mod work_folder;

pub use drawing::{Drawing, draw_record};
pub use error::{RecordedError, RecordedErrorKind};
pub use export::{Export, FrameLine, ResultFormat, WholeFile, export, export_unless};
pub use frame_choice::FrameChoice;
pub use journal::{Journal, JournalEnd, JournalHeader};
pub use journal_reader::JournalReader;
pub use record::{DetectionRecord, FrameRecord, ImageRecord, TimingsRecord};
pub use report::{ReportOptions, timeline_svg, write_report};
pub use summary::{ClassSummary, Summary};
pub use task::{TaskInput, TaskOutputs, TaskResult, VideoTask};
pub use work::{FrameWatch, VideoWork, WorkEnd};
pub use work_folder::WorkFolder;
