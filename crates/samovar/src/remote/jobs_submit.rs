//! `samovar jobs submit`: hands videos in, each sent along or named.

use super::client::{Client, path_part};
use super::command::client;
use super::jobs::{JOBS, view};
use super::jobs_arguments::SubmitArguments;
use super::jobs_result::{Wanted, fetch};
use super::jobs_view::JobView;
use super::jobs_watch::follow;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use samovar_recorded::{FrameChoice, ResultFormat};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// Redraws a second: more cost time and show nothing.
const REDRAWS_HZ: u8 = 8;

/// Runs the command.
///
/// # Errors
/// The failure of the only video, that there is no server, or what was typed.
pub fn submit(arguments: &SubmitArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    check(arguments)?;
    let client = client(&arguments.server, config)?;
    let options = options(arguments)?;
    let mut accepted = Vec::new();
    let mut failed = 0;
    for input in &arguments.inputs {
        match hand_in(&client, arguments, input, &options) {
            Ok(answer) => {
                if !arguments.server.json {
                    told(&view(&client, &answer)?, arguments.wait)?;
                }
                accepted.push(answer);
            }
            Err(error) if arguments.inputs.len() == 1 || error.code.starts_with("server_") => return Err(error),
            Err(error) => {
                failed += 1;
                stderr::line(&format!("{input}: {error}"));
            }
        }
    }
    if !arguments.wait {
        if arguments.server.json {
            stdout::print_json(&json!({ "jobs": accepted }))?;
        }
        return Ok(exit(accepted.len(), failed));
    }
    let ids = accepted.iter().map(|job| view(&client, job).map(|job| job.id)).collect::<Result<Vec<_>, _>>()?;
    let ended = follow(&client, &ids, arguments.server.json)?;
    results(&client, arguments, &ended)?;
    let done = ended.iter().filter(|job| job.is_done()).count();
    Ok(exit(done, failed + ended.len() - done))
}

const fn exit(done: usize, failed: usize) -> Exit {
    match (done, failed) {
        (_, 0) => Exit::Ok,
        (0, _) => Exit::Failure,
        _ => Exit::Partial,
    }
}

fn check(arguments: &SubmitArguments) -> Result<(), CliError> {
    let wrong = |message: &str, cure: &str| Err(CliError::new("invalid_option", message).cure(cure).exit(Exit::Usage));
    let relative = arguments.inputs.iter().find(|input| !input.starts_with('/'));
    if let Some(path) = relative.filter(|_| arguments.on_server) {
        let message =
            format!("`{path}` is no whole path: nobody knows here in which folder of the server's machine it is");
        return wrong(&message, "begin it with /, as in --on-server /srv/films/film.mp4");
    }
    let several = arguments.inputs.len() > 1;
    if several && (arguments.name.is_some() || arguments.idempotency_key.is_some()) {
        return wrong("--name and --idempotency-key are of one video", "hand the videos in one by one");
    }
    if several && arguments.output.as_deref().is_some_and(|out| !names_folder(out)) {
        return wrong("one file cannot take the results of several videos", "name a folder: -o results/");
    }
    Ok(())
}

/// What each video is asked for, without where it is.
fn options(arguments: &SubmitArguments) -> Result<Map<String, Value>, CliError> {
    let typed = [
        ("name", arguments.name.as_ref().map(|name| json!(name))),
        ("model", arguments.model.as_ref().map(|model| json!(model))),
        ("score_min", arguments.score_min.map(|share| json!(share))),
        ("iou_max", arguments.iou_max.map(|share| json!(share))),
        ("classes", (!arguments.classes.is_empty()).then(|| json!(arguments.classes))),
        ("priority", arguments.priority.map(|priority| json!(priority))),
        ("frames", Some(frames(&arguments.looked_at.choice(NonZeroU32::MIN)?))),
        ("outputs", Some(outputs(arguments))),
    ];
    let said = typed.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Ok(said.filter(|(_, value)| value.as_object().is_none_or(|object| !object.is_empty())).collect())
}

/// What differs from looking at every frame.
fn frames(choice: &FrameChoice) -> Value {
    let all = FrameChoice::default();
    let mut said = Map::new();
    let mut say = |key: &str, differs: bool, value: Value| drop(differs.then(|| said.insert(key.to_owned(), value)));
    say("every", choice.every != all.every, json!(choice.every));
    say("fps", choice.fps != all.fps, json!(choice.fps));
    say("keyframes", choice.keyframes, json!(true));
    say("scene_change", choice.scene_change != all.scene_change, json!(choice.scene_change));
    say("frames_max", choice.frames_max != all.frames_max, json!(choice.frames_max));
    say("start_s", choice.start_s > 0.0, json!(choice.start_s));
    say("end_s", choice.end_s != all.end_s, json!(choice.end_s));
    Value::Object(said)
}

