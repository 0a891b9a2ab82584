//! The program from outside: arguments in; output, exit codes and files out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod config;
mod damaged;
mod demo;
mod detect;
mod doctor;
mod serve;
mod support;
mod video;
