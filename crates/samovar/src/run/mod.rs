//! `samovar run`: pictures and videos worked through here, without a server.

mod annotate;
mod detect;
mod input;
mod model;
mod pictures;
mod progress;
mod record;
mod report;
mod segment;
mod segment_record;
mod totals;
mod videos;

pub use detect::detect;
pub use model::{LoadedModel, load};
pub use segment::segment;
pub use totals::plural;
