//! `samovar run detect` on many videos: at the same time, interrupted and gone on with, into every format.

use crate::support::{Ended, has_ffmpeg, samovar, street};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The clip of the street under several names, in a folder where results go too.
struct Clips {
    folder: TempDir,
    model: PathBuf,
}

impl Clips {
    fn new(names: &[&str]) -> Self {
        let (folder, street) = (tempfile::tempdir().unwrap(), street());
        for name in names {
            std::fs::copy(&street.clip, folder.path().join(name)).unwrap();
        }
        Self { folder, model: street.model }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = samovar();
        command.current_dir(self.folder.path()).args(["run", "detect", "--engine", "rten", "--model"]).arg(&self.model);
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap()).without_panic()
    }

    /// The lines of a file of results, but for what was measured.
    fn results(&self, name: &str) -> Vec<Value> {
        untimed(std::fs::read_to_string(self.path(name)).unwrap().lines())
    }
}

fn untimed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let mut lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("timings")));
    lines
}

#[test]
fn five_videos_at_once_give_what_each_gives_alone() {
    if !has_ffmpeg() {
        return;
    }
    let names = ["a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4"];
    let clips = Clips::new(&names);
    let ended = clips.run(&["?.mp4", "--at-once", "5", "--frames-max", "24", "--json", "-o", "all.jsonl"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let together = clips.results("all.jsonl");
    let streamed = untimed(ended.stdout.lines());
    for name in names {
        let alone = clips.run(&[name, "--frames-max", "24", "--json"]);
        assert_eq!(alone.lines().len(), 24, "{}", alone.stderr);
        let alone = untimed(alone.stdout.lines());
        let of = |lines: &[Value]| lines.iter().filter(|line| line["input"] == name).cloned().collect::<Vec<_>>();
        assert_eq!(of(&together), alone);
        assert_eq!(of(&streamed), alone);
    }
    let inputs: Vec<&str> = together.iter().step_by(24).map(|line| line["input"].as_str().unwrap()).collect();
    assert_eq!(inputs, names, "in the order of the inputs, each by itself");
    for name in names {
        assert!(ended.stderr.contains(&format!("{name}: begun, about 24 frames")), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("{name}: 24 frames in ")), "{}", ended.stderr);
    }
    assert!(ended.stderr.contains("120 frames in "), "{}", ended.stderr);
    assert!(!clips.path("all.jsonl.partial").exists());
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4", "b.mp4", "c.mp4"]);
    let work = ["?.mp4", "--frames-max", "40", "--every", "2"];
    let whole = clips.run(&[&work[..], &["-o", "whole.jsonl"]].concat());
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let part = [&work[..], &["-o", "part.jsonl", "--json", "--resume"]].concat();
    // After so many frames each.
    for (signal, frames, code) in [("INT", 1, Some(130)), ("KILL", 25, None), ("INT", 30, Some(130)), ("KILL", 3, None)]
    {
        let (ended, said) = interrupted(&mut clips.command(&part), signal, frames);
        assert_eq!(ended, code, "{said}");
        assert_eq!(said.contains("the same command with --resume goes on"), signal == "INT", "{said}");
        assert!(clips.path("part.jsonl.partial").is_dir() && !clips.path("part.jsonl").exists());
    }
    let refused = clips.run(&[&work[..], &["-o", "part.jsonl"]].concat());
    assert!(refused.code == 2 && refused.stderr.starts_with("error[partial_result]: "), "{}", refused.stderr);
    let other = clips.run(&["?.mp4", "--fps", "3", "-o", "part.jsonl", "--resume"]);
    assert!(other.code == 2 && other.stderr.contains("other frames were looked at"), "{}", other.stderr);
    let rest = clips.run(&part);
    assert_eq!(rest.code, 0, "{}", rest.stderr);
    assert!(rest.stdout.lines().count() < 120, "what was done is not done again");
    assert_eq!(clips.results("part.jsonl"), clips.results("whole.jsonl"));
    assert!(!clips.path("part.jsonl.partial").exists());
}

/// Ends a run by a signal once it has told so many frames; tells its exit code, and what it said.
fn interrupted(command: &mut Command, signal: &str, frames: usize) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.by_ref().take(frames).filter(Result::is_ok).count(), frames);
    let killed = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    lines.for_each(drop);
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn a_finished_video_is_not_done_again_and_begins_anew_when_told() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4", "b.mp4"]);
    let work = ["a.mp4", "b.mp4", "--at-once", "1", "--frames-max", "12", "--json", "-o", "out/", "--format", "csv"];
    let (code, said) = interrupted(&mut clips.command(&work), "KILL", 18);
    assert_eq!(code, None, "{said}");
    assert!(clips.path("out/a.csv").is_file() && !clips.path("out/b.csv").exists());
    let rest = clips.run(&[&work[..], &["--resume"]].concat());
    assert!(rest.code == 0 && rest.stderr.contains("a.mp4: 12 frames, done before"), "{}", rest.stderr);
    assert!(rest.lines().iter().all(|line| line["input"] == "b.mp4"));
    let table = |name: &str| std::fs::read_to_string(clips.path(name)).unwrap().replace("b.mp4", "a.mp4");
    assert_eq!(table("out/a.csv"), table("out/b.csv"));
    let (_, said) = interrupted(&mut clips.command(&work), "KILL", 3);
    assert!(said.contains("begun"), "{said}");
    let anew = clips.run(&[&work[..], &["--overwrite"]].concat());
    assert!(anew.code == 0 && anew.lines().len() == 24, "{}", anew.stderr);
}

