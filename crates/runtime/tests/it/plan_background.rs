//! Measurements that nobody asked for: they find the better way, and never get in the way of live work.

use crate::place::{Place, fast, measured, slow, until};
use crate::stream::Stream;
use crate::support::{Row, call, rows};
use samovar_engine_api::Precision;
use samovar_engines::Gate;
use samovar_runtime::{Class, Clock, ModelHandle, PlanSource, RegistryOptions};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

fn in_background(options: &mut RegistryOptions) {
    options.plans.background = true;
}

#[tokio::test]
async fn a_better_way_found_in_the_background_takes_over_without_a_gap() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = (slow(&place, &hand), fast(&place, &hand));
    let process = place.process_with(&clock, &[&slow, &fast], place.spec(), in_background);
    assert_eq!(process.open().await.engine, "slow");
    until(|| process.handle().generation().unwrap().number == 2).await;
    let generation = process.handle().generation().unwrap();
    assert_eq!((generation.engine, generation.plan_source()), ("fast", PlanSource::Measured));
    assert_eq!(process.registry.plan("m").unwrap().unwrap().engine, "fast");
    until(|| slow.model.counts().loaded_alive == 0).await;
    assert_eq!((process.events.count("plan_measured"), process.events.count("swapped")), (1, 1));
    process.answers().await;
}

#[tokio::test]
async fn a_plan_that_was_dropped_is_measured_again_in_the_background() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    fast.model.set_deviation(Precision::Bf16, 0.5);
    let process = place.process_with(&clock, &[&slow, &fast], place.spec(), in_background);
    assert_eq!(process.open().await.engine, "slow");
    until(|| process.handle().generation().unwrap().number == 2).await;
    let generation = process.handle().generation().unwrap();
    assert_eq!((generation.engine, generation.precision), ("fast", Precision::F32));
    assert_eq!((place.stored().len(), process.events.count("plan_mismatch")), (1, 1));
}

#[tokio::test]
async fn a_model_that_is_unloaded_while_it_is_measured_stays_unloaded() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = (slow(&place, &hand), fast(&place, &hand));
    let gate = Gate::closed();
    let process = place.process_with(&clock, &[&slow, &fast], place.spec(), in_background);
    process.open().await;
    // The first load on the other engine is that of a candidate: it holds the operation, and the unload waits for it.
    fast.model.hold_loads(&gate);
    until(|| gate.waiting() == 1).await;
    let unloading = process.registry.unload("m");
    tokio::pin!(unloading);
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut unloading).await.is_err());
    gate.open();
    unloading.await.unwrap();
    until(|| slow.model.counts().loaded_alive + fast.model.counts().loaded_alive == 0).await;
    process.registry.close();
    assert_eq!((process.handle().state().name(), process.events.count("plan_measured")), ("absent", 0));
}

#[tokio::test]
async fn the_default_goes_on_where_nothing_is_better() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (fast, slow) = (fast(&place, &hand), slow(&place, &hand));
    let process = place.process_with(&clock, &[&fast, &slow], place.spec(), in_background);
    let generation = process.open().await;
    until(|| generation.plan_source() == PlanSource::Measured).await;
    assert_eq!((process.open().await.number, process.events.count("swapped")), (1, 0));
    assert_eq!((place.stored().len(), process.events.count("plan_measured")), (1, 1));
}

