//! Compiles the protocol files of gRPC, in Rust: no `protoc`, and nothing is fetched. The server's side goes into the library, the
//! client's into the tests.

use std::error::Error;
use std::fs::create_dir_all;
use std::path::PathBuf;
use tonic_prost_build::{Builder, configure};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/inference.proto", "proto/health.proto"], ["proto"])?;
    // Inference itself is not among what `tonic` serves, so not every method of its trait is written.
    settings().build_client(false).generate_default_stubs(true).compile_fds(descriptors.clone())?;
    let clients = PathBuf::from(std::env::var("OUT_DIR")?).join("clients");
    create_dir_all(&clients)?;
    settings().build_server(false).out_dir(clients).compile_fds(descriptors)?;
    Ok(())
}

fn settings() -> Builder {
    // Tensors stay slices of the message that they came in.
    configure().build_transport(false).bytes(".inference")
}
