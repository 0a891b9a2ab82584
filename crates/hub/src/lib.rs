//! The Hugging Face Hub: fetches model files into the Hub's own cache, and finds them there.
//!
//! The only crate that calls out over HTTP, and the only one that knows the Hub. It fetches what it is told to and
//! nothing by itself; no inference ever waits for it. The client is its own because the published one neither goes on
//! where it stopped, nor gives up on a server that stalls, nor checks what it has fetched.

#![forbid(unsafe_code)]

mod cache;
mod cancel;
mod catalogue;
mod checksum;
mod error;
mod event;
mod fault;
mod http;
mod hub;
mod lock;
mod names;
mod patience;
mod remote_file;
mod settings;
mod token;
mod transfer;
mod url;

pub use cache::Cache;
pub use cancel::Cancel;
pub use catalogue::{Catalogue, CatalogueFile, CatalogueModel};
pub use error::{HubError, HubErrorKind};
pub use event::Event;
pub use hub::{Hub, Pulled, Wanted};
pub use names::{FilePath, RepoName, Revision, Source};
pub use settings::{HubLimits, HubSettings};
pub use token::Token;
