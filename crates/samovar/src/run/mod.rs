//! `samovar run`: pictures and videos worked through here, without a server.

mod annotate;
mod detect;
mod input;
mod model;
mod pictures;
mod progress;
mod record;
mod report;
mod totals;
mod videos;

pub use detect::detect;
pub use model::{LoadedModel, load};
pub use totals::plural;
