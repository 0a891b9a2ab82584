//! Live streams: order, drops, errors, bounds.

use crate::support::Bench;
use samovar_engines::Gate;
use samovar_models::DetectOptions;
use samovar_pipelines::{DetectStream, FrameEvent};
use samovar_runtime::{RunErrorKind, StreamKey};

fn stream(bench: &Bench, key: u64) -> DetectStream {
    DetectStream::new(bench.detector(), DetectOptions::default(), StreamKey(key))
}

#[tokio::test]
async fn events_come_in_the_order_of_the_frames_and_the_latest_frame_wins() {
    let bench = Bench::warm(1).await;
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let mut stream = stream(&bench, 1);
    stream.push(0, bench.picture(10));
    gate.wait_for(1);
    (1..6).for_each(|number| stream.push(number, bench.picture(10)));
    gate.open();
    let mut told = Vec::new();
    while !stream.is_idle() {
        told.push(match stream.next().await {
            FrameEvent::Result { frame, .. } => (frame, "result"),
            FrameEvent::Dropped { frame, .. } => (frame, "dropped"),
            FrameEvent::Error { frame, .. } => (frame, "error"),
        });
    }
    let dropped = (1..5).map(|frame| (frame, "dropped"));
    let expected: Vec<_> =
        std::iter::once((0, "result")).chain(dropped).chain(std::iter::once((5, "result"))).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_bad_frame_is_told_and_the_stream_goes_on() {
    let bench = Bench::warm(2).await;
    let mut stream = stream(&bench, 1);
    stream.push(0, bench.cut_off());
    let FrameEvent::Error { frame: 0, error } = stream.next().await else { unreachable!("the frame is cut off") };
    assert_eq!(error.kind(), RunErrorKind::Input { code: "corrupt_media" });
    stream.push(1, bench.picture(10));
    assert!(matches!(stream.next().await, FrameEvent::Result { frame: 1, .. }));
}

#[tokio::test]
async fn a_client_that_takes_no_events_is_held_within_bounds_and_every_frame_is_accounted_for() {
    let bench = Bench::warm(1).await;
    let mut stream = stream(&bench, 1);
    (0..1_000).for_each(|number| stream.push(number, bench.picture(10)));
    let (mut events, mut frames) = (0, 0);
    while !stream.is_idle() {
        events += 1;
        frames += match stream.next().await {
            FrameEvent::Dropped { count, .. } => count,
            _ => 1,
        };
    }
    assert_eq!(frames, 1_000);
    assert!(events <= 33, "{events} events were held");
    assert!(bench.pool.stats().in_use <= 1, "dropped frames go back to their pool");
}

#[tokio::test]
async fn giving_up_a_wait_loses_nothing() {
    let bench = Bench::warm(1).await;
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let mut stream = stream(&bench, 1);
    stream.push(7, bench.picture(10));
    tokio::select! {
        biased;
        _ = stream.next() => unreachable!("the run is held"),
        () = tokio::task::yield_now() => {}
    }
    gate.open();
    assert!(matches!(stream.next().await, FrameEvent::Result { frame: 7, .. }));
}

#[tokio::test]
async fn a_stream_that_ends_leaves_no_work_behind() {
    let bench = Bench::warm(1).await;
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let mut first = stream(&bench, 1);
    first.push(0, bench.picture(10));
    gate.wait_for(1);
    let mut second = stream(&bench, 2);
    second.push(0, bench.picture(10));
    drop(second);
    assert_eq!(bench.registry.device_stats().waiting, [0, 0, 0]);
    gate.open();
    assert!(matches!(first.next().await, FrameEvent::Result { frame: 0, .. }));
}

#[tokio::test]
async fn a_model_that_was_put_away_comes_back_with_the_next_frames() {
    let bench = Bench::warm(1).await;
    let mut stream = stream(&bench, 1);
    bench.registry.unload("m").await.unwrap();
    let mut number = 0;
    loop {
        stream.push(number, bench.picture(10));
        match stream.next().await {
            FrameEvent::Error { frame, error } => {
                assert_eq!(frame, number);
                assert!(matches!(error.kind(), RunErrorKind::NotReady { .. }), "{error}");
            }
            FrameEvent::Result { frame, .. } => break assert!(frame == number && frame > 0),
            FrameEvent::Dropped { .. } => unreachable!("nothing else is on its way"),
        }
        number += 1;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(bench.model.counts().loads, 2, "one load brought it back");
}
