//! Pulling from a server that speaks the Hub's protocol, in fair weather and in foul.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod faults;
mod hub_server;
mod pull;
mod refusals;
mod support;
