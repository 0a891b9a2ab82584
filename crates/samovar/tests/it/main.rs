//! The program from outside: arguments in; output, exit codes and files out.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod config;
mod damaged;
mod detect;
mod doctor;
mod serve;
mod support;
mod video;
