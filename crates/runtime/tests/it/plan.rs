//! Plans in virtual time: which way wins, and what the next start does with it.

use crate::place::{Place, by_precision, fast, measured, slow, until};
use samovar_engine_api::{EngineErrorKind, Precision};
use samovar_engines::{FakeEngine, FakeFault};
use samovar_runtime::{
    Clock, FailureKind, ModelSpec, Optimize, Plan, PlanSource, PrecisionChoice, TuneFailureKind, TuneOptions,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn won(plan: &Plan) -> (&str, Precision, usize, usize) {
    (&plan.engine, plan.precision, plan.threads, plan.batch)
}

fn why_not<'a>(plan: &'a Plan, engine: &str, precision: Precision) -> &'a str {
    let tried = plan.tried.iter().find(|t| t.candidate.engine == engine && t.candidate.precision == precision);
    tried.unwrap().outcome.as_ref().unwrap_err()
}

#[tokio::test]
async fn the_fastest_way_that_agrees_wins_and_says_why() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let first = place.stove("first", &hand, by_precision(10_000, 8_000));
    let second = place.stove("second", &hand, by_precision(5_000, 4_000));
    let process = place.process(&clock, &[&first, &second]);
    let plan = process.tune().await.unwrap();
    assert_eq!(won(&plan), ("second", Precision::Bf16, 1, 1));
    assert!((plan.rows_per_s - 250.0).abs() < 1e-6 && plan.latency == Duration::from_millis(4), "{plan:?}");
    assert!(plan.why.contains("250.0 rows/s") && plan.why.contains("1.25 ×"), "{}", plan.why);
    let ways = plan.tried.iter().filter(|tried| tried.candidate.batch == 1).count();
    assert_eq!((ways, place.stored(), process.events.count("plan_measured")), (4, vec![(*plan).clone()], 1));
    for stove in [first, second] {
        assert_eq!(stove.model.counts().loaded_alive, 0);
        assert!(stove.model.counts().loaded_alive_max <= 2, "the best way and the one that is held against it");
    }
}

#[tokio::test]
async fn a_faster_way_that_does_not_agree_never_wins() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let first = place.stove("first", &hand, by_precision(10_000, 8_000));
    let wrong = place.stove("wrong", &hand, by_precision(2_000, 1_000));
    wrong.model.set_deviation(Precision::F32, 0.01);
    wrong.model.set_deviation(Precision::Bf16, 0.5);
    let plan = place.process(&clock, &[&first, &wrong]).tune().await.unwrap();
    assert_eq!(won(&plan), ("first", Precision::Bf16, 1, 1));
    for precision in [Precision::F32, Precision::Bf16] {
        assert!(why_not(&plan, "wrong", precision).contains("does not agree"));
    }
}

#[tokio::test]
async fn what_fails_panics_or_gives_no_numbers_is_recorded_and_does_no_harm() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let broken = |name, fault| {
        let stove = place.stove(name, &hand, by_precision(10, 10));
        stove.model.fail_every_run(Some(fault));
        stove
    };
    let (nan, panics) = (broken("nan", FakeFault::Nan), broken("panics", FakeFault::Panic));
    let absent = place.stove("absent", &hand, by_precision(10, 10));
    absent.model.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Unsupported)));
    let good = place.stove("good", &hand, by_precision(9_000, 9_000));
    let process = place.process(&clock, &[&nan, &panics, &absent, &good]);
    let plan = process.tune().await.unwrap();
    // Of equals the simpler one: what the default would take.
    assert_eq!(won(&plan), ("good", Precision::Bf16, 1, 1));
    assert!(why_not(&plan, "nan", Precision::F32).contains("not a number"));
    assert!(why_not(&plan, "panics", Precision::F32).contains("panicked"));
    assert!(why_not(&plan, "absent", Precision::Bf16).contains("fails as told"));

    let process = place.process(&clock, &[&nan, &panics]);
    let failure = process.tune().await.unwrap_err();
    assert_eq!(failure.kind, TuneFailureKind::NothingWorks);
    assert_eq!(process.registry.tune("m", TuneOptions::default()).await.unwrap().unwrap_err().kind, failure.kind);
}

