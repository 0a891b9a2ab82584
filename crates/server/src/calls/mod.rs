//! Calls that are kept: the store with everything around it that is this server's own. Its tasks end with the server.

mod audio_folder;
mod audio_sink;
mod desk;
mod open_call;
mod settings;
mod start;
mod writer;

pub(crate) use desk::CallDesk;
#[expect(unused_imports, reason = "live calls name it once they are kept")]
pub(crate) use open_call::OpenCall;
pub use settings::CallSettings;
pub(crate) use start::start;
