//! What may be typed after `samovar jobs`.

use super::ServerArguments;
use super::confirm::ConfirmArguments;
use crate::run::{FormatName, FrameArguments};
use clap::{Args, Subcommand};
use samovar_jobs::JobState;
use std::path::PathBuf;

/// `samovar jobs`.
#[derive(Clone, Debug, Subcommand)]
pub enum JobsCommand {
    /// Hand in videos; they survive a crash of the server
    #[command(after_help = SUBMIT_EXAMPLES)]
    Submit(Box<SubmitArguments>),
    /// List jobs, the newest first
    #[command(after_help = LIST_EXAMPLES)]
    List(JobsListArguments),
    /// Tell everything about one
    Show(JobArguments),
    /// Show how far jobs are, until they have ended
    #[command(after_help = "Example:\n  samovar jobs watch 6f9619ff8b86d011b42d00c04fc964ff")]
    Watch(WatchJobsArguments),
    /// Fetch what a job has found
    #[command(after_help = RESULT_EXAMPLES)]
    Result(ResultArguments),
    /// Ask for the end of jobs
    Cancel(JobNamesArguments),
    /// Let jobs that were given up or cancelled wait again; they go on where they were
    Retry(JobNamesArguments),
    /// Forget jobs and their results; one that still waits or runs is cancelled
    #[command(
        after_help = "Examples:\n  samovar jobs delete 6f9619ff8b86d011b42d00c04fc964ff\n  samovar jobs delete ID ID ID --yes"
    )]
    Delete(DeleteJobsArguments),
}

/// `samovar jobs submit`.
#[derive(Clone, Debug, Args)]
pub struct SubmitArguments {
    /// Videos: files, which are sent along, and http or https addresses, as far as the server allows them
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// The model by the server's name [default: the server's]
    #[arg(long, short, value_name = "NAME")]
    pub model: Option<String>,
    /// The inputs are files on the server's machine, in a folder that it allows: nothing is sent
    #[arg(long)]
    pub on_server: bool,
    /// What the video is called in results [default: the name of its file]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Report only what scores above this, 0 to 1 [default: 0.25]
    #[arg(long, value_name = "SHARE")]
    pub score_min: Option<f32>,
    /// Boxes of one class that overlap more than this are one object [default: the model family's own]
    #[arg(long, value_name = "SHARE")]
    pub iou_max: Option<f32>,
    /// Report only these classes, by name or number: person,car or 0,2
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Higher goes first, 0 to 9 [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub priority: Option<u8>,
    /// Handed in twice with the same key, a job is accepted once
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// What is written besides.
    #[command(flatten)]
    pub outputs: OutputArguments,
    /// Wait for the end, and show how far it is
    #[arg(long)]
    pub wait: bool,
    /// Write the results to this file once they are there
    #[arg(long, short, value_name = "FILE", requires = "wait")]
    pub output: Option<PathBuf>,
    /// As what [default: by the end of FILE: .jsonl, .csv, .parquet, .json (COCO), .txt (MOT); else jsonl]
    #[arg(long, value_name = "FORMAT", requires = "output")]
    pub format: Option<FormatName>,
    /// Follow objects from frame to frame, and write who is who
    #[arg(long, requires = "output")]
    pub track: bool,
    /// Which frames of the video.
    #[command(flatten)]
    pub looked_at: FrameArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// What is written besides the results.
#[derive(Clone, Copy, Debug, Args)]
pub struct OutputArguments {
    /// Write a report: what was found when, counts, where, sample frames
    #[arg(long)]
    pub report: bool,
    /// Write the video with the boxes drawn in
    #[arg(long)]
    pub annotated: bool,
    /// Write so many small pictures of frames with the most to see
    #[arg(long, value_name = "N")]
    pub thumbnails: Option<u32>,
}

/// `samovar jobs list`.
#[derive(Clone, Debug, Args)]
pub struct JobsListArguments {
    /// Only in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Option<JobState>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,
    /// Only those that were handed in before this one
    #[arg(long, value_name = "ID")]
    pub before: Option<String>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar jobs show`.
#[derive(Clone, Debug, Args)]
pub struct JobArguments {
    /// The job, as `submit` and `list` tell it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar jobs delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteJobsArguments {
    /// Which jobs.
    #[command(flatten)]
    pub jobs: JobNamesArguments,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArguments,
}

/// `samovar jobs cancel` and `retry`.
#[derive(Clone, Debug, Args)]
pub struct JobNamesArguments {
    /// The jobs, as `submit` and `list` tell them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar jobs watch`.
#[derive(Clone, Debug, Args)]
pub struct WatchJobsArguments {
    /// The jobs, as `submit` and `list` tell them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar jobs result`.
#[derive(Clone, Debug, Args)]
pub struct ResultArguments {
    /// The job, as `submit` and `list` tell it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Write it to this file [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// As what [default: by the end of FILE: .jsonl, .csv, .parquet, .json (COCO), .txt (MOT); else jsonl]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatName>,
    /// Follow objects from frame to frame, and write who is who
    #[arg(long)]
    pub track: bool,
    /// Fetch this file that the job wrote besides, instead: report.html, annotated.mp4, thumbnail-1.jpg
    #[arg(long, value_name = "NAME", conflicts_with_all = ["format", "track"])]
    pub file: Option<String>,
    /// The running server [default: where the configuration lets it listen, http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

fn state(text: &str) -> Result<JobState, String> {
    let known = || JobState::ALL.map(JobState::name).join(", ");
    JobState::parse(text).ok_or_else(|| format!("no such state; there are {}", known()))
}

/// After `samovar jobs --help`.
pub const JOBS_EXAMPLES: &str = "\
Examples:
  samovar jobs submit film.mp4 --model person --wait -o film.csv
  samovar jobs list --state running
  samovar jobs watch ID
  samovar jobs result ID -o film.parquet";

const SUBMIT_EXAMPLES: &str = "\
Examples:
  samovar jobs submit film.mp4 --model person                          tells the job's ID and ends
  samovar jobs submit *.mp4 --model person --fps 5 --report
  samovar jobs submit film.mp4 --model person --wait -o film.csv       shows how far it is, then writes the results
  samovar jobs submit /srv/films/film.mp4 --on-server --model person   needs `roots` in `[jobs]` of the server
  samovar jobs submit https://media.example/film.mp4 --model person    needs `hosts` and `schemes`

Ctrl-C while waiting leaves the job alone: `samovar jobs watch ID` goes on.";

const LIST_EXAMPLES: &str = "\
Examples:
  samovar jobs list
  samovar jobs list --state failed --json";

const RESULT_EXAMPLES: &str = "\
Examples:
  samovar jobs result ID > film.jsonl
  samovar jobs result ID -o film.parquet
  samovar jobs result ID -o film.txt --track
  samovar jobs result ID --file report.html -o film.html";
