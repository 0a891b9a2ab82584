//! `samovar run`: pictures and videos worked through here, without a server.

mod annotate;
mod anomaly;
mod anomaly_arguments;
mod anomaly_models;
mod anomaly_report;
mod detect;
mod event_loop;
mod input;
mod lines;
mod model;
mod pictures;
mod progress;
mod reading;
mod record;
mod report;
mod scene_drawing;
mod scene_record;
mod segment;
mod segment_record;
mod totals;
mod videos;

pub use anomaly::anomaly;
pub use anomaly_arguments::{ANOMALY_EXAMPLES, AnomalyArguments};
pub use detect::detect;
pub use model::{LoadedModel, load};
pub use segment::segment;
pub use totals::{plural, summary};
