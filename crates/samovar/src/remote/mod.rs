//! `samovar warm` and `samovar models load|unload|reload|swap|clear`: what is asked of a server that runs.

mod address;
mod arguments;
mod client;
mod command;
mod model_view;

pub use arguments::{
    ClearArguments, LOAD_EXAMPLES, NamesArguments, ReloadArguments, SWAP_EXAMPLES, SwapArguments, WARM_EXAMPLES,
    WarmArguments,
};
pub use command::{clear, load, reload, swap, unload, warm};
