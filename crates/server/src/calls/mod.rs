//! Calls that are kept: the store with everything around it that is this server's own. Its tasks end with the server.

mod analysis;
mod audio_folder;
mod desk;
#[cfg(test)]
mod desk_tests;
mod entries;
mod free_space;
mod health;
mod open_call;
mod settings;
mod start;
mod sweeper;
mod wav_file;
mod wave;
mod writer;

pub(crate) use analysis::{Analysed, AnalysisRequest, analyse_recording};
pub(crate) use desk::CallDesk;
pub(crate) use open_call::OpenCall;
pub use settings::CallSettings;
pub(crate) use start::start;