#[tokio::test]
async fn throughput_and_latency_choose_differently() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    // One engine is quick about a single row, the other about many.
    let quick = place.stove("quick", &hand, |run| 6_000 * run.rows as u64);
    let wide = place.stove("wide", &hand, |run| 8_000 + 2_000 * run.rows as u64);
    let chosen = async |optimize| {
        let spec = ModelSpec { optimize, precision: PrecisionChoice::Fixed(Precision::F32), ..place.spec() };
        let process = place.process_with(&clock, &[&quick, &wide], spec, |_| ());
        let plan = process.tune().await.unwrap();
        (plan.engine.clone(), plan.batch, process.open().await.engine)
    };
    assert_eq!(chosen(Optimize::Throughput).await, ("wide".to_owned(), 8, "wide"));
    assert_eq!(chosen(Optimize::Latency).await, ("quick".to_owned(), 1, "quick"));
    assert_eq!(place.stored().len(), 2, "each has a plan of its own");
}

#[tokio::test]
async fn more_threads_a_run_are_chosen_where_they_pay_and_served_with() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let stove = place.stove("only", &hand, |run| if run.threads == 2 { 4_000 } else { 10_000 } * run.rows as u64);
    let process = place.process_with(&clock, &[&stove], place.spec(), |options| options.device.slots = 2);
    let plan = process.tune().await.unwrap();
    assert_eq!((plan.threads, plan.slots), (2, 1));
    let generation = process.open().await;
    assert_eq!((generation.threads, generation.slots, generation.plan_source()), (2, 1, PlanSource::Measured));
    process.answers().await;
}

#[tokio::test]
async fn the_next_start_goes_by_the_plan_with_one_load_and_no_comparison() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    let process = place.process(&clock, &[&slow, &fast]);
    let generation = process.open().await;
    assert_eq!((generation.engine, generation.precision), ("fast", Precision::Bf16));
    assert_eq!(
        (generation.plan_source(), generation.plan().map(|plan| (*plan).clone())),
        (PlanSource::Stored, Some(place.stored().remove(0)))
    );
    let counts = fast.model.counts();
    assert_eq!((counts.loads, counts.cached_loads, slow.model.counts().loads), (1, 1, 0));
    assert_eq!(counts.runs, u64::from(generation.figures().warm_up_runs), "the first run of the warm-up is the check");
    assert_eq!((process.events.count("plan_used stored=true"), process.events.count("plan_mismatch")), (1, 0));
    process.answers().await;
}

#[tokio::test]
async fn a_plan_that_gives_other_numbers_is_dropped_and_the_default_serves() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    fast.model.set_deviation(Precision::Bf16, 0.5);
    let process = place.process(&clock, &[&slow, &fast]);
    let generation = process.open().await;
    assert_eq!((generation.engine, generation.plan_source()), ("slow", PlanSource::Default));
    assert_eq!((process.events.count("plan_mismatch"), process.events.count("plan_used stored=true")), (1, 0));
    assert_eq!((place.stored(), fast.model.counts().loaded_alive), (vec![], 0));
    assert_eq!(std::fs::read_dir(place.plans().join("compiled")).unwrap().count(), 0, "its compiled form went with it");
    process.answers().await;
    // Measured again, the way that is wrong now is out.
    let plan = process.tune().await.unwrap();
    assert_eq!(won(&plan), ("fast", Precision::F32, 1, 1));
    assert_eq!((process.open().await.engine, process.events.count("swapped")), ("fast", 1));
}

#[tokio::test]
async fn a_plan_whose_engine_cannot_load_it_any_more_is_dropped() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    fast.model.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Unsupported)));
    let process = place.process(&clock, &[&slow, &fast]);
    assert_eq!((process.open().await.engine, process.events.count("plan_mismatch")), ("slow", 1));
}

#[tokio::test]
async fn another_set_of_engines_makes_a_plan_stale() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    let updated = place.stove_of(FakeEngine::named("fast").with_version("2"), &hand, by_precision(5_000, 3_000));
    let process = place.process(&clock, &[&slow, &updated]);
    assert_eq!((process.open().await.plan_source(), process.events.count("plan_mismatch")), (PlanSource::Default, 1));
    drop(process);
    let process = place.process(&clock, &[&slow, &fast]);
    assert_eq!(process.open().await.plan_source(), PlanSource::Default, "the stale plan is gone");
}

#[tokio::test]
async fn other_weights_have_no_plan_yet() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    std::fs::write(place.model(), "other weights").unwrap();
    let process = place.process(&clock, &[&slow, &fast]);
    assert_eq!((process.open().await.plan_source(), process.events.count("plan_mismatch")), (PlanSource::Default, 0));
    assert_eq!(place.stored().len(), 1, "the plan of the other weights is still theirs");
}

