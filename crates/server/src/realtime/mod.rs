//! Realtime transcription as OpenAI's clients know it, over live calls.

mod items;
mod live;
mod opening;
mod session;

pub(crate) use opening::{RealtimeOpening, RealtimeQuery};
