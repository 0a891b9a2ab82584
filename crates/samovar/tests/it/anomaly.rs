//! `samovar run anomaly` on the drawn street, whose truth says who moves unusually.

use crate::support::{Ended, has_ffmpeg, run, samovar, street};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// On the built-in engine, which every machine has, with the models that ship.
fn command(inputs: &[&Path], more: &[&str]) -> Command {
    let starter = |name: &str| street().model.with_file_name(name);
    let mut command = samovar();
    command.args(["run", "anomaly", "--engine", "rten", "--pose"]).arg(starter("starter-pose.onnx"));
    command.arg("--sequence").arg(starter("starter-stg-nf.onnx")).args(inputs).args(more);
    command
}

fn anomaly(inputs: &[&Path], more: &[&str]) -> Ended {
    Ended::from(command(inputs, more).output().unwrap()).without_panic()
}

fn events<'a>(records: &'a [Value], name: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["event"] == name).collect()
}

/// Frames of a video, as the detector's command counts them.
fn frames_of(video: &Path) -> usize {
    let mut command = samovar();
    command.args(["run", "detect", "--engine", "rten", "--json", "--model"]).arg(street().model).arg(video);
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.lines().len()
}

/// Whether somebody whom the truth calls unusual within two seconds of that frame is in the box.
fn is_unusual_there(truth: &Value, frame: u64, corners: &Value) -> bool {
    let found: Vec<f64> = corners.as_array().unwrap().iter().map(|side| side.as_f64().unwrap()).collect();
    let frames = truth["frames"].as_array().unwrap();
    let near = frame.saturating_sub(24) as usize..(frame as usize + 24).min(frames.len());
    let overlaps = |person: &Value| {
        let sides: Vec<f64> = person[1].as_array().unwrap().iter().map(|side| side.as_f64().unwrap() / 10.0).collect();
        let width = found[2].min(sides[2]) - found[0].max(sides[0]);
        let height = found[3].min(sides[3]) - found[1].max(sides[1]);
        width > 0.0 && height > 0.0
    };
    frames[near].iter().flat_map(|frame| frame.as_array().unwrap()).any(|person| person[6] == true && overlaps(person))
}

/// The highest score of anybody in a frame as the file of scores has it.
fn anomaly_score(result: &Value) -> String {
    let persons = result["persons"].as_array().unwrap().iter();
    let highest = persons.filter_map(|person| person["anomaly_score"].as_f64()).reduce(f64::max);
    highest.map(|score| format!("{:.4}", score as f32)).unwrap_or_default()
}

#[test]
fn who_comes_who_goes_and_who_is_unusual() {
    if !has_ffmpeg() {
        return;
    }
    let clip = street().clip;
    let folder = tempfile::tempdir().unwrap();
    let [drawn, scores] = ["drawn.mp4", "scores.csv"].map(|name| folder.path().join(name));
    let outputs = ["--json", "--frames", "--annotate", drawn.to_str().unwrap(), "--scores", scores.to_str().unwrap()];
    let ended = anomaly(&[&clip], &outputs);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let records = ended.lines();
    let results = records.iter().filter(|record| record["type"] == "result").count();
    assert_eq!(results, 240);
    let [appeared, left] = ["person.appeared", "person.left"].map(|name| events(&records, name).len());
    assert!(appeared >= 5 && appeared == left, "who has come goes at the end at the latest: {appeared}, {left}");
    let started = events(&records, "anomaly.started");
    assert_eq!(started.len(), events(&records, "anomaly.ended").len());
    let truth: Value = serde_json::from_slice(&std::fs::read(clip.with_extension("json")).unwrap()).unwrap();
    let right = |event: &&&Value| is_unusual_there(&truth, event["frame"].as_u64().unwrap(), &event["person"]["box"]);
    let right = started.iter().filter(right).count();
    assert!(right > 0 && 2 * right > started.len(), "{right} of {} are right", started.len());
    let csv = std::fs::read_to_string(scores).unwrap();
    assert_eq!(csv.lines().next(), Some("input,frame,time_ms,score,anomaly_score"));
    assert_eq!(csv.lines().count(), 241);
    let told = csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap());
    let highest = records.iter().filter(|record| record["type"] == "result").map(anomaly_score);
    assert!(told.eq(highest), "what thresholds are compared with");
    assert_eq!(frames_of(&drawn), 240, "what was drawn is a video again");
}

