//! The server at its boundary: real sockets, a fake engine where the test must steer it, real models where numbers count.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod client;
mod demo;
mod drain;
mod errors;
mod figures;
mod hostile;
mod house;
mod http2;
mod live;
mod models;
mod pages;
mod pictures;
mod real;
mod slow;
mod socket;