#[tokio::test]
async fn a_measurement_in_the_background_yields_to_live_work() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let stove = place.stove("only", &hand, |_| 0);
    // Who made each run; and the first few measuring runs find that live work comes meanwhile.
    let (log, pushed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
    let (handle, answers) = (Arc::new(OnceLock::<ModelHandle>::new()), Arc::new(Mutex::new(Vec::new())));
    stove.model.on_run({
        let (log, pushed, handle, answers) =
            (Arc::clone(&log), Arc::clone(&pushed), Arc::clone(&handle), Arc::clone(&answers));
        move |run| {
            hand.advance(Duration::from_millis(5 * run.rows as u64));
            let serves = std::thread::current().name().is_some_and(|name| name.starts_with("slot"));
            let Some(handle) = handle.get() else { return };
            let pushes = !serves && pushed.load(Ordering::SeqCst) < 5;
            log.lock().unwrap().push(if serves {
                's'
            } else if pushes {
                'p'
            } else {
                'm'
            });
            if pushes {
                pushed.fetch_add(1, Ordering::SeqCst);
                answers.lock().unwrap().push(handle.submit(Row::of(2.0), rows(), call(Class::Live, 1)).unwrap());
            }
        }
    });
    stove.model.on_load({
        let log = Arc::clone(&log);
        move |_| log.lock().unwrap().push('l')
    });
    let process = place.process_with(&clock, &[&stove], place.spec(), in_background);
    let generation = process.open().await;
    assert!(handle.set(process.handle()).is_ok());
    until(|| generation.plan_source() == PlanSource::Measured).await;
    let answers = std::mem::take(&mut *answers.lock().unwrap());
    assert_eq!(answers.len(), 5);
    for answer in answers {
        assert_eq!(answer.await.unwrap().output, Row::expected(2.0));
    }
    let log: String = log.lock().unwrap().iter().collect();
    for after in log.split('p').skip(1) {
        assert!(after.starts_with('s'), "the push is served before anything else runs: {log}");
    }
    // Two by the first load, one for the reference, each way once however often it was disturbed, and the compiled form.
    assert_eq!(log.matches('l').count(), 2 + 1 + place.stored()[0].tried.len() + 1, "{log}");
}

#[tokio::test]
async fn a_model_is_measured_between_the_frames_of_a_steady_stream() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let stream = Stream::every(Duration::from_millis(100), &hand);
    // The runs of one engine fit between two frames hardly, those of another not at all.
    let (slow, fast, slug) =
        (place.stove("slow", &hand, |_| 0), place.stove("fast", &hand, |_| 0), place.stove("slug", &hand, |_| 0));
    for (stove, run_ms) in [(&slow, 30), (&fast, 12), (&slug, 90)] {
        stove.model.on_run(stream.run_of(Duration::from_millis(run_ms)));
    }
    let process = place.process_with(&clock, &[&slow, &fast, &slug], place.spec(), in_background);
    process.open().await;
    let playing = stream.play(process.handle());
    until(|| process.handle().generation().unwrap().number == 2).await;
    let frames = playing.stop().await;
    assert_eq!(process.handle().generation().unwrap().engine, "fast");
    assert!(frames.len() > 20, "{}", frames.len());
    let longest = frames.iter().max().unwrap();
    assert!(*longest <= Duration::from_millis(90), "a frame waits for one run at most: {longest:?}");
    for reason in ["displaced", "expired", "unloaded", "cancelled"] {
        assert_eq!(process.events.count(&format!("dropped {reason}")), 0);
    }
    let plan = place.stored().remove(0);
    let slug = plan.tried.iter().find(|tried| tried.candidate.engine == "slug").unwrap();
    assert!(slug.outcome.as_ref().unwrap_err().contains("longer than the moments"), "{:?}", slug.outcome);
}

#[tokio::test]
async fn a_way_that_keeps_frames_waiting_for_long_is_given_up_after_it_did_so() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let stream = Stream::every(Duration::from_millis(160), &hand);
    // Too long for the gap between two frames, but not so long that a second frame comes meanwhile.
    let (quick, snail) = (place.stove("quick", &hand, |_| 0), place.stove("snail", &hand, |_| 0));
    for (stove, run_ms) in [(&quick, 12), (&snail, 155)] {
        stove.model.on_run(stream.run_of(Duration::from_millis(run_ms)));
    }
    let process = place.process_with(&clock, &[&quick, &snail], place.spec(), in_background);
    let generation = process.open().await;
    let playing = stream.play(process.handle());
    until(|| generation.plan_source() == PlanSource::Measured).await;
    playing.stop().await;
    let plan = generation.plan().unwrap();
    assert_eq!(plan.engine, "quick");
    let given_up = plan.tried.iter().filter(|tried| format!("{tried:?}").contains("too long to be measured")).count();
    assert!(given_up > 0, "{:?}", plan.tried);
    // The preparation of a candidate and its comparison with the reference make a run or two each, and then one is too many.
    assert!(snail.model.counts().runs <= 12, "{} runs", snail.model.counts().runs);
}

