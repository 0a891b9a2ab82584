//! The streams that are open, however they came: how each is doing, what it tells, and what it shows to whoever looks.

mod board;
mod entry;
mod feed;
mod figures;
mod latencies;
mod meter;
mod rate;
mod state;
mod view;

pub(crate) use crate::random_id::RandomId as StreamId;
pub(crate) use board::StreamBoard;
pub(crate) use entry::{OpenStream, StreamEntry, StreamFacts};
pub(crate) use feed::{FeedItem, FeedReader, MessageKind, StreamMessage, ToldMessage};
pub(crate) use figures::StreamFigures;
pub(crate) use latencies::Latencies;
pub(crate) use meter::{DropReason, StreamMeter};
pub(crate) use state::{StreamKind, StreamState};
pub(crate) use view::{Shown, StreamViewer};
