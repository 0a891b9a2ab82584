//! Live segmentation: modes that change while frames flow.

use crate::modes::{MODES, ModeBench, model_name};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_pipelines::{Mode, ModeTable, ModeTableError, SegmentEvent, SegmentStream};
use samovar_runtime::{ModelState, RunErrorKind};
use std::time::Duration;

/// What is told of one frame: its number, its mode, and that the map was made by that mode's model.
fn seen(event: SegmentEvent) -> (u64, String) {
    let SegmentEvent::Result { frame, mode, completed, .. } = event else { unreachable!("no result: {event:?}") };
    let tier = MODES.iter().position(|name| **name == *mode).unwrap();
    assert_eq!(*completed.generation.name, *model_name(&mode));
    assert!(completed.output.classes.iter().all(|class| usize::from(*class) == tier + 1), "the map of {mode}");
    assert_eq!((completed.output.width, completed.output.height), (20, 10));
    (frame, mode.to_string())
}

/// The events until one is about a frame, which comes last.
async fn until_frame(stream: &mut SegmentStream) -> (Vec<SegmentEvent>, SegmentEvent) {
    let mut others = Vec::new();
    loop {
        match stream.next().await {
            event @ (SegmentEvent::Result { .. } | SegmentEvent::Dropped { .. } | SegmentEvent::Error { .. }) => {
                return (others, event);
            }
            event => others.push(event),
        }
    }
}

async fn changed(stream: &mut SegmentStream) -> (String, String, bool) {
    match stream.next().await {
        SegmentEvent::ModeChanged(changed) => (changed.from.to_string(), changed.mode.to_string(), changed.warm),
        other => unreachable!("no change: {other:?}"),
    }
}

async fn changing(stream: &mut SegmentStream) -> String {
    match stream.next().await {
        SegmentEvent::ModeChanging { mode, .. } => mode.to_string(),
        other => unreachable!("no change: {other:?}"),
    }
}

#[tokio::test]
async fn forty_switches_among_flowing_frames_lose_and_reorder_none() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    let (mut mode, mut asked, mut switches) = ("fast".to_owned(), 0_usize, 0_usize);
    let mut number = 0_u64;
    while switches < 40 {
        if asked == switches && number.is_multiple_of(5) {
            // Every mode comes after every other one.
            asked += 1;
            stream.set_mode(MODES[(asked * 7 + asked / 7) % 4]).unwrap();
        }
        stream.push(number, bench.picture());
        let (others, event) = until_frame(&mut stream).await;
        for other in others {
            if let SegmentEvent::ModeChanged(changed) = other {
                assert_eq!(*changed.from, *mode);
                mode = changed.mode.to_string();
                switches += 1;
            }
        }
        assert_eq!(seen(event), (number, mode.clone()));
        number += 1;
    }
    assert!(bench.models.iter().all(|model| model.counts().loads == 1), "each was loaded once and stayed");
}

#[tokio::test]
async fn frames_go_on_in_the_old_mode_while_the_next_is_loaded() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    let gate = Gate::closed();
    bench.models[3].hold_loads(&gate);
    stream.set_mode("sota").unwrap();
    assert_eq!(changing(&mut stream).await, "sota");
    for number in 0..10 {
        stream.push(number, bench.picture());
        assert_eq!(seen(stream.next().await), (number, "fast".to_owned()));
    }
    gate.wait_for(1);
    gate.open();
    assert_eq!(changed(&mut stream).await, ("fast".to_owned(), "sota".to_owned(), false));
    stream.push(10, bench.picture());
    assert_eq!(seen(stream.next().await), (10, "sota".to_owned()));
    stream.set_mode("fast").unwrap();
    assert_eq!(changing(&mut stream).await, "fast");
    assert_eq!(changed(&mut stream).await, ("sota".to_owned(), "fast".to_owned(), true), "the old one stayed warm");
}

#[tokio::test]
async fn frames_on_their_way_are_told_in_the_mode_that_they_were_taken_in() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    bench.registry.load(&model_name("sota")).await.unwrap().unwrap();
    let gate = Gate::closed();
    bench.models[0].hold_runs(&gate);
    stream.push(0, bench.picture());
    gate.wait_for(1);
    stream.set_mode("sota").unwrap();
    assert_eq!(changing(&mut stream).await, "sota");
    // The switch happens, and its event waits for that of the frame before it.
    let nothing_yet = tokio::time::timeout(Duration::ZERO, stream.next()).await;
    assert!(nothing_yet.is_err(), "{nothing_yet:?}");
    assert_eq!(&*stream.mode().name, "sota");
    stream.push(1, bench.picture());
    gate.open();
    assert_eq!(seen(stream.next().await), (0, "fast".to_owned()));
    assert_eq!(changed(&mut stream).await, ("fast".to_owned(), "sota".to_owned(), true));
    assert_eq!(seen(stream.next().await), (1, "sota".to_owned()));
}

#[tokio::test]
async fn an_unknown_mode_is_refused_and_nothing_changes() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("balanced").await;
    let error = stream.set_mode("warp").unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Input { code: "unknown_mode" });
    assert!(error.to_string().ends_with("fast, balanced, accurate, sota"), "{error}");
    stream.push(0, bench.picture());
    assert_eq!(seen(stream.next().await), (0, "balanced".to_owned()));
}

