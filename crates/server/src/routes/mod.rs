//! The routes, one file per noun.

mod detect;
mod health;
mod landing;
mod metrics;
mod models;
mod router;
mod stream;

pub(crate) use router::router;