#[test]
fn every_format_is_written() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4", "b.mp4"]);
    let run = |more: &[&str]| {
        let ended = clips.run(&[&["a.mp4", "--frames-max", "6"], more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    };
    run(&["b.mp4", "-o", "found.csv", "--track"]);
    let table = std::fs::read_to_string(clips.path("found.csv")).unwrap();
    assert!(table.starts_with("input,frame,") && table.contains("\nb.mp4,5,"), "{table}");
    run(&["b.mp4", "-o", "found.parquet"]);
    let columns = std::fs::read(clips.path("found.parquet")).unwrap();
    assert!(columns.starts_with(b"PAR1") && columns.ends_with(b"PAR1"));
    run(&["b.mp4", "-o", "found.json"]);
    let coco: Value = serde_json::from_slice(&std::fs::read(clips.path("found.json")).unwrap()).unwrap();
    assert_eq!(coco["images"].as_array().unwrap().len(), 12);
    run(&["-o", "found.txt"]);
    let lines = std::fs::read_to_string(clips.path("found.txt")).unwrap();
    assert!(lines.lines().all(|line| line.split(',').count() == 10) && lines.starts_with("1,"), "{lines}");
    run(&["-o", "found.log", "--format", "jsonl"]);
    assert_eq!(clips.results("found.log").len(), 6);
    let several = clips.run(&["a.mp4", "b.mp4", "-o", "found.txt"]);
    assert!(several.code == 2 && several.stderr.contains("--format mot"), "{}", several.stderr);
}

#[test]
fn reports_and_pictures_are_made_of_what_was_found() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4", "b.mp4"]);
    let more = ["--report", "new/report.html", "--annotate", "drawn", "--thumbnails", "thumbs", "--quiet"];
    let ended = clips.run(&[&["a.mp4", "b.mp4", "--frames-max", "12"], &more[..]].concat());
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let html = std::fs::read_to_string(clips.path("new/report.html")).unwrap();
    assert!(html.contains("a.mp4") && html.contains("b.mp4") && html.contains("<svg"), "{html:.300}");
    assert!(clips.path("drawn/a.mp4").is_file() && clips.path("drawn/b.mp4").is_file());
    let jpeg = std::fs::read(clips.path("thumbs/a.1.jpg")).unwrap();
    assert!(jpeg.starts_with(&[0xFF, 0xD8, 0xFF]));
    assert_eq!(clips.run(&["drawn/a.mp4", "--json"]).lines().len(), 12);
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4", "c.mp4"]);
    std::fs::write(clips.path("b.mp4"), "words, and no video at all").unwrap();
    let still = street().picture;
    let inputs = ["a.mp4", "b.mp4", "c.mp4", still.to_str().unwrap()];
    let ended = clips.run(&[&inputs[..], &["--frames-max", "6", "-o", "found.jsonl"]].concat());
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let lines = clips.results("found.jsonl");
    let of = |input: &str| lines.iter().filter(|line| line["input"] == input).count();
    assert_eq!(inputs.map(of), [6, 1, 6, 1]);
    assert!(lines[6]["error"]["code"].is_string() && lines[13]["image"].is_object(), "in the order of the inputs");
    assert!(ended.stderr.contains("1 input failed"), "{}", ended.stderr);
    assert!(!clips.path("found.jsonl.partial").exists(), "nothing is left to try again");
    let csv = clips.run(&[&inputs[..], &["-o", "found.csv"]].concat());
    assert!(csv.code == 2 && csv.stderr.contains("csv is written of videos"), "{}", csv.stderr);
}