fn only_file(folder: &Path) -> PathBuf {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

#[tokio::test]
async fn a_damaged_plan_is_ignored() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    let file = only_file(&place.plans().join("plans"));
    let text = std::fs::read(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 3]).unwrap();
    let process = place.process(&clock, &[&slow, &fast]);
    let generation = process.open().await;
    assert_eq!((generation.engine, generation.plan_source()), ("slow", PlanSource::Default));
    assert_eq!(process.tune().await.unwrap().engine, "fast", "it is measured again in its place");
    assert_eq!(place.stored().len(), 1);
}

#[tokio::test]
async fn a_damaged_compiled_form_is_ignored() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let (slow, fast) = measured(&place, &clock, &hand).await;
    let form = only_file(&only_file(&place.plans().join("compiled")));
    std::fs::write(form, "damaged").unwrap();
    let process = place.process(&clock, &[&slow, &fast]);
    assert_eq!(process.open().await.plan_source(), PlanSource::Stored);
    assert_eq!((fast.model.counts().loads, fast.model.counts().cached_loads), (1, 0));
    process.answers().await;
}

#[tokio::test]
async fn a_folder_that_takes_nothing_costs_only_the_keeping() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    std::fs::write(place.plans(), "a file in the place of the folder").unwrap();
    let process = place.process(&clock, &[&slow(&place, &hand), &fast(&place, &hand)]);
    assert_eq!(process.tune().await.unwrap().engine, "fast");
    let generation = process.open().await;
    assert_eq!((generation.engine, generation.plan_source()), ("fast", PlanSource::Measured));
    assert_eq!(process.events.count("plan_used stored=false"), 1);
}

#[tokio::test]
async fn closing_ends_a_measurement_at_once() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    // Time stands still, so that every window lasts for its most runs.
    let stove = place.stove("only", &hand, |_| {
        std::thread::sleep(Duration::from_millis(2));
        0
    });
    let process = Arc::new(place.process(&clock, &[&stove]));
    let tuning = tokio::spawn({
        let process = Arc::clone(&process);
        async move { process.tune().await }
    });
    until(|| stove.model.counts().runs > 10).await;
    let closing = Arc::clone(&process);
    tokio::task::spawn_blocking(move || closing.registry.close()).await.unwrap();
    assert_eq!(tuning.await.unwrap().unwrap_err().kind, TuneFailureKind::Stopped);
    let counts = stove.model.counts();
    assert_eq!((counts.loaded_alive, counts.runners_alive, place.stored().len()), (0, 0, 0));
    assert!(counts.runs < 1000, "{}", counts.runs);
}

#[tokio::test]
async fn a_measurement_can_be_cancelled_and_tells_its_steps() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let process = place.process(&clock, &[&slow(&place, &hand), &fast(&place, &hand)]);
    let (cancel, steps) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let progress = {
        let (cancel, steps) = (Arc::clone(&cancel), Arc::clone(&steps));
        move |told: &samovar_runtime::TuneProgress<'_>| {
            steps.lock().unwrap().push((told.candidate.engine.clone(), told.outcome.is_some()));
            cancel.store(told.candidate.engine == "fast", Ordering::SeqCst);
        }
    };
    let options = TuneOptions { progress: Arc::new(progress), cancel, ..TuneOptions::default() };
    let failure = process.registry.tune("m", options).await.unwrap().unwrap_err();
    assert_eq!(failure.kind, TuneFailureKind::Stopped);
    let told = steps.lock().unwrap().iter().map(|(engine, ended)| format!("{engine} {ended}")).collect::<Vec<_>>();
    assert_eq!(told, ["slow false", "slow true", "slow false", "slow true", "fast false"]);
    assert!(place.stored().is_empty());
}

#[tokio::test]
async fn one_way_is_measured_however_short_the_time() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let process = place.process(&clock, &[&slow(&place, &hand), &fast(&place, &hand)]);
    let options = TuneOptions { budget: Duration::ZERO, ..TuneOptions::default() };
    let plan = process.registry.tune("m", options).await.unwrap().unwrap();
    assert_eq!(won(&plan), ("slow", Precision::Bf16, 1, 1));
    assert!(why_not(&plan, "fast", Precision::F32).contains("the time for measurements was over"));
}

#[tokio::test]
async fn a_second_copy_that_does_not_fit_is_not_measured() {
    let (place, (clock, hand)) = (Place::new(), Clock::manual());
    let stove = fast(&place, &hand);
    let process = place.process_with(&clock, &[&stove], place.spec(), |options| options.memory_limit = Some(1 << 20));
    let failure = process.tune().await.unwrap_err();
    assert_eq!((failure.kind, failure.kind.code()), (TuneFailureKind::Load(FailureKind::Memory), "memory_limit"));
    assert_eq!(stove.model.counts().loads, 0);
}
