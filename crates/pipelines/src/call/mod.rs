//! A live call: sound in while somebody speaks; what was said, how it sounds and how urgent it is out.

mod agreement;
mod analysis;
mod event;
mod evidence;
mod findings;
mod hearer;
mod intake;
mod listener;
mod marks;
mod measurer;
mod options;
mod patience;
mod stream;
mod tape;
mod turn_keeper;
mod utterance;

pub use analysis::{Analysis, AnalysisOptions, analyse};
pub use event::CallEvent;
pub use options::{CallModels, CallOptions, DetectedTurns, TurnChange, Turns};
pub use stream::CallStream;
