//! Exactly what was typed: commands, flags, and their help. Turned into ready objects elsewhere, once.

use crate::bench::{
    BenchJobsArguments, BenchLoadArguments, BenchMemoryArguments, BenchModesArguments, BenchServiceArguments,
    BenchShareArguments, BenchSpeechArguments, BenchStartArguments, BenchStreamsArguments, BenchSwapArguments,
    BenchVideoArguments, EchoArguments, SpeechOnceArguments, VideoOnceArguments,
};
use crate::config::{EngineName, FamilyName, PrecisionName};
use crate::engine::{BenchEngineArguments, EngineCommand};
use crate::failure::EXIT_CODES;
use crate::keys::{KEYS_EXAMPLES, KeysCommand};
use crate::plan::{PlanCommand, TUNE_EXAMPLES, TuneArguments};
use crate::pull::{ListArguments, PULL_EXAMPLES, PullArguments};
use crate::remote::{
    CALLS_EXAMPLES, CallsCommand, ClearArguments, JOBS_EXAMPLES, JobsCommand, LOAD_EXAMPLES, NamesArguments,
    PS_EXAMPLES, ReloadArguments, STREAMS_EXAMPLES, SWAP_EXAMPLES, SourcesCommand, StreamsArguments, SwapArguments,
    WARM_EXAMPLES, WarmArguments,
};
use crate::run::{
    ANOMALY_EXAMPLES, AnomalyArguments, DETECT_EXAMPLES, DetectArguments, EMBED_EXAMPLES, EmbedArguments,
    TRANSCRIBE_EXAMPLES, TranscribeArguments,
};
use crate::top::{TOP_EXAMPLES, TopArguments};
use crate::triage::{TRIAGE_EXAMPLES, TriageCommand};
use crate::worker::{WORKER_EXAMPLES, WorkerArguments};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// A media inference server: every model loaded once, warmed once, shared by all.
#[derive(Debug, Parser)]
#[command(name = "samovar", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
}

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Common {
    /// Configuration file [default: $SAMOVAR_CONFIG, then ./samovar.toml]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to log: error, warn, info, debug, trace, or a filter such as samovar_runtime=debug [default: $RUST_LOG]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "FILTER")]
    pub log: Option<String>,
    /// How log lines look on stderr
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "FORMAT", default_value = "human")]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show live streams on a real server, with nothing to download or to configure
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArguments),
    /// Serve models over HTTP and WebSocket
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
    /// Work through pictures, videos, recordings and texts here, without a server
    #[command(subcommand)]
    Run(RunCommand),
    /// Tell what the models are, fetch them, and load, swap or unload those of a running server
    #[command(after_help = MODELS_EXAMPLES)]
    Models(ModelsArguments),
    /// Measure how models run best here (engine, precision, threads, batch) and keep it
    #[command(after_help = TUNE_EXAMPLES)]
    Tune(TuneArguments),
    /// Tell or forget how models run best here, as it was measured
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Make sure that models of a running server are warm
    #[command(after_help = WARM_EXAMPLES)]
    Warm(WarmArguments),
    /// Tell the open streams of a running server and how they are doing
    #[command(after_help = STREAMS_EXAMPLES)]
    Streams(StreamsArguments),
    /// List, add and remove the cameras, addresses and files that a running server opens itself
    #[command(subcommand)]
    Sources(SourcesCommand),
    /// Hand recorded videos in to a running server, follow them, fetch what was found
    #[command(subcommand, after_help = JOBS_EXAMPLES)]
    Jobs(JobsCommand),
    /// List, search, show and delete the calls that a running server keeps
    #[command(subcommand, after_help = CALLS_EXAMPLES)]
    Calls(CallsCommand),
    /// Work on jobs outside of a server, from the same queue
    #[command(after_help = WORKER_EXAMPLES)]
    Worker(WorkerArguments),
    /// Tell what a running server does: its models and its streams
    #[command(after_help = PS_EXAMPLES, visible_alias = "status")]
    Ps(StreamsArguments),
    /// Show what a running server does from second to second: machine, models, streams, jobs, pools
    #[command(after_help = TOP_EXAMPLES)]
    Top(TopArguments),
    /// Check this machine and the configuration; tell the cure of every problem
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArguments),
    /// Test and explain the rules that tell how urgent a call is
    #[command(subcommand, after_help = TRIAGE_EXAMPLES)]
    Triage(TriageCommand),
    /// Tell, install and remove what computes and decodes here
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Measure, in one run on this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Make keys that clients show
    #[command(subcommand, after_help = KEYS_EXAMPLES)]
    Keys(KeysCommand),
    /// Print, check or describe the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// How models given on the command line run.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ModelChoices {
    /// Which engine runs models that are named by file
    #[arg(long, value_name = "ENGINE", default_value = "auto")]
    pub engine: EngineName,
    /// Which arithmetic they use; below f32 only where it agrees with f32
    #[arg(long, value_name = "PRECISION", default_value = "auto")]
    pub precision: PrecisionName,
    /// What goes in and comes out of them [default: recognised from the file]
    #[arg(long, value_name = "FAMILY")]
    pub family: Option<FamilyName>,
}

