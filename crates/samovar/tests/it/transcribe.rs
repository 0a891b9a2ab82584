//! `samovar run transcribe` on the call that ships.

use crate::support::{Ended, has_ffmpeg, samovar, shipped};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;

fn transcribe(inputs: &[&Path], more: &[&str]) -> Ended {
    let mut command = samovar();
    command.args(["run", "transcribe", "--engine", "rten", "--model"]).arg(shipped("models/starter-whisper"));
    Ended::from(command.args(inputs).args(more).output().unwrap()).without_panic()
}

fn truth() -> Value {
    serde_json::from_slice(&std::fs::read(shipped("samples/call.json")).unwrap()).unwrap()
}

#[test]
fn the_call_comes_out_word_for_word_in_every_format() {
    let (call, truth, folder) = (shipped("samples/call.flac"), truth(), tempfile::tempdir().unwrap());
    let said = truth["text"].as_str().unwrap();
    let sentences: Vec<&str> =
        truth["segments"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    let shown = transcribe(&[&call], &[]);
    assert_eq!((shown.code, shown.stdout.lines().count()), (0, sentences.len()), "{}", shown.stderr);
    for (line, sentence) in shown.stdout.lines().zip(&sentences) {
        assert!(line.starts_with("[00:") && line.contains(" --> ") && line.ends_with(sentence), "{line}");
    }
    assert!(shown.stderr.contains("1 recording, 0:15 of sound in "), "{}", shown.stderr);

    let lines = transcribe(&[&call], &["--json", "--words", "--quiet"]);
    assert_eq!((lines.code, lines.stderr.as_str()), (0, ""));
    let text: String = lines.lines().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(text.trim(), said);
    assert!(lines.lines().iter().all(|line| !line["words"].as_array().unwrap().is_empty()));

    let read = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let ended = transcribe(&[&call], &[&["-o", out.to_str().unwrap()], more].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
        std::fs::read_to_string(out).unwrap()
    };
    assert_eq!(read("call.txt", &[]).lines().collect::<Vec<_>>(), sentences);
    let srt = read("call.srt", &[]);
    assert!(srt.starts_with("1\n00:00:00,") && srt.contains(&format!("\n{}\n\n3\n", sentences[1])), "{srt}");
    assert!(read("call.vtt", &[]).starts_with("WEBVTT\n\n00:0"));
    let whole: Value = serde_json::from_str(&read("call.json", &["--language", "English"])).unwrap();
    assert_eq!(
        (whole["text"].as_str(), whole["language"].as_str(), whole["duration"].as_f64()),
        (Some(said), Some("english"), Some(15.0))
    );
    assert_eq!(whole["segments"].as_array().unwrap().len(), sentences.len());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "nothing else is left there");
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let (call, folder) = (shipped("samples/call.flac"), tempfile::tempdir().unwrap());
    let half = folder.path().join("half.flac");
    let bytes = std::fs::read(&call).unwrap();
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let absent = folder.path().join("absent.wav");
    let out = folder.path().join("texts/");
    let more = ["--format", "verbose_json", "-o", &format!("{}/", out.display())];
    let ended = transcribe(&[&absent, &half, &call], &more);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("error[audio_unreadable]: ") && ended.stderr.contains("error[audio_damaged]: "));
    assert!(ended.stderr.contains("2 recordings, ") && ended.stderr.contains("; 2 inputs failed"), "{}", ended.stderr);
    let part: Value = serde_json::from_slice(&std::fs::read(out.join("half.json")).unwrap()).unwrap();
    assert!(part["text"].as_str().unwrap().starts_with("Hello, I need help."), "{part}");
    assert_eq!(part["error"]["code"], "audio_damaged");
    assert!(out.join("call.json").is_file() && !out.join("absent.json").exists());
    let lines = transcribe(&[&absent, &call], &["--json"]);
    assert_eq!((lines.code, lines.lines()[0]["error"]["code"].as_str()), (3, Some("audio_unreadable")));
    assert_eq!(transcribe(&[&absent], &[]).code, 1);
}

#[test]
fn what_was_typed_wrong_is_told_with_its_cure() {
    let call = shipped("samples/call.flac");
    for (more, code) in [
        (&["--language", "klingon"][..], "unknown_language"),
        (&["--language", "ja"], "unknown_language"),
        (&["-o", "call.xlsx"], "invalid_option"),
        (&["--json", "--srt"], "invalid_option"),
        (&["--vad", "--voice-model", "nobody"], "model_not_found"),
    ] {
        let ended = transcribe(&[&call], more);
        assert!(ended.code == 2 && ended.stderr.contains(&format!("error[{code}]: ")), "{more:?}: {}", ended.stderr);
    }
    let two = transcribe(&[&call, &call], &["--srt"]);
    assert!(two.code == 2 && two.stderr.contains("-o FOLDER/"), "{}", two.stderr);
    let other = shipped("models/starter-detect.onnx");
    let wrong =
        samovar().args(["run", "transcribe", "--engine", "rten", "--model"]).args([&other, &call]).output().unwrap();
    assert!(Ended::from(wrong).stderr.contains("error[wrong_family]: "));
}

/// Without a model that is named, from stdin, with the model out of the program itself, and the sound of a video.
#[test]
fn the_model_that_ships_hears_stdin_and_videos() {
    let (call, folder) = (shipped("samples/call.flac"), tempfile::tempdir().unwrap());
    let home = folder.path().join("home");
    let mut command = samovar();
    command.args(["run", "transcribe", "--engine", "rten", "-", "--format", "json"]).env("SAMOVAR_HOME", &home);
    command.stdin(Stdio::from(std::fs::File::open(&call).unwrap()));
    let ended = Ended::from(command.output().unwrap()).without_panic();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("starter-whisper is used, which knows a closed set "), "{}", ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer, serde_json::json!({ "text": truth()["text"] }));
    if !has_ffmpeg() {
        return;
    }
    let silent = transcribe(&[&shipped("samples/street.mp4")], &[]);
    assert!(silent.code == 1 && silent.stderr.contains("error[audio_unsupported]: "), "{}", silent.stderr);
}
