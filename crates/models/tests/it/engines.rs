//! Every engine that is present on this machine.

use samovar_engine_api::Engine;
use samovar_engines::{Locations, present};
use std::sync::Arc;

/// Runs `check` on each of them, and says on which.
pub(crate) fn each_engine(mut check: impl FnMut(Arc<dyn Engine>)) {
    let engines = present(&Locations::from_environment());
    assert!(!engines.is_empty(), "one is built in");
    for engine in engines {
        println!("on {}", engine.info().name);
        check(engine);
    }
}
