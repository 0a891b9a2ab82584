//! The program from outside: arguments in; output, exit codes and files out.

mod config;
mod damaged;
mod detect;
mod doctor;
mod serve;
mod support;
mod video;
