//! What ships inside the binary, so that it can be tried in any folder and without a network: small models, a clip and the
//! configuration that names them.

mod shipped;
mod unpack;

pub use shipped::{CONFIG, clip, model, model_of_path, models};
