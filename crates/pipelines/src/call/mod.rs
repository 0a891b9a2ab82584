//! A live call: sound in while somebody speaks; what was said, how it sounds and how urgent it is out.

mod analysis;
mod event;
mod evidence;
mod options;
mod stream;

pub use analysis::{Analysis, AnalysisOptions, analyse};
pub use event::CallEvent;
pub use options::{CallModels, CallOptions, DetectedTurns, TurnChange, Turns};
pub use stream::CallStream;