fn outputs(arguments: &SubmitArguments) -> Value {
    let outputs = &arguments.outputs;
    let typed = [
        ("report", outputs.report.then_some(json!(true))),
        ("annotated", outputs.annotated.then_some(json!(true))),
        ("thumbnails", outputs.thumbnails.map(|count| json!(count))),
    ];
    typed.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn hand_in(
    client: &Client,
    arguments: &SubmitArguments,
    input: &str,
    options: &Map<String, Value>,
) -> Result<Value, CliError> {
    let key = arguments.idempotency_key.as_deref();
    let named = |kind: &str, value: &str| {
        let mut body = options.clone();
        body.insert("input".to_owned(), json!({ kind: value }));
        client.post_once(JOBS, &Value::Object(body), key)
    };
    if arguments.on_server {
        return named("path", input);
    }
    if input.contains("://") {
        return named("url", input);
    }
    send_along(client, Path::new(input), options, key)
}

/// Sends a file, with a bar while it goes.
fn send_along(
    client: &Client,
    path: &Path,
    options: &Map<String, Value>,
    key: Option<&str>,
) -> Result<Value, CliError> {
    let unreadable = |error: &io::Error| {
        CliError::new("media_unreadable", format!("{} cannot be read: {error}", path.display()))
            .cure("check the path; a file on the server's machine is named with --on-server")
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let facts = file.metadata().map_err(|error| unreadable(&error))?;
    if !facts.is_file() {
        return Err(CliError::new("media_unreadable", format!("{} is no file", path.display()))
            .cure("name the videos one by one, as in samovar jobs submit films/*.mp4"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bar = bar(facts.len(), &name);
    let mut body = Shown { file, bar: &bar };
    let sent = client.upload(&query(options, &name), &mut body, facts.len(), key);
    bar.finish_and_clear();
    sent
}

/// The options as a query: the body is the video.
fn query(options: &Map<String, Value>, name: &str) -> String {
    let mut said = vec![format!("name={}", path_part(options.get("name").and_then(Value::as_str).unwrap_or(name)))];
    let flat = |key: &String, value: &Value| (key.clone(), value.clone());
    let pairs = options.iter().filter(|(key, _)| key.as_str() != "name").flat_map(|(key, value)| match value {
        Value::Object(inner) => inner.iter().map(|(key, value)| flat(key, value)).collect(),
        _ => vec![flat(key, value)],
    });
    said.extend(pairs.map(|(key, value)| format!("{key}={}", path_part(&plain(&value)))));
    format!("{JOBS}?{}", said.join("&"))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn bar(bytes: u64, name: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ));
    let style = ProgressStyle::with_template("{msg} {bar:20} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(name.to_owned());
    bar
}

/// A file that shows how much of it was read.
struct Shown<'a> {
    file: File,
    bar: &'a ProgressBar,
}

impl Read for Shown<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bar.inc(read as u64);
        Ok(read)
    }
}

/// The name alone on stdout, so that scripts can go on with it.
fn told(job: &JobView, waiting: bool) -> Result<(), CliError> {
    if waiting {
        stderr::line(&format!("{} {}: accepted", job.id, job.name()));
        return Ok(());
    }
    stderr::line(&format!("{}: accepted; `samovar jobs watch {}` shows how far it is", job.name(), job.id));
    stdout::print(&format!("{}\n", job.id))
}

fn results(client: &Client, arguments: &SubmitArguments, ended: &[JobView]) -> Result<(), CliError> {
    let Some(out) = &arguments.output else { return Ok(()) };
    for job in ended.iter().filter(|job| job.is_done()) {
        let format = arguments.format.map(ResultFormat::from);
        let file = file_of(out, job, format);
        fetch(client, &job.id, &Wanted::Result { format, track: arguments.track }, Some(&file))?;
    }
    Ok(())
}

fn names_folder(out: &Path) -> bool {
    out.is_dir() || out.as_os_str().to_string_lossy().ends_with('/')
}

/// In a folder, named after the video and its job: videos may have the same name.
fn file_of(out: &Path, job: &JobView, format: Option<ResultFormat>) -> PathBuf {
    if !names_folder(out) {
        return out.to_path_buf();
    }
    let stem = Path::new(job.name()).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let short: String = job.id.chars().take(8).collect();
    out.join(format!("{stem}-{short}.{}", format.unwrap_or_default().extension()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        submit: SubmitArguments,
    }

    fn typed(text: &str) -> SubmitArguments {
        Typed::try_parse_from(std::iter::once("submit").chain(text.split(' '))).unwrap().submit
    }

    #[test]
    fn what_is_typed_becomes_a_query_and_nothing_else_does() {
        let none = options(&typed("a.mp4")).unwrap();
        assert_eq!(query(&none, "a b.mp4"), "/v1/jobs?name=a%20b.mp4");
        let all =
            typed("a.mp4 -m person --classes person,car --every 5 --start 1:30 --report --thumbnails 3 --priority 9");
        let sent = query(&options(&all).unwrap(), "a.mp4");
        let parts: std::collections::BTreeSet<&str> = sent.split_once('?').unwrap().1.split('&').collect();
        let expected =
            "name=a.mp4 model=person classes=person%2Ccar every=5 start_s=90.0 report=true thumbnails=3 priority=9";
        assert_eq!(parts, expected.split(' ').collect());
    }

    #[test]
    fn what_is_for_one_video_is_refused_for_several() {
        assert_eq!(check(&typed("a.mp4 b.mp4 --name x")).unwrap_err().code, "invalid_option");
        assert_eq!(check(&typed("a.mp4 b.mp4 --wait -o x.csv")).unwrap_err().code, "invalid_option");
        check(&typed("a.mp4 b.mp4 --wait -o x/")).unwrap();
        assert_eq!(check(&typed("a.mp4 --on-server")).unwrap_err().code, "invalid_option");
        check(&typed("/srv/a.mp4 --on-server")).unwrap();
    }
}