#[tokio::test]
async fn a_device_that_is_always_busy_is_left_alone_and_tried_again_later() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (stove, gate) = (slow(&place, &hand), Gate::closed());
    let process = place.process_with(&clock, &[&stove], place.spec(), in_background);
    process.open().await;
    let loads = stove.model.counts().loads;
    stove.model.hold_runs(&gate);
    let answer = process.handle().submit(Row::of(2.0), rows(), call(Class::Job, 1)).unwrap();
    gate.wait_for(1);
    for _ in 0..60 {
        process.registry.look();
        hand.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((stove.model.counts().loads, process.events.count("plan_measured")), (loads, 0));
    gate.open();
    assert_eq!(answer.await.unwrap().output, Row::expected(2.0));
    // It may be in its rest: a minute passes in a time that is long for it.
    let measured = async {
        while process.events.count("plan_measured") == 0 {
            hand.advance(Duration::from_secs(60));
            process.registry.look();
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), measured).await.unwrap();
    assert_eq!(place.stored().len(), 1);
}

#[tokio::test]
async fn what_was_found_out_before_a_device_became_busy_is_not_measured_again() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast, gate) = (slow(&place, &hand), fast(&place, &hand), Gate::closed());
    let wrong = place.stove("wrong", &hand, |_| 1_000);
    wrong.model.set_deviation(Precision::F32, 0.5);
    wrong.model.set_deviation(Precision::Bf16, 0.5);
    let process = place.process_with(&clock, &[&slow, &wrong, &fast], place.spec(), in_background);
    process.open().await;
    // Work comes while the last engine's first candidate is loaded, and stays.
    let held = Gate::closed();
    fast.model.hold_loads(&held);
    until(|| held.waiting() == 1).await;
    slow.model.hold_runs(&gate);
    let answer = process.handle().submit(Row::of(2.0), rows(), call(Class::Job, 1)).unwrap();
    gate.wait_for(1);
    held.open();
    until(|| fast.model.counts().loaded_alive == 1).await;
    until(|| {
        hand.advance(Duration::from_secs(60));
        fast.model.counts().loaded_alive == 0
    })
    .await;
    gate.open();
    answer.await.unwrap();
    assert_eq!((wrong.model.counts().loads, process.events.count("plan_measured")), (2, 0));
    hand.advance(Duration::from_secs(660));
    process.registry.look();
    until(|| process.events.count("plan_measured") == 1).await;
    assert_eq!((place.stored()[0].engine.as_str(), wrong.model.counts().loads), ("fast", 2));
    assert!(place.stored()[0].tried.iter().any(|tried| tried.candidate.engine == "wrong"), "it is still told of");
}

#[tokio::test]
async fn a_plan_is_adopted_for_the_files_that_were_measured_alone() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast, gate) = (slow(&place, &hand), fast(&place, &hand), Gate::closed());
    let process = place.process_with(&clock, &[&slow, &fast], place.spec(), in_background);
    process.open().await;
    fast.model.hold_loads(&gate);
    until(|| gate.waiting() == 1).await;
    let copy = place.folder.path().join("next");
    std::fs::write(&copy, "other weights").unwrap();
    std::fs::rename(&copy, place.model()).unwrap();
    gate.open();
    until(|| process.events.count("plan_measured") == 1).await;
    until(|| slow.model.counts().loaded_alive + fast.model.counts().loaded_alive == 1).await;
    let generation = process.handle().generation().unwrap();
    assert_eq!((generation.number, generation.engine, generation.plan_source()), (1, "slow", PlanSource::Default));
    assert_eq!((process.events.count("swapped"), place.stored().len()), (0, 1), "the plan waits for its weights");
    process.answers().await;
}
