//! Measurements that nobody asked for: they find the better way, and never get in the way of live work.

use crate::place::{Place, fast, measured, slow, until};
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
        // The push is served before anything else runs, and what was disturbed is dropped and loaded again.
        assert!(after.starts_with('s') && after.trim_start_matches('s').starts_with('l'), "{log}");
    }
    assert!(!place.stored().is_empty());
}
