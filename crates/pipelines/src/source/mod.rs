//! Sources: cameras and files that are opened from here, read by a thread of their own, and opened again when they are lost.

mod address;
mod clock;
mod fault;
mod feed;
mod figures;
mod lookup;
mod machine;
mod mailbox;
mod pacer;
mod reader;
mod reconnect;
mod shared;
mod spec;
mod state;
mod stop;
mod worker;
#[cfg(test)]
mod worker_tests;

pub use address::{SourceAddress, SourceAddressError, SourceKind};
pub use fault::SourceFault;
pub use figures::SourceFigures;
pub use reader::{SourceFrame, SourceItem, SourceMonitor, SourceReader, SourceStartError};
pub use spec::{ClipSpan, ReconnectPolicy, SourceSpec, SourceSpecError, SourceTools};
pub use state::SourceState;
