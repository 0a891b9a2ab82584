//! `samovar run detect` on videos.

use crate::support::{Ended, Street, count, has_ffmpeg, real, samovar, street};
use serde_json::Value;
use std::path::Path;

fn detect(model: &Path, video: &Path, more: &[&str]) -> Ended {
    let mut command = samovar();
    command.args(["run", "detect", "--engine", "rten", "--json", "--model"]).arg(model).arg(video).args(more);
    Ended::from(command.output().unwrap()).without_panic()
}

/// Every 99th frame holds the frames 198 and 396; every 597th frame 597.
#[test]
fn the_persons_of_the_square_are_counted() {
    let (Some(model), Some(video)) = (real("yolov8n/yolov8n.onnx"), real("media/vtest.mp4").filter(|_| has_ffmpeg()))
    else {
        return;
    };
    let ended = detect(&model, &video, &["--every", "99", "--frames-max", "7"]);
    let records = ended.lines();
    assert_eq!((ended.code, records.len()), (0, 7), "{}", ended.stderr);
    let frame = |number: u64| records.iter().find(|record| record["frame"] == number).unwrap();
    assert_eq!(count(frame(198), "person"), 8);
    assert_eq!(count(frame(396), "person"), 4);
    assert_eq!(frame(198)["timestamp_ms"], 19_800.0);
    let ended = detect(&model, &video, &["--every", "199", "--frames-max", "4"]);
    let persons = count(&ended.lines()[3], "person");
    assert!((6..=8).contains(&persons), "one frame after the reference frame 596: {persons}");
}

#[test]
fn an_annotated_video_is_a_video_again() {
    if !has_ffmpeg() {
        return;
    }
    let Street { model, clip, .. } = street();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("boxes.mp4");
    let ended = detect(&model, &clip, &["--frames-max", "10", "--annotate", out.to_str().unwrap()]);
    assert_eq!((ended.code, ended.lines().len()), (0, 10), "{}", ended.stderr);
    let again = detect(&model, &out, &[]);
    assert_eq!((again.code, again.lines().len()), (0, 10), "{}", again.stderr);
    let sizes = |records: &[Value]| records.iter().map(|record| record["image"].clone()).collect::<Vec<_>>();
    assert_eq!(sizes(&again.lines()), sizes(&ended.lines()));
}

#[test]
fn a_cut_off_video_costs_nobody_else() {
    if !has_ffmpeg() {
        return;
    }
    let Street { model, picture, persons, clip } = street();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.mp4");
    std::fs::write(&cut, &std::fs::read(clip).unwrap()[..40_000]).unwrap();
    let ended = detect(&model, &cut, &[picture.to_str().unwrap(), "--score-min", "0.5"]);
    let records = ended.lines();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let (video, picture): (Vec<&Value>, Vec<&Value>) =
        records.iter().partition(|record| record["input"] == cut.to_str().unwrap());
    let [frames @ .., failure] = video.as_slice() else { panic!("{}", ended.stderr) };
    assert!(frames.iter().all(|record| record["frame"].is_number()), "what could be decoded was looked at");
    assert_eq!(failure["error"]["code"], "corrupt_media");
    assert_eq!((picture.len(), count(picture[0], "person")), (1, persons));
}