/// `samovar demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// End after this many seconds [default: at Ctrl-C]
    #[arg(long, value_name = "N")]
    pub seconds: Option<NonZeroU64>,
    /// Live streams at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub streams: u32,
    /// A model that looks for objects: an ONNX file, or a name from the configuration [default: people and their movements]
    #[arg(long, short, value_name = "FILE|NAME")]
    pub model: Option<String>,
    /// The video that every stream plays, over and over [default: a street with walkers]
    #[arg(long, value_name = "FILE")]
    pub clip: Option<PathBuf>,
    /// Address and port of the server [default: 127.0.0.1:8080, or a free port where that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Allow an address that other machines can reach although nobody is asked who they are
    #[arg(long)]
    pub insecure: bool,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print one JSON object a second, and one at the end
    #[arg(long)]
    pub json: bool,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  samovar demo --seconds 20
  samovar demo --streams 8 --engine openvino
  samovar demo --model yolov8n.onnx --clip walk.mp4

It reads no configuration but the one that --config names. The exit code is 1 when a stream broke off.";

/// `samovar serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// A model to serve besides those of the configuration; may be repeated
    #[arg(long, value_name = "[NAME=]FILE")]
    pub model: Vec<String>,
    /// Address and port [default: the configuration's, 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Port alone, at that address; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Allow an address that other machines can reach although nobody is asked who they are
    #[arg(long)]
    pub insecure: bool,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  samovar serve --model yolov8n.onnx
  samovar serve --model person=yolov8n.onnx --model yolox_nano.onnx --port 9000
  samovar serve --config samovar.toml

A file alone is named after itself. Ctrl-C finishes what was accepted and ends; SIGTERM the same
after `drain_delay_ms`; a second one of either cuts it off.";

/// What to run.
#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// Find objects in pictures and videos
    #[command(after_help = DETECT_EXAMPLES)]
    Detect(DetectArguments),
    /// Tell the class of every pixel of pictures
    #[command(after_help = SEGMENT_EXAMPLES)]
    Segment(SegmentArguments),
    /// Follow people in videos and tell unusual movements
    #[command(after_help = ANOMALY_EXAMPLES)]
    Anomaly(AnomalyArguments),
    /// Write down what is said in recordings and videos
    #[command(after_help = TRANSCRIBE_EXAMPLES)]
    Transcribe(TranscribeArguments),
    /// Turn texts, and the lines of files, into vectors
    #[command(after_help = EMBED_EXAMPLES)]
    Embed(EmbedArguments),
}

/// `samovar run segment`.
#[derive(Debug, Args)]
pub struct SegmentArguments {
    /// Pictures, folders, patterns; `-` reads one picture from stdin
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// The model: an ONNX file, a name from the configuration, or one that `samovar models list` tells
    #[arg(long, short, value_name = "FILE|NAME")]
    pub model: String,
    /// How the model runs.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Go into the folders of a folder too
    #[arg(long, short)]
    pub recursive: bool,
    /// Write one JSON object for each picture to this file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write one JSON object for each picture to stdout
    #[arg(long)]
    pub json: bool,
    /// Put the class of every pixel into the JSON: runs of [class, length], in rows from the top left
    #[arg(long)]
    pub runs: bool,
    /// Write pictures with the classes laid over them: a file for one input, else a folder
    #[arg(long, value_name = "OUT")]
    pub annotate: Option<PathBuf>,
}