#[test]
fn sizes_out_of_bounds_and_wrong_times_are_refused() {
    let clips = Clips::new(&[]);
    let wrong: [(&[&str], &str); 5] = [
        (&["--batch-size", "1000"], "error[batch_size_out_of_bounds]"),
        (&["--pool-size", "2"], "error[buffer_pool_size_too_small]"),
        (&["--start", "1:90"], "not a time; write seconds, m:ss or h:mm:ss"),
        (&["--start", "9", "--end", "0:08"], "--end is not behind --start"),
        (&["-o", "found.xlsx"], "what found.xlsx is to hold cannot be told from its name"),
    ];
    for (more, expected) in wrong {
        let ended = clips.run(&[&["a.mp4"], more].concat());
        assert!(ended.code == 2 && ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

#[test]
fn frames_are_chosen_by_time_and_rate() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4"]);
    let times = |more: &[&str]| {
        let ended = clips.run(&[&["a.mp4", "--json"], more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.lines().iter().map(|line| line["timestamp_ms"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let second = times(&["--start", "0:02", "--end", "3"]);
    assert!(second.len() == 12 && second.iter().all(|time| (2_000.0..3_000.0).contains(time)), "{second:?}");
    assert_eq!(times(&["--fps", "1", "--end", "5"]).len(), 5);
    assert!(times(&["--keyframes"]).len() < 24);
    let folder: &Path = clips.folder.path();
    let config = folder.join("samovar.toml");
    std::fs::write(&config, "[video]\nframe_skip_factor = 6\n").unwrap();
    assert_eq!(times(&["--end", "2", "--config", config.to_str().unwrap()]).len(), 4);
}

#[test]
fn no_input_is_written_over_and_no_result() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4"]);
    let before = std::fs::read(clips.path("a.mp4")).unwrap();
    std::os::unix::fs::symlink(clips.path("a.mp4"), clips.path("link.csv")).unwrap();
    let model = clips.model.display().to_string();
    for places in [
        &["-o", "a.mp4", "--format", "csv"][..],
        &["-o", "link.csv"],
        &["--report", "./a.mp4"],
        &["--report", &model],
        &["-o", "all.jsonl", "--report", "all.jsonl"],
    ] {
        let refused = clips.run(&[&["a.mp4", "--frames-max", "1"], places].concat());
        assert!(refused.code == 2 && refused.stderr.contains("written over"), "{places:?}: {}", refused.stderr);
    }
    assert_eq!(std::fs::read(clips.path("a.mp4")).unwrap(), before);
}

#[test]
fn what_goes_to_stdout_alone_is_kept_nowhere() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&["a.mp4"]);
    let temporary = clips.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = clips.command(&["a.mp4", "--json"]);
    let (code, said) = interrupted(command.env("TMPDIR", &temporary), "KILL", 20);
    assert_eq!(code, None, "{said}");
    // Libraries of engines may have their own files there.
    let mut names = temporary.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.all(|name| !name.to_string_lossy().starts_with("samovar")));
}

#[test]
fn a_video_of_many_hours_is_worked_through_to_its_end() {
    if !has_ffmpeg() {
        return;
    }
    let clips = Clips::new(&[]);
    // Five hours: a picture every ten minutes.
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=1/600:duration=18000"])
        .args(["-pix_fmt", "yuv420p", "-c:v", "mpeg4"])
        .arg(clips.path("long.mp4"))
        .status()
        .unwrap();
    assert!(made.success());
    let ended = clips.run(&["long.mp4", "--json"]);
    assert_eq!((ended.code, ended.lines().len()), (0, 30), "{}", ended.stderr);
}