#[test]
fn every_second_frame_keeps_its_own_number() {
    if !has_ffmpeg() {
        return;
    }
    let more = ["--json", "--frames", "--every", "2", "--frames-max", "5"];
    let ended = anomaly(&[&street().clip], &more);
    let records = ended.lines();
    let numbers: Vec<_> =
        records.iter().filter(|one| one["type"] == "result").map(|one| one["frame"].clone()).collect();
    assert_eq!(numbers, [0, 2, 4, 6, 8]);
}

#[test]
fn one_input_that_fails_does_not_stop_the_others() {
    if !has_ffmpeg() {
        return;
    }
    let (clip, picture) = (street().clip, street().picture);
    let ended = anomaly(&[&picture, Path::new("absent.mp4"), &clip], &["--frames-max", "30", "--json"]);
    let records = ended.lines();
    let codes: Vec<&Value> = records.iter().filter_map(|record| record["error"].get("code")).collect();
    assert_eq!((ended.code, codes.len()), (3, 2), "{}", ended.stderr);
    assert_eq!(codes[0], "unsupported_media");
    assert!(!events(&records, "person.appeared").is_empty());
    assert!(ended.stderr.contains("30 frames of 1 video in"), "{}", ended.stderr);
}

#[test]
fn wrong_options_are_refused_before_the_work() {
    let detector = street().model;
    let wrong: [(&[&str], &str); 4] = [
        (&["--score-start", "2", "--score-end", "3"], "error[invalid_option]: `score_end` is 3; it must not be above"),
        (&["--frames"], "error[invalid_option]: --frames has nowhere to write lines to"),
        (&["--pose", "starter-pos"], "error[model_not_found]: `starter-pos` is neither"),
        (&["--detector", "absent.onnx"], "error[model_file_unreadable]: there is no model file absent.onnx"),
    ];
    for (arguments, expected) in wrong {
        let ended = run(["run", "anomaly", "a.mp4", "--engine", "rten"].iter().chain(arguments)).without_panic();
        assert!(ended.stderr.contains(expected) && matches!(ended.code, 1 | 2), "{}: {}", ended.code, ended.stderr);
    }
    let ended = run(["run", "anomaly", "a.mp4", "--engine", "rten", "--pose", detector.to_str().unwrap()]);
    assert!(ended.stderr.contains("error[wrong_family]: --pose: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("starter-stg-nf is used, which knows drawn streets only"), "{}", ended.stderr);
}

#[test]
fn the_models_and_thresholds_of_the_configuration_are_used() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let starter = |name: &str| street().model.with_file_name(name).display().to_string();
    let config = format!(
        "[anomaly]\npose = \"p\"\nsequence = \"s\"\nappear_frames = 1000\n\
         [models.p]\npath = {:?}\n[models.s]\npath = {:?}\n",
        starter("starter-pose.onnx"),
        starter("starter-stg-nf.onnx"),
    );
    std::fs::write(folder.path().join("samovar.toml"), config).unwrap();
    let mut command = samovar();
    command.current_dir(folder.path()).args(["run", "anomaly", "--engine", "rten", "--json", "--frames-max", "40"]);
    let ended = Ended::from(command.arg(street().clip).output().unwrap()).without_panic();
    assert_eq!((ended.code, ended.lines().len()), (0, 0), "nobody stays so long: {}{}", ended.stdout, ended.stderr);
    assert!(!ended.stderr.contains("is used"), "{}", ended.stderr);
}

#[test]
fn ctrl_c_leaves_whole_files() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("drawn");
    let clip = street().clip;
    let inputs: Vec<&Path> = vec![&clip; 20];
    let mut command = command(&inputs, &["--json", "--frames", "--annotate", drawn.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Vec<String> = lines.by_ref().take(30).map(Result::unwrap).collect();
    let frames = first.iter().filter(|line| line.starts_with("{\"type\":\"result\"")).count();
    let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let rest = lines.map(Result::unwrap).count();
    let ended = Ended::from(child.wait_with_output().unwrap()).without_panic();
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    assert!(ended.stderr.contains("stopped: "), "{}", ended.stderr);
    assert!(rest < 4_000, "the other inputs were not worked through: {rest} more lines");
    let videos: Vec<PathBuf> = std::fs::read_dir(&drawn).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(videos.len(), 1);
    assert!(frames >= 10 && frames_of(&videos[0]) >= frames, "{frames}");
}