const SEGMENT_EXAMPLES: &str = "\
Examples:
  samovar run segment street.jpg --model starter-segment-sota --annotate classes.jpg
  samovar run segment photos/ --model segformer.onnx --json > areas.jsonl
  samovar run segment street.jpg --model segformer.onnx --runs -o street.jsonl

One input that fails does not stop the others; the exit code is 3 then.";

/// `samovar models`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ModelsArguments {
    /// What to tell; without one, the configured models are listed.
    #[command(subcommand)]
    pub command: Option<ModelsCommand>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What to tell about models.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the catalogue: models that can be pulled by a short name, and whether they are here
    #[command(after_help = "Example:\n  samovar models list --json")]
    List(ListArguments),
    /// Fetch models from the Hugging Face Hub into its cache, going on where an earlier attempt stopped
    #[command(after_help = PULL_EXAMPLES)]
    Pull(PullArguments),
    /// Tell what is in one file: family, input size, classes, signature, metadata, sha256
    Show {
        /// The ONNX file, a name from the configuration, or one that `samovar models list` tells
        #[arg(value_name = "FILE|NAME")]
        model: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// On a running server: load and warm models, unless they are
    #[command(after_help = LOAD_EXAMPLES)]
    Load(NamesArguments),
    /// On a running server: finish accepted work and free models
    #[command(after_help = LOAD_EXAMPLES)]
    Unload(NamesArguments),
    /// On a running server: load a model anew beside the copy that serves, then switch, without losing a request
    #[command(after_help = SWAP_EXAMPLES)]
    Reload(ReloadArguments),
    /// On a running server: switch a model to another version of its folder, without losing a request
    #[command(after_help = SWAP_EXAMPLES)]
    Swap(SwapArguments),
    /// On a running server: free every model; the next use loads and warms again
    Clear(ClearArguments),
}

const MODELS_EXAMPLES: &str = "\
Examples:
  samovar models --config samovar.toml
  samovar models list
  samovar models pull yolox-nano
  samovar models show yolov8n.onnx --json
  samovar models swap person --version 3";

/// `samovar doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  samovar doctor
  samovar doctor --config samovar.toml --json

