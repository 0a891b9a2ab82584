//! `samovar run detect` on videos.

use crate::support::{Ended, count, has_ffmpeg, real, samovar};
use serde_json::Value;
use std::path::Path;

fn detect(video: &Path, more: &[&str]) -> Option<Ended> {
    let model = real("yolov8n/yolov8n.onnx")?;
    let mut command = samovar();
    command.args(["run", "detect", "--engine", "rten", "--json", "--model"]).arg(model).arg(video).args(more);
    Some(Ended::from(command.output().unwrap()).without_panic())
}

/// Every 99th frame holds the frames 198 and 396; every 597th frame 597.
#[test]
fn the_persons_of_the_square_are_counted() {
    let Some(video) = real("media/vtest.mp4").filter(|_| has_ffmpeg()) else { return };
    let Some(ended) = detect(&video, &["--every", "99", "--frames-max", "7"]) else { return };
    let records = ended.lines();
    assert_eq!((ended.code, records.len()), (0, 7), "{}", ended.stderr);
    let frame = |number: u64| records.iter().find(|record| record["frame"] == number).unwrap();
    assert_eq!(count(frame(198), "person"), 8);
    assert_eq!(count(frame(396), "person"), 4);
    assert_eq!(frame(198)["timestamp_ms"], 19_800.0);
    let Some(ended) = detect(&video, &["--every", "199", "--frames-max", "4"]) else { return };
    let persons = count(&ended.lines()[3], "person");
    assert!((6..=8).contains(&persons), "one frame after the reference frame 596: {persons}");
}

#[test]
fn an_annotated_video_is_a_video_again() {
    let Some(video) = real("media/vtest.mp4").filter(|_| has_ffmpeg()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("boxes.mp4");
    let Some(ended) = detect(&video, &["--frames-max", "10", "--annotate", out.to_str().unwrap()]) else { return };
    assert_eq!((ended.code, ended.lines().len()), (0, 10), "{}", ended.stderr);
    let Some(again) = detect(&out, &[]) else { return };
    assert_eq!((again.code, again.lines().len()), (0, 10), "{}", again.stderr);
    let sizes = |records: &[Value]| records.iter().map(|record| record["image"].clone()).collect::<Vec<_>>();
    assert_eq!(sizes(&again.lines()), sizes(&ended.lines()));
}

#[test]
fn a_cut_off_video_costs_nobody_else() {
    let (Some(video), Some(bus)) = (real("media/vtest.mp4").filter(|_| has_ffmpeg()), real("media/bus.jpg")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.mp4");
    std::fs::write(&cut, &std::fs::read(video).unwrap()[..40_000]).unwrap();
    let Some(ended) = detect(&cut, &[bus.to_str().unwrap()]) else { return };
    let records = ended.lines();
    let [frames @ .., failure, picture] = records.as_slice() else { panic!("{}", ended.stderr) };
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(frames.iter().all(|record| record["frame"].is_number()), "what could be decoded was looked at");
    assert_eq!(failure["error"]["code"], "corrupt_media");
    assert_eq!(count(picture, "person"), 4);
}
