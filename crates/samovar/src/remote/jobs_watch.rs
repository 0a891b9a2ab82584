//! Shows how far jobs are until they have ended. A server that is away for a while is waited for: its jobs survive.

use super::client::Client;
use super::command::client;
use super::jobs::{path_of, view};
use super::jobs_arguments::WatchJobsArguments;
use super::jobs_view::JobView;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a server that was there may be away.
const AWAY_MAX: Duration = Duration::from_secs(60);
const REDRAWS_HZ: u8 = 8;

/// Runs the command.
///
/// # Errors
/// What the server says, or that there is none.
pub fn watch(arguments: &WatchJobsArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let ended = follow(&client, &arguments.ids, arguments.server.json)?;
    Ok(match ended.iter().filter(|job| job.is_done()).count() {
        done if done == ended.len() => Exit::Ok,
        0 => Exit::Failure,
        _ => Exit::Partial,
    })
}

/// Shows jobs until all have ended, and tells how.
///
/// # Errors
/// What the server says, or that it stays away.
pub fn follow(client: &Client, ids: &[String], json: bool) -> Result<Vec<JobView>, CliError> {
    let bars = (!json && std::io::stderr().is_terminal())
        .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ)));
    let mut followed: Vec<Followed> = ids.iter().map(|id| Followed::new(id, bars.as_ref(), json)).collect();
    let mut seen = None;
    loop {
        for job in followed.iter_mut().filter(|job| !job.has_ended()) {
            match client.get(&path_of(&job.id)) {
                Ok(answer) => {
                    job.look(client, &answer)?;
                    seen = Some(Instant::now());
                }
                Err(error) if error.code == "server_unreachable" => away(seen, error)?,
                Err(error) => return Err(error),
            }
        }
        if followed.iter().all(Followed::has_ended) {
            return Ok(followed.into_iter().filter_map(|job| job.last).collect());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A server that was never there is told at once; one that was is waited for.
fn away(seen: Option<Instant>, error: CliError) -> Result<(), CliError> {
    let since = seen.ok_or_else(|| error.clone())?;
    if since.elapsed() > AWAY_MAX { Err(error) } else { Ok(()) }
}

/// A job that is shown.
struct Followed {
    id: String,
    bar: Option<ProgressBar>,
    json: bool,
    last: Option<JobView>,
    told: Option<(String, u64)>,
}

impl Followed {
    fn new(id: &str, bars: Option<&MultiProgress>, json: bool) -> Self {
        let bar = bars.map(|bars| {
            let bar = bars.add(ProgressBar::no_length());
            bar.set_style(style("{msg} {spinner} {pos} frames"));
            bar
        });
        Self { id: id.to_owned(), bar, json, last: None, told: None }
    }

    fn has_ended(&self) -> bool {
        self.last.as_ref().is_some_and(JobView::has_ended)
    }

    fn look(&mut self, client: &Client, answer: &Value) -> Result<(), CliError> {
        let job = view(client, answer)?;
        self.show(&job);
        let now = (job.state.clone(), if self.json { job.progress.done } else { 0 });
        if self.told.as_ref() != Some(&now) {
            self.tell(&job, answer)?;
            self.told = Some(now);
        }
        self.last = Some(job);
        Ok(())
    }

    fn show(&self, job: &JobView) {
        let Some(bar) = &self.bar else { return };
        if let Some(total) = job.progress.total.filter(|_| bar.length().is_none()) {
            bar.set_style(style("{msg} {bar:20} {pos}/{len} frames, {eta} left"));
            bar.set_length(total);
        }
        bar.set_message(job.name().to_owned());
        bar.set_position(job.progress.done);
    }

    /// Every change for a program; what is not on the bar for a person.
    fn tell(&self, job: &JobView, answer: &Value) -> Result<(), CliError> {
        if self.json {
            return stdout::print(&format!("{answer}\n"));
        }
        match &self.bar {
            Some(bar) if job.has_ended() => {
                bar.finish_and_clear();
                stderr::line(&job.line());
            }
            Some(_) => {}
            None => stderr::line(&job.line()),
        }
        Ok(())
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
