//! A live call: sound in while somebody speaks; what was said, how it sounds and how urgent it is out.

mod event;
mod options;
mod stream;

pub use event::CallEvent;
pub use options::{CallModels, CallOptions, DetectedTurns, TurnChange, Turns};
pub use stream::CallStream;