The exit code is 1 when something that is configured cannot work here.";

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a commented example with every key
    #[command(after_help = "Example:\n  samovar config example > samovar.toml")]
    Example,
    /// Tell every mistake in a configuration file
    #[command(after_help = "Example:\n  samovar config check samovar.toml")]
    Check {
        /// The file [default: as for every command]
        file: Option<PathBuf>,
    },
    /// Print the JSON schema of the configuration, for editors
    #[command(after_help = "Example:\n  samovar config schema > samovar.schema.json")]
    Schema,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Detection: the engine alone, from JPEG, from H.264, each as a share of what the cores allow
    #[command(after_help = BENCH_EXAMPLES)]
    Detect(BenchDetectArguments),
    /// Opening streams on a warm model: time, memory of an idle stream, start to ready
    #[command(after_help = BENCH_EXAMPLES)]
    Open(BenchOpenArguments),
    /// Start to ready, without plans and with plans that were measured before
    #[command(after_help = BENCH_EXAMPLES)]
    Start(BenchStartArguments),
    /// Whether a model's memory comes back when it is unloaded, over many loads
    #[command(after_help = BENCH_EXAMPLES)]
    Memory(BenchMemoryArguments),
    /// Live streams while their model is swapped for another and back, and for a damaged file
    #[command(after_help = BENCH_EXAMPLES)]
    Swap(BenchSwapArguments),
    /// One live segmentation stream whose mode changes at random: what is lost, and whether masks stay the same
    #[command(after_help = BENCH_EXAMPLES)]
    Modes(BenchModesArguments),
    /// Many live anomaly streams on one set of models: opening, memory, capacity, overload, sources, a long time
    #[command(after_help = BENCH_EXAMPLES)]
    Streams(BenchStreamsArguments),
    /// Recorded video at full speed: frames a second, CPU time by stage, memory, allocations, beside what people run today
    Video(BenchVideoArguments),
    /// One measurement of `bench video`
    #[command(hide = true)]
    VideoOnce(VideoOnceArguments),
    /// The queue of jobs: handing in, taking and finishing where many wait already
    Jobs(BenchJobsArguments),
    /// A load of requests at a given rate on a server that runs, and how long each took
    #[command(after_help = BENCH_LOAD_EXAMPLES)]
    Load(BenchLoadArguments),
    /// What the server costs around a model, beside a bare echo, the engine alone and what people run today
    Service(BenchServiceArguments),
    /// Several clients at once on one server that holds every model once: memory, start to ready, first request against tenth
    Share(BenchShareArguments),
    /// A Whisper alone and with many callers at once: seconds a window, memory, calls beside an upload, beside what people run today
    #[command(after_help = BENCH_EXAMPLES)]
    Speech(BenchSpeechArguments),
    /// One measurement of `bench speech`
    #[command(hide = true)]
    SpeechOnce(SpeechOnceArguments),
    /// The echo of `bench service`
    #[command(hide = true)]
    Echo(EchoArguments),
    /// Every engine here: load time, memory of one runner against four, one run, throughput
    Engine(BenchEngineArguments),
}

/// `samovar bench detect`.
#[derive(Clone, Debug, Args)]
pub struct BenchDetectArguments {
    /// The model: an ONNX file, a name from the configuration, or one that `samovar models list` tells
    #[arg(long, short, value_name = "FILE|NAME")]
    pub model: String,
    /// How the model runs.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// A picture [default: a 1280×720 JPEG made in memory]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// A video [default: a 1280×720 H.264 clip made by ffmpeg]
    #[arg(long, value_name = "FILE")]
    pub video: Option<PathBuf>,
    /// Seconds of each measurement
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub seconds: u64,
    /// Measurements of each kind; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repetitions: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `samovar bench open`.
#[derive(Clone, Debug, Args)]
pub struct BenchOpenArguments {
    /// ONNX files to serve from a server started for this [default: with --url, none]
    #[arg(long, short, value_name = "FILE", required_unless_present = "url")]
    pub model: Vec<PathBuf>,
    /// A running server, http://127.0.0.1:8080, instead of one started for this
    #[arg(long, value_name = "URL", conflicts_with = "model")]
    pub url: Option<String>,
    /// Streams opened one after the other
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub opens: usize,
    /// Idle streams held at once for the memory figure
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub idle: usize,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  samovar bench detect --model yolov8n.onnx
  samovar bench detect --model yolov8n.onnx --engine rten --seconds 10 --json
  samovar bench open --model yolov8n.onnx --model yolox_nano.onnx
  samovar bench start --model yolov8n.onnx --model yolox_nano.onnx
  samovar bench memory --model yolov8n.onnx
  samovar bench swap --model starter-detect.onnx --streams 20
  samovar bench modes --mode fast=small.onnx --mode sota=large.onnx --video walk.mp4
  samovar bench streams --pose yolov8n-pose.onnx --sequence stg-nf.onnx --video walk.mp4
  samovar bench video --model yolov8n.onnx --video walk.mp4 --python venv/bin/python
  samovar bench speech --shape tiny,base --python venv/bin/python";

const BENCH_LOAD_EXAMPLES: &str = "\
Examples:
  samovar bench load embeddings --model minilm --connections 32
  samovar bench load embeddings --model minilm --items 32 --rate 10,20,40
  samovar bench load detect --picture street.jpg --rate 50 --duration 30
  samovar bench load infer --model yolov8n --connections 2
  samovar bench load body --path /v1/rerank --body request.json
Where the server asks for a key, put it into SAMOVAR_KEY.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
