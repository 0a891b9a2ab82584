//! Plans that another hand has written: whatever they say, the model loads, within what the device has.

use crate::place::{Place, Stove, measured};
use samovar_engines::FakeFault;
use samovar_runtime::{Clock, ManualClock, ModelSpec, PlanSource, PrecisionChoice};
use serde_json::{Value, json};

/// The fields of the one plan in `place`, changed.
fn rewrite(place: &Place, change: impl Fn(&mut Value)) {
    let folder = place.plans().join("plans");
    let path = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut plan = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut plan);
    std::fs::write(path, serde_json::to_vec(&plan).unwrap()).unwrap();
}

/// A start with a plan whose `candidate` says something else.
async fn start(
    place: &Place,
    clock: &Clock,
    hand: &ManualClock,
    change: impl Fn(&mut Value),
) -> (PlanSource, Stove, Stove) {
    let (slow, fast) = measured(place, clock, hand).await;
    rewrite(place, change);
    for stove in [&slow, &fast] {
        stove.model.on_load(|load| assert!(load.threads <= 2, "{} threads", load.threads));
        stove.model.on_run(|run| assert!(run.rows <= 8 && run.threads <= 2, "{} rows, {}", run.rows, run.threads));
    }
    let process = place.process(clock, &[&slow, &fast]);
    let generation = process.open().await;
    process.answers().await;
    assert_eq!(process.events.count("panicked"), 0);
    (generation.plan_source(), slow, fast)
}

#[tokio::test]
async fn more_than_the_device_has_or_the_model_takes_is_no_plan() {
    for (field, value) in [
        ("threads", json!(1_000_000_000)),
        ("threads", json!(2)),
        ("slots", json!(u64::MAX)),
        ("batch", json!(1_000_000_000)),
        ("batch", json!(9)),
        ("precision", json!("f16")),
        ("engine", json!("../../fast")),
        ("engine_version", json!("another")),
    ] {
        let (place, (clock, hand)) = (Place::new(), Clock::manual());
        let (source, ..) = start(&place, &clock, &hand, |plan| plan["candidate"][field] = value.clone()).await;
        assert_eq!(source, PlanSource::Default, "{field} = {value}");
        assert!(place.stored().is_empty(), "{field} = {value} is taken out of use");
    }
}

#[tokio::test]
async fn a_plan_with_nothing_to_hold_a_run_against_is_not_trusted() {
    for sample in [json!([]), json!([{ "shape": [1, 4], "rms": 1.0, "values": [] }])] {
        let (place, (clock, hand)) = (Place::new(), Clock::manual());
        let (source, ..) = start(&place, &clock, &hand, |plan| plan["sample"] = sample.clone()).await;
        assert_eq!(source, PlanSource::Default, "{sample}");
    }
}

#[tokio::test]
async fn an_absurd_time_or_figure_is_only_shown() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (source, _, fast) = start(&place, &clock, &hand, |plan| {
        plan["figures"]["latency_ns"] = json!(u64::MAX);
        plan["figures"]["memory_bytes"] = json!(u64::MAX);
        plan["figures"]["rows_per_s"] = json!(-1e308);
        plan["measured_at_s"] = json!(1_u64 << 40);
    })
    .await;
    assert_eq!((source, fast.model.counts().loads), (PlanSource::Stored, 1));
}

#[tokio::test]
async fn a_refused_plan_goes_even_where_its_compiled_form_is_no_folder() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    let compiled = place.plans().join("compiled");
    let form = std::fs::read_dir(&compiled).unwrap().next().unwrap().unwrap().path();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("precious"), "").unwrap();
    std::fs::remove_dir_all(&form).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &form).unwrap();
    std::fs::write(compiled.join(format!("{}-file", place.stored()[0].key)), "").unwrap();
    fast.model.fail_every_run(Some(FakeFault::Nan));
    let process = place.process(&clock, &[&slow, &fast]);
    assert_eq!((process.open().await.engine, place.stored()), ("slow", vec![]));
    assert_eq!(std::fs::read_dir(&compiled).unwrap().count(), 0);
    assert!(elsewhere.path().join("precious").exists(), "a link is removed, not followed");
}

#[tokio::test]
async fn a_plan_never_overrules_a_precision_that_is_fixed() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    let spec = ModelSpec { precision: PrecisionChoice::Fixed(samovar_engine_api::Precision::F32), ..place.spec() };
    let process = place.process_with(&clock, &[&slow, &fast], spec, |_| ());
    assert_eq!((process.open().await.precision, place.stored().len()), (samovar_engine_api::Precision::F32, 1));
}
