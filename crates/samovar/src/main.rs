//! The `samovar` binary: command line, configuration and wiring.
//!
//! Everything is made here and passed down; there is no other place that knows both an engine and a wire. The
//! allocator is the system's, kept small by [`heap_keeper`]: mimalloc was as fast and held 10 to 40 MiB more.

#![deny(unsafe_code)]

mod arguments;
mod assets;
mod bench;
mod config;
mod config_command;
mod counting_heap;
mod cpu_time;
mod demo;
mod doctor;
mod engine;
mod failure;
mod heap_keeper;
mod here;
mod jobs;
mod keys;
mod live;
mod log_writer;
mod logging;
mod model_choice;
mod model_name;
mod models_command;
mod models_list;
mod panic_message;
mod pinned_engine;
mod plan;
mod pull;
mod redraw;
mod reload;
mod remote;
mod run;
mod serve;
mod sha256;
mod signals;
mod speech;
mod starter;
mod stderr;
mod stdout;
mod top;
mod triage;
mod worker;

use arguments::{Arguments, BenchCommand, Command, RunCommand};
use clap::Parser;
use failure::{CliError, Exit};
use logging::Log;
use std::process::ExitCode;

#[global_allocator]
static HEAP: counting_heap::CountingHeap = counting_heap::CountingHeap;

fn main() -> ExitCode {
    samovar_engines::configure_heap();
    panic_message::install();
    let arguments = Arguments::parse();
    let log = logging::install(&arguments.common);
    match run_command(arguments, &log) {
        Ok(exit) => exit.into(),
        Err(error) => {
            if !error.is_quiet() {
                stderr::line(&error.to_string());
            }
            error.exit_code().into()
        }
    }
}

fn run_command(arguments: Arguments, log: &Log) -> Result<Exit, CliError> {
    let config = arguments.common.config.as_deref();
    match arguments.command {
        Command::Demo(demo) => demo::demo(&demo, config),
        Command::Serve(serve) => serve::serve(&serve, config, log.control()),
        Command::Run(RunCommand::Detect(detect)) => run::detect(&detect, config),
        Command::Run(RunCommand::Segment(segment)) => run::segment(&segment, config),
        Command::Run(RunCommand::Anomaly(anomaly)) => run::anomaly(&anomaly, config),
        Command::Run(RunCommand::Transcribe(transcribe)) => run::transcribe(&transcribe, config),
        Command::Run(RunCommand::Embed(embed)) => run::embed(&embed, config),
        Command::Models(models) => models_command::run(&models, config),
        Command::Tune(tune) => plan::tune(&tune, config),
        Command::Plan(command) => plan::run(&command, config),
        Command::Warm(warm) => remote::warm(&warm, config),
        Command::Streams(streams) => remote::streams(&streams, config),
        Command::Jobs(command) => remote::jobs(&command, config),
        Command::Calls(command) => remote::calls(&command, config),
        Command::Worker(arguments) => worker::run(&arguments, config),
        Command::Top(arguments) => top::top(&arguments, config),
        Command::Ps(arguments) => remote::ps(&arguments, config),
        Command::Sources(command) => remote::sources(&command, config),
        Command::Doctor(doctor) => doctor::run(&doctor, config),
        Command::Keys(command) => keys::run(&command),
        Command::Config(command) => config_command::run(&command, config),
        Command::Bench(BenchCommand::Detect(detect)) => bench::detect(&detect, config),
        Command::Bench(BenchCommand::Open(open)) => bench::open(&open),
        Command::Bench(BenchCommand::Start(start)) => bench::start(&start),
        Command::Bench(BenchCommand::Memory(memory)) => bench::memory(&memory),
        Command::Bench(BenchCommand::Swap(swap)) => bench::swap(&swap),
        Command::Bench(BenchCommand::Modes(modes)) => bench::modes(&modes, config),
        Command::Bench(BenchCommand::Streams(streams)) => bench::streams(&streams, config),
        Command::Bench(BenchCommand::Jobs(jobs)) => bench::jobs(&jobs),
        Command::Bench(BenchCommand::Video(video)) => bench::video(&video, config),
        Command::Bench(BenchCommand::VideoOnce(video)) => bench::video_once(&video, config),
        Command::Bench(BenchCommand::Load(load)) => bench::load(&load),
        Command::Bench(BenchCommand::Service(service)) => bench::service(&service),
        Command::Bench(BenchCommand::Share(share)) => bench::share(&share),
        Command::Bench(BenchCommand::Speech(speech)) => bench::speech(&speech),
        Command::Bench(BenchCommand::SpeechOnce(speech)) => bench::speech_once(&speech, config),
        Command::Bench(BenchCommand::Echo(echo)) => bench::echo(&echo),
        Command::Bench(BenchCommand::Engine(bench)) => engine::bench(&bench),
        Command::Triage(command) => triage::run(&command, config),
        Command::Engine(command) => engine::run(&command),
    }
}