#[tokio::test]
async fn a_mode_that_cannot_be_loaded_is_told_and_the_stream_goes_on() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    bench.models[3].fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    stream.set_mode("sota").unwrap();
    assert_eq!(changing(&mut stream).await, "sota");
    let SegmentEvent::ModeFailed { mode, error } = stream.next().await else { unreachable!("the load fails") };
    assert_eq!(&*mode, "sota");
    assert!(matches!(error.kind(), RunErrorKind::NotReady { .. }), "{error}");
    stream.push(0, bench.picture());
    assert_eq!(seen(stream.next().await), (0, "fast".to_owned()));
}

#[tokio::test]
async fn a_newer_change_takes_the_place_of_one_on_its_way() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    let gate = Gate::closed();
    bench.models[3].hold_loads(&gate);
    stream.set_mode("sota").unwrap();
    assert_eq!(changing(&mut stream).await, "sota");
    let begun = tokio::time::timeout(Duration::ZERO, stream.next()).await;
    assert!(begun.is_err(), "{begun:?}");
    gate.wait_for(1);
    stream.set_mode("balanced").unwrap();
    assert_eq!(changing(&mut stream).await, "balanced");
    assert_eq!(changed(&mut stream).await, ("fast".to_owned(), "balanced".to_owned(), false));
    gate.open();
    bench.registry.load(&model_name("sota")).await.unwrap().unwrap();
    for number in 0..5 {
        stream.push(number, bench.picture());
        assert_eq!(seen(stream.next().await), (number, "balanced".to_owned()), "sota is ready and not wanted");
    }
    assert_eq!(bench.models[3].counts().loads, 1, "the load went on, for whoever wants it next");
}

#[tokio::test]
async fn a_stream_that_goes_during_a_switch_leaves_nothing_behind() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    let gate = Gate::closed();
    bench.models[3].hold_loads(&gate);
    stream.set_mode("sota").unwrap();
    assert_eq!(changing(&mut stream).await, "sota");
    let pending = tokio::time::timeout(Duration::ZERO, stream.next()).await;
    assert!(pending.is_err(), "{pending:?}");
    gate.wait_for(1);
    stream.push(0, bench.picture());
    drop(stream);
    gate.open();
    let sota = bench.registry.model(&model_name("sota")).unwrap();
    sota.watch().wait_for(|state| matches!(state, ModelState::Ready(_))).await.unwrap();
    assert_eq!(bench.registry.device_stats().waiting, [0, 0, 0]);
    for mode in ["fast", "sota"] {
        bench.registry.unload(&model_name(mode)).await.unwrap();
    }
    assert!(bench.models.iter().all(|model| model.counts().loaded_alive == 0));
    assert_eq!(bench.pool.stats().in_use, 0);
}

#[tokio::test]
async fn left_to_the_server_a_stream_climbs_where_there_is_room_and_comes_down_where_there_is_none() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    stream.set_auto();
    stream.set_deadline(Some(Duration::from_secs(3_600)));
    let mut number = 0_u64;
    let mut path = Vec::new();
    while path.len() < 3 {
        path.extend(frame_in_auto(&bench, &mut stream, &mut number).await);
    }
    assert_eq!(path, ["balanced", "accurate", "sota"]);
    stream.set_deadline(Some(Duration::ZERO));
    while path.len() < 6 {
        path.extend(frame_in_auto(&bench, &mut stream, &mut number).await);
    }
    assert_eq!(path[3..], ["accurate", "balanced", "fast"]);
    for _ in 0..20 {
        assert_eq!(frame_in_auto(&bench, &mut stream, &mut number).await, [] as [&str; 0], "there is none below");
    }
}

/// Shows one frame and waits for its result and for any change to end; the modes gone to.
async fn frame_in_auto(bench: &ModeBench, stream: &mut SegmentStream, number: &mut u64) -> Vec<String> {
    stream.push(*number, bench.picture());
    *number += 1;
    let (others, event) = until_frame(stream).await;
    seen(event);
    others
        .into_iter()
        .filter_map(|event| match event {
            SegmentEvent::ModeChanged(changed) => {
                assert!(changed.auto);
                Some(changed.mode.to_string())
            }
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_table_of_modes_has_names_of_its_own() {
    let bench = ModeBench::new();
    let mode = |name: &str| Mode { name: name.into(), ..bench.table().modes()[0].clone() };
    let refused = |names: &[&str]| ModeTable::new(names.iter().map(|name| mode(name)).collect()).err();
    assert_eq!(refused(&[]), Some(ModeTableError::Empty));
    assert_eq!(refused(&["a", "b", "a"]), Some(ModeTableError::Taken("a".to_owned())));
    assert_eq!(refused(&["a", "auto"]), Some(ModeTableError::Taken("auto".to_owned())));
    assert_eq!(refused(&["a", "b"]), None);
}

#[tokio::test]
async fn a_model_that_was_put_away_comes_back_with_the_next_frames() {
    let bench = ModeBench::new();
    let mut stream = bench.stream("fast").await;
    bench.registry.clear().await;
    let mut number = 0;
    loop {
        stream.push(number, bench.picture());
        match stream.next().await {
            SegmentEvent::Error { frame, error } => {
                assert_eq!(frame, number);
                assert!(matches!(error.kind(), RunErrorKind::NotReady { .. }), "{error}");
            }
            event => {
                assert!(number > 0, "the first frame comes too early");
                assert_eq!(seen(event), (number, "fast".to_owned()));
                break;
            }
        }
        number += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(bench.models[0].counts().loads, 2, "one load brought it back");
}
