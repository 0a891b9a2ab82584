//! The routes, one file per noun.

mod demo;
mod detect;
mod health;
mod landing;
mod metrics;
mod models;
mod router;
mod static_page;
mod stream;

pub(crate) use router::router;
