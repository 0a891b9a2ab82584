//! Which frames are looked at, and what they are called.

use crate::support::{Bench, Seen, facts, finished, first, starter};
use samovar_recorded::FrameChoice;
use serde_json::Value;

/// Numbers and times of the frames that were looked at, how the video ended, and how many frames were expected.
async fn looked_at(bench: &Bench, choice: FrameChoice) -> (Vec<(u64, f64)>, String, Option<u64>) {
    let journal = bench.path("journal.jsonl");
    let mut seen = Seen::default();
    let video = starter("samples/street.mp4");
    let worked = bench.watched(&video, &choice, &journal, &mut seen).await;
    let end = finished(worked.unwrap());
    let facts = facts(&journal);
    std::fs::remove_file(&journal).unwrap();
    let frame = |record: &Value| (record["frame"].as_u64().unwrap(), record["timestamp_ms"].as_f64().unwrap());
    (facts[1..facts.len() - 1].iter().map(frame).collect(), end.end, seen.expected)
}

fn numbers(frames: &[(u64, f64)]) -> Vec<u64> {
    frames.iter().map(|(number, _)| *number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_called_by_their_numbers_in_the_video() {
    let Some(bench) = Bench::starter().await else { return };
    let (all, end, expected) = looked_at(&bench, first(60)).await;
    assert_eq!((numbers(&all), &*end, expected), ((0..60).collect(), "truncated", Some(60)));
    let ms = all[59].1 / 59.0;

    let third = FrameChoice { every: 3.try_into().unwrap(), ..first(10) };
    let (frames, ..) = looked_at(&bench, third).await;
    assert_eq!(frames, (0..10).map(|at| all[3 * at]).collect::<Vec<_>>());

    let part = FrameChoice { start_s: 10.5 * ms / 1e3, end_s: Some(20.5 * ms / 1e3), ..FrameChoice::default() };
    let (frames, end, expected) = looked_at(&bench, part).await;
    assert_eq!((frames, &*end, expected), (all[11..=20].to_vec(), "complete", Some(10)));

    let (frames, ..) = looked_at(&bench, FrameChoice { fps: Some(2.0), ..first(4) }).await;
    assert!(frames.iter().all(|frame| all.contains(frame)), "{frames:?}");
    assert!(frames.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 499.0), "{frames:?}");

    let (frames, _, expected) = looked_at(&bench, FrameChoice { keyframes: true, ..FrameChoice::default() }).await;
    assert_eq!((frames[0], expected), (all[0], None));
    assert!(frames.windows(2).all(|pair| pair[0].0 < pair[1].0));

    let (frames, ..) = looked_at(&bench, FrameChoice { scene_change: Some(1.0), ..FrameChoice::default() }).await;
    assert_eq!(frames, all[..1], "only the first frame");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_makes_no_sense_is_refused_before_anything_is_opened() {
    let Some(bench) = Bench::starter().await else { return };
    let choice = FrameChoice { fps: Some(0.0), ..FrameChoice::default() };
    let refused = bench.go_on("/nowhere.mp4".as_ref(), &choice, &bench.path("journal.jsonl")).await;
    assert_eq!(refused.unwrap_err().code(), "invalid_option");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_tells_what_the_work_took_and_no_buffer_was_missing() {
    let Some(bench) = Bench::starter().await else { return };
    let worked = bench.go_on(&starter("samples/street.mp4"), &first(60), &bench.path("journal.jsonl")).await;
    let performance = finished(worked.unwrap()).performance;
    assert_eq!(performance["frames"], 60);
    assert!(performance["frames_per_second"].as_f64().unwrap() > 0.0);
    assert!(performance["stages"]["inference_ms"].as_f64().unwrap() > 0.0);
    let frames = &performance["pools"]["frames"];
    assert_eq!(frames["misses"], 0, "{performance}");
    assert!(frames["allocations"].as_u64() <= frames["capacity"].as_u64(), "{performance}");
}
