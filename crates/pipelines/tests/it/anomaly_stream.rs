//! Live anomaly streams over the fake engine: order, drops, what is refused, what is held.

use crate::anomaly_support::{AnomalyBench, PEOPLE, WINDOW, drain, stream_of, words};
use crate::support::Bench;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_pipelines::{AnomalyOutput, AnomalyStream, FrameEvent, SceneEventKind, SceneFrame};
use samovar_runtime::{RunError, RunErrorKind};
use std::time::{Duration, UNIX_EPOCH};

/// The next scene; anything else is told by failing.
async fn scene(stream: &mut AnomalyStream) -> (u64, SceneFrame) {
    loop {
        match stream.next().await {
            AnomalyOutput::Frame(FrameEvent::Result { frame, completed, .. }) => return (frame, completed.output),
            AnomalyOutput::Event(_) => {}
            AnomalyOutput::Frame(other) => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn outputs_come_in_the_order_of_the_frames_and_the_latest_frame_wins() {
    let bench = AnomalyBench::warm(1).await;
    let gate = Gate::closed();
    bench.pose.hold_runs(&gate);
    let mut stream = bench.stream();
    bench.push(&mut stream, 0);
    gate.wait_for(1);
    (1..6).for_each(|number| bench.push(&mut stream, number));
    gate.open();
    let told = words(drain(&mut stream).await);
    let expected = ["0 seen", "1 dropped, 1", "2 dropped, 1", "3 dropped, 1", "4 dropped, 1", "5 seen"];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn events_follow_the_frame_at_which_they_are_known() {
    let bench = AnomalyBench::warm(2).await;
    let mut stream = bench.stream();
    let mut told = Vec::new();
    for number in 0..4 {
        bench.push(&mut stream, number);
        told.extend(words(drain(&mut stream).await));
    }
    assert_eq!(told[..3], ["0 seen", "1 seen", "2 seen"]);
    assert_eq!(told[3..3 + PEOPLE], ["person.appeared"; PEOPLE]);
    assert_eq!(told[3 + PEOPLE..], ["3 seen"]);
    assert_eq!(stream.end().last().map(|event| event.kind), Some(SceneEventKind::PersonLeft));
}

#[tokio::test]
async fn everybody_in_a_frame_is_scored_once_their_window_is_full() {
    let bench = AnomalyBench::warm(2).await;
    let mut stream = bench.stream();
    let warm_up = bench.sequence.counts().rows;
    for number in 0..WINDOW + 2 {
        bench.push(&mut stream, number);
        let (_, scene) = scene(&mut stream).await;
        assert_eq!(scene.persons.len(), PEOPLE);
        let expected = if number + 1 >= WINDOW { PEOPLE } else { 0 };
        assert_eq!((scene.windows.len(), scene.windows_dropped), (expected, 0), "frame {number}");
        assert_eq!(scene.persons[0].anomaly_score.is_some(), expected > 0);
        drain(&mut stream).await;
    }
    assert_eq!(bench.sequence.counts().rows - warm_up, 3 * PEOPLE as u64);
}

#[tokio::test]
async fn a_window_that_fails_costs_its_score_and_not_the_frame() {
    let bench = AnomalyBench::warm(1).await;
    let mut stream = bench.stream();
    bench.play(&mut stream, 0..WINDOW).await;
    bench.sequence.fail_every_run(Some(FakeFault::Error(EngineErrorKind::Run)));
    bench.push(&mut stream, WINDOW);
    let (_, scene_without) = scene(&mut stream).await;
    assert_eq!((scene_without.windows_dropped, scene_without.windows.len()), (PEOPLE as u32, 0));
    assert_eq!((scene_without.persons.len(), scene_without.persons[0].anomaly_score), (PEOPLE, None));
    bench.sequence.fail_every_run(None);
    bench.push(&mut stream, WINDOW + 1);
    let (_, scene_with) = scene(&mut stream).await;
    assert_eq!((scene_with.windows_dropped, scene_with.windows.len()), (0, PEOPLE));
}

#[tokio::test]
async fn the_next_frame_is_looked_at_while_windows_are_scored_and_giving_up_a_wait_loses_nothing() {
    let bench = AnomalyBench::warm(PEOPLE + 1).await;
    let mut stream = bench.stream();
    bench.play(&mut stream, 0..WINDOW).await;
    let gate = Gate::closed();
    bench.sequence.hold_runs(&gate);
    bench.push(&mut stream, WINDOW);
    while gate.waiting() == 0 {
        let told = tokio::time::timeout(Duration::from_millis(1), stream.next()).await;
        assert!(told.is_err(), "the window is held");
    }
    let looked_at = bench.pose.counts().runs;
    bench.push(&mut stream, WINDOW + 1);
    while bench.pose.counts().runs == looked_at {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    gate.open();
    assert_eq!(scene(&mut stream).await.0, WINDOW);
    assert_eq!(scene(&mut stream).await.0, WINDOW + 1);
}

#[tokio::test]
async fn frames_that_were_dropped_count_as_missed() {
    let bench = AnomalyBench::warm(1).await;
    let mut stream = bench.stream();
    bench.play(&mut stream, 0..WINDOW).await;
    bench.push(&mut stream, WINDOW + 2);
    assert_eq!(scene(&mut stream).await.1.windows.len(), PEOPLE, "two of four frames may be missing");
    drain(&mut stream).await;
    bench.push(&mut stream, WINDOW + 6);
    assert_eq!(scene(&mut stream).await.1.windows.len(), 0, "three may not");
}

#[tokio::test]
async fn a_bad_frame_is_told_in_its_place_and_the_stream_goes_on() {
    let (bench, cut_off) = (AnomalyBench::warm(2).await, Bench::warm(1).await.cut_off());
    let mut stream = bench.stream();
    bench.push(&mut stream, 0);
    let mut told = words(drain(&mut stream).await);
    stream.push(1, Duration::from_millis(100), UNIX_EPOCH, cut_off);
    stream.push_error(2, RunError::new(RunErrorKind::Input { code: "unsupported_media" }, "this is no picture"));
    told.extend(words(drain(&mut stream).await));
    bench.push(&mut stream, 3);
    told.extend(words(drain(&mut stream).await));
    assert_eq!(told[..4], ["0 seen", "1 corrupt_media", "2 unsupported_media", "3 seen"]);
}

#[tokio::test]
async fn with_a_detector_the_boxes_are_its_own_and_each_model_runs_once_a_frame() {
    let bench = AnomalyBench::warm(2).await;
    let runs = || (bench.detect.counts().runs, bench.pose.counts().runs);
    let mut stream = stream_of(bench.models_with_detector());
    let before = runs();
    bench.play(&mut stream, 0..6).await;
    assert_eq!((runs().0 - before.0, runs().1 - before.1), (6, 6));
    bench.push(&mut stream, 6);
    let (_, scene) = scene(&mut stream).await;
    assert_eq!((scene.persons.len(), scene.windows.len()), (PEOPLE, PEOPLE));
    assert!(scene.persons.iter().all(|person| person.keypoints.len() == 17));
}

#[tokio::test]
async fn a_frame_that_had_its_turn_at_the_detector_has_its_poses_whatever_comes_meanwhile() {
    let bench = AnomalyBench::warm(1).await;
    let gate = Gate::closed();
    bench.detect.hold_runs(&gate);
    let mut stream = stream_of(bench.models_with_detector());
    bench.push(&mut stream, 0);
    gate.wait_for(1);
    (1..4).for_each(|number| bench.push(&mut stream, number));
    gate.open();
    let seen = words(drain(&mut stream).await).into_iter().filter(|word| word.ends_with("seen")).collect::<Vec<_>>();
    assert_eq!(seen, ["0 seen", "3 seen"], "the one that runs and the newest, both whole");
}

#[tokio::test]
async fn the_poses_for_a_detector_are_looked_for_while_windows_are_scored() {
    let bench = AnomalyBench::warm(PEOPLE + 1).await;
    let mut stream = stream_of(bench.models_with_detector());
    bench.play(&mut stream, 0..WINDOW).await;
    let gate = Gate::closed();
    bench.sequence.hold_runs(&gate);
    let runs = bench.pose.counts().runs;
    for (number, wanted) in [(WINDOW, 1), (WINDOW + 1, 2)] {
        bench.push(&mut stream, number);
        while bench.pose.counts().runs < runs + wanted || gate.waiting() == 0 {
            let told = tokio::time::timeout(Duration::from_millis(1), stream.next()).await;
            assert!(told.is_err(), "nothing can be told yet");
        }
    }
    gate.open();
    assert_eq!(scene(&mut stream).await.0, WINDOW);
    assert_eq!(scene(&mut stream).await.0, WINDOW + 1);
}

#[tokio::test]
async fn who_was_there_is_told_as_gone_when_nothing_is_seen_for_long() {
    let bench = AnomalyBench::warm(1).await;
    let mut stream = bench.stream();
    bench.play(&mut stream, 0..WINDOW).await;
    tokio::time::pause();
    let silent = async |stream: &mut AnomalyStream| tokio::time::timeout(Duration::from_secs(60), stream.next()).await;
    for _ in 0..PEOPLE {
        let told = silent(&mut stream).await.expect("time passes");
        assert!(matches!(told, AnomalyOutput::Event(event) if event.kind == SceneEventKind::PersonLeft));
    }
    assert!(silent(&mut stream).await.is_err() && stream.end().is_empty(), "once");
    tokio::time::resume();
    let again: Vec<_> = (2_000..2_006).collect();
    let mut told = Vec::new();
    for number in again {
        bench.push(&mut stream, number);
        told.extend(words(drain(&mut stream).await));
    }
    assert_eq!(told.iter().filter(|word| *word == "person.appeared").count(), PEOPLE, "{told:?}");
}

#[tokio::test]
async fn a_stream_holds_all_of_its_models_until_it_ends() {
    let bench = AnomalyBench::warm(1).await;
    let holds = || bench.registry.list().iter().map(|status| status.holds).sum::<usize>();
    assert_eq!(holds(), 0);
    let stream = stream_of(bench.models_with_detector());
    assert_eq!(holds(), 3);
    drop(stream);
    assert_eq!(holds(), 0);
}

#[tokio::test]
async fn a_sequence_model_that_was_put_away_comes_back_and_frames_are_told_meanwhile() {
    let bench = AnomalyBench::warm(1).await;
    let mut stream = bench.stream();
    bench.play(&mut stream, 0..WINDOW).await;
    bench.registry.unload("sequence").await.unwrap();
    let (mut number, mut dropped) = (WINDOW, 0);
    loop {
        bench.push(&mut stream, number);
        let (frame, scene) = scene(&mut stream).await;
        assert_eq!(frame, number);
        drain(&mut stream).await;
        number += 1;
        match scene.windows_dropped {
            0 => break assert_eq!(scene.windows.len(), PEOPLE),
            count => dropped += count,
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(dropped > 0, "what nobody could score was counted");
    assert_eq!(bench.sequence.counts().loads, 2, "one load brought it back");
}

#[tokio::test]
async fn a_stream_that_ends_leaves_no_work_behind() {
    let bench = AnomalyBench::warm(1).await;
    let gate = Gate::closed();
    let mut first = bench.stream();
    bench.play(&mut first, 0..WINDOW).await;
    bench.pose.hold_runs(&gate);
    bench.push(&mut first, WINDOW);
    gate.wait_for(1);
    let mut second = stream_of(bench.models_with_detector());
    bench.push(&mut second, 0);
    drop(second);
    assert_eq!(bench.registry.device_stats().waiting, [0, 0, 0]);
    gate.open();
    drain(&mut first).await;
    drop(first);
    assert_eq!(bench.pool.stats().in_use, 0, "every picture went back");
}
