//! `samovar warm`, `streams`, `sources`, `jobs`, `calls`, `ps` and `samovar models load|unload|reload|swap|clear`: what is asked of a server that runs.

mod address;
mod arguments;
mod calls;
mod calls_arguments;
mod calls_view;
mod client;
mod command;
mod confirm;
mod each;
mod jobs;
mod jobs_arguments;
mod jobs_result;
mod jobs_submit;
mod jobs_view;
mod jobs_watch;
mod key;
mod model_view;
mod sources;
mod streams;
mod streams_arguments;
mod streams_view;

pub use address::server_url;
pub use arguments::{
    ClearArguments, LOAD_EXAMPLES, NamesArguments, ReloadArguments, SWAP_EXAMPLES, ServerArguments, SwapArguments,
    WARM_EXAMPLES, WarmArguments,
};
pub use calls::calls;
pub use calls_arguments::{CALLS_EXAMPLES, CallsCommand};
pub use client::Client;
pub use command::{clear, load, reload, swap, unload, warm};
pub use jobs::jobs;
pub use jobs_arguments::{JOBS_EXAMPLES, JobsCommand};
pub use key::authorization;
pub use sources::sources;
pub use streams::{ps, streams};
pub use streams_arguments::{PS_EXAMPLES, STREAMS_EXAMPLES, SourcesCommand, StreamsArguments};
