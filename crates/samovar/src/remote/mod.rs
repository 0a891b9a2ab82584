//! `samovar warm`, `streams`, `sources`, `ps` and `samovar models load|unload|reload|swap|clear`: what is asked of a server that runs.

mod address;
mod arguments;
mod client;
mod command;
mod model_view;
mod sources;
mod streams;
mod streams_arguments;
mod streams_view;

pub use arguments::{
    ClearArguments, LOAD_EXAMPLES, NamesArguments, ReloadArguments, SWAP_EXAMPLES, ServerArguments, SwapArguments,
    WARM_EXAMPLES, WarmArguments,
};
pub use command::{clear, load, reload, swap, unload, warm};
pub use sources::sources;
pub use streams::{ps, streams};
pub use streams_arguments::{PS_EXAMPLES, STREAMS_EXAMPLES, SourcesCommand, StreamsArguments};
