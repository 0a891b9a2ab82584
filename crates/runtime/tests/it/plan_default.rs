//! A large model that runs by default: what was found out about it is recorded, so that the next start neither compares nor compiles it.

use crate::place::{Place, Process, Stove, by_precision};
use samovar_engine_api::Precision;
use samovar_runtime::{Clock, ManualClock, ModelSpec, PlanSource, PrecisionChoice};

/// An engine that is quicker in bf16.
fn stove(place: &Place, hand: &ManualClock) -> Stove {
    place.stove("only", hand, by_precision(10_000, 5_000))
}

/// A process for which every model is a large one.
fn process(place: &Place, clock: &Clock, stove: &Stove) -> Process {
    process_of(place, clock, stove, place.spec())
}

fn process_of(place: &Place, clock: &Clock, stove: &Stove, spec: ModelSpec) -> Process {
    place.process_with(clock, &[stove], spec, |options| options.plans.large_bytes = 1)
}

fn forms(place: &Place) -> usize {
    std::fs::read_dir(place.plans().join("compiled")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn the_next_start_neither_compares_nor_compiles_it() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let first = stove(&place, &hand);
    let generation = process(&place, &clock, &first).open().await;
    assert_eq!((generation.precision, generation.plan_source()), (Precision::Bf16, PlanSource::Default));
    let counts = first.model.counts();
    assert_eq!((counts.loads, counts.cached_loads, counts.loaded_alive_max), (2, 0, 1), "one copy after the other");
    assert_eq!(counts.trims, 1, "once it was warm");

    let second = stove(&place, &hand);
    let next = process(&place, &clock, &second);
    let generation = next.open().await;
    assert_eq!((generation.precision, generation.plan_source()), (Precision::Bf16, PlanSource::Default));
    assert!(generation.plan().is_none() && place.stored().is_empty(), "nothing was measured");
    let counts = second.model.counts();
    assert_eq!((counts.loads, counts.cached_loads, counts.trims), (1, 1, 1));
    assert_eq!(counts.runs, u64::from(generation.figures().warm_up_runs), "the first run of the warm-up is the check");
    assert_eq!(generation.figures().precision_error, Some(0.0));
    next.answers().await;
}

#[tokio::test]
async fn what_does_not_hold_any_more_is_compared_again() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    process(&place, &clock, &stove(&place, &hand)).open().await;
    let wrong = stove(&place, &hand);
    wrong.model.set_deviation(Precision::Bf16, 0.5);
    let next = process(&place, &clock, &wrong);
    let generation = next.open().await;
    assert_eq!((generation.precision, next.events.count("plan_mismatch")), (Precision::F32, 1));
    assert_eq!(forms(&place), 1, "the form of the precision that serves");
    next.answers().await;
}

#[tokio::test]
async fn f32_alone_is_compiled_once() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let spec = || ModelSpec { precision: PrecisionChoice::Fixed(Precision::F32), ..place.spec() };
    for cached_loads in [0, 1] {
        let stove = stove(&place, &hand);
        let generation = process_of(&place, &clock, &stove, spec()).open().await;
        assert_eq!((generation.precision, generation.figures().precision_error), (Precision::F32, None));
        let counts = stove.model.counts();
        assert_eq!((counts.loads, counts.cached_loads), (1, cached_loads));
    }
}

#[tokio::test]
async fn a_precision_that_is_refused_leaves_no_form() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let wrong = stove(&place, &hand);
    wrong.model.set_deviation(Precision::Bf16, 0.5);
    let spec = ModelSpec { precision: PrecisionChoice::Fixed(Precision::Bf16), ..place.spec() };
    let refused = process_of(&place, &clock, &wrong, spec);
    assert!(refused.registry.load("m").await.unwrap().is_err());
    assert_eq!((forms(&place), wrong.model.counts().loaded_alive), (0, 0));
}

#[tokio::test]
async fn other_weights_are_compared_and_compiled() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    process(&place, &clock, &stove(&place, &hand)).open().await;
    std::fs::write(place.model(), "other weights").unwrap();
    let other = stove(&place, &hand);
    let next = process(&place, &clock, &other);
    next.open().await;
    assert_eq!((other.model.counts().loads, other.model.counts().cached_loads), (2, 0));
    assert_eq!(next.events.count("plan_mismatch"), 0);
}

#[tokio::test]
async fn it_is_measured_as_any_other_and_its_plan_takes_over() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let first = stove(&place, &hand);
    let measuring = process(&place, &clock, &first);
    measuring.open().await;
    let plan = measuring.tune().await.unwrap();
    assert_eq!((plan.precision, place.stored().len()), (Precision::Bf16, 1));
    drop(measuring);
    let second = stove(&place, &hand);
    assert_eq!(process(&place, &clock, &second).open().await.plan_source(), PlanSource::Stored);
    assert_eq!(second.model.counts().loads, 1);
}

#[tokio::test]
async fn a_small_model_is_compared_at_every_start() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    for _ in 0..2 {
        let stove = stove(&place, &hand);
        place.process(&clock, &[&stove]).open().await;
        assert_eq!((stove.model.counts().loads, forms(&place)), (2, 0));
    }
}
