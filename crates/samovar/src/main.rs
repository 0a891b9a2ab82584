//! The `samovar` binary: command line, configuration and wiring.
fn main() {}
