//! The program from outside: arguments in; output, exit codes and files out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod anomaly;
mod calls;
mod clients;
mod clients_tools;
mod config;
mod damaged;
mod demo;
mod detect;
mod doctor;
mod embed;
#[path = "../../../hub/tests/it/hub_server.rs"]
#[expect(dead_code, reason = "the Hub's own tests ask more of it")]
mod hub_server;
mod jobs;
mod jobs_place;
mod life;
mod live;
mod live_swaps;
mod mode_switches;
mod plan;
mod pull;
mod recorded;
mod running;
mod seed_scenario;
mod segment;
mod serve;
mod streams;
mod support;
mod transcribe;
mod video;
