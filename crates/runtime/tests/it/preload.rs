//! Loading at start: what a failure means for readiness and requests, how many load at once, and beginning anew.

use crate::house::{GIB, House, soon, until};
use crate::support::spec;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_runtime::{FailureKind, ModelSource, ModelSpec, OnPreloadFailure, RegistryOptions, RunErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn preloaded(name: &str) -> ModelSpec {
    ModelSpec { preload: true, ..spec(name) }
}

fn on_failure(choice: OnPreloadFailure) -> impl FnOnce(&mut RegistryOptions) {
    move |options| options.on_preload_failure = choice
}

const DAMAGED: Option<FakeFault> = Some(FakeFault::Error(EngineErrorKind::Model));

#[tokio::test]
async fn a_preload_that_fails_is_told_and_kept_as_the_models_state() {
    let house = House::new(vec![preloaded("good"), preloaded("bad"), spec("later")], |_| ());
    house.models["bad"].fail_every_load(DAMAGED);
    let failures = soon(house.registry.preload()).await;
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].model.as_str(), failures[0].failure.kind), ("bad", FailureKind::Model));
    assert!(house.failure("bad").retry_at.is_some());
    let required: Vec<_> = house.registry.list().into_iter().map(|model| (model.name, model.required)).collect();
    assert_eq!(required, [("bad".to_owned(), true), ("good".to_owned(), true), ("later".to_owned(), false)]);
    let refused = house.open("bad").await.unwrap_err();
    assert!(matches!(refused.kind(), RunErrorKind::NotReady { retry_after } if !retry_after.is_zero()));
    assert_eq!(house.models["bad"].counts().loads, 1, "a request does not hurry a degraded model");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lazy_model_is_tried_again_by_requests_once_a_second_at_most() {
    let house = Arc::new(House::new(vec![preloaded("m")], on_failure(OnPreloadFailure::Lazy)));
    let model = &house.models["m"];
    model.fail_every_load(DAMAGED);
    assert_eq!(soon(house.registry.preload()).await.len(), 1);
    assert!(!house.registry.list()[0].required, "readiness does not wait for it");
    for _ in 0..5 {
        assert!(soon(house.handle("m").open()).await.is_err());
    }
    assert_eq!(model.counts().loads, 1, "no time has passed since the last attempt");
    house.hand.advance(Duration::from_secs(1));
    let gate = Gate::closed();
    model.hold_loads(&gate);
    model.fail_every_load(None);
    let opens: Vec<_> = (0..16)
        .map(|_| {
            let handle = house.handle("m");
            tokio::spawn(async move { handle.open().await })
        })
        .collect();
    gate.wait_for(1);
    gate.open();
    for open in opens {
        soon(open).await.unwrap().unwrap();
    }
    assert_eq!(model.counts().loads, 2, "all of them share one attempt");
    assert!(house.registry.list()[0].required);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_models_load_at_once_as_there_are_cores() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let names: Vec<String> = (0..cores * 3).map(|index| format!("m{index}")).collect();
    let house = Arc::new(House::new(names.iter().map(|name| preloaded(name)).collect(), |_| ()));
    let gate = Gate::closed();
    house.models.values().for_each(|model| model.hold_loads(&gate));
    let preloading = tokio::spawn({
        let registry = Arc::clone(&house.registry);
        async move { registry.preload().await }
    });
    let loads = || house.models.values().map(|model| model.counts().loads).sum::<u64>() as usize;
    for through in 0..names.len() {
        let begun = (through + cores).min(names.len());
        until(|| loads() == begun).await;
        assert!(gate.waiting() <= cores);
        gate.let_through(1);
    }
    assert!(soon(preloading).await.unwrap().is_empty());
    assert_eq!(house.alive() as usize, names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_model_is_loaded_while_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    let large = |name: &str| {
        let path = folder.path().join(name);
        // A hole: it takes no room on the disk, and its size is all that anybody looks at.
        std::fs::File::create(&path).unwrap().set_len(2 * GIB).unwrap();
        ModelSpec { source: ModelSource::file(path), ..preloaded(name) }
    };
    let specs: Vec<ModelSpec> = ["a", "b", "c"].iter().map(|name| large(name)).collect();
    let house = House::new(specs, |_| ());
    let through = Arc::new(AtomicU64::new(0));
    for model in house.models.values() {
        let (events, begun) = (Arc::clone(&house.events), Arc::clone(&through));
        model.on_load(move |_| {
            let before = begun.fetch_add(1, Ordering::SeqCst);
            assert_eq!(events.count("warmed_up"), before, "those before it are through");
        });
    }
    assert!(soon(house.registry.preload()).await.is_empty());
    assert_eq!((through.load(Ordering::SeqCst), house.alive()), (3, 3));
}

#[tokio::test]
async fn clearing_frees_every_model_and_the_next_use_warms_it_again() {
    let house = House::new(vec![preloaded("a"), spec("b"), spec("never"), preloaded("bad")], |_| ());
    house.models["bad"].fail_every_load(DAMAGED);
    soon(house.registry.preload()).await;
    house.open("b").await.unwrap();
    soon(house.registry.clear()).await;
    assert_eq!((house.alive(), house.events.count("unloaded")), (0, 2));
    assert_eq!((house.state("a"), house.state("bad")), ("absent", "failed"), "a failure is not cleared away");
    let required: Vec<bool> = house.registry.list().iter().map(|model| model.required).collect();
    assert_eq!(required, [false, false, true, false], "what has served once comes back when it is used");
    assert_eq!(house.open("a").await.unwrap(), 2);
    soon(house.registry.load("b")).await.unwrap().unwrap();
    assert_eq!((house.events.count("warmed_up"), house.events.count("warm_up_skipped")), (4, 0));
}

#[tokio::test]
async fn clearing_finishes_what_was_accepted_and_waits_for_a_load_in_progress() {
    let house = Arc::new(House::new(vec![spec("a"), spec("b")], |_| ()));
    house.open("a").await.unwrap();
    let (runs, loads) = (Gate::closed(), Gate::closed());
    house.models["a"].hold_runs(&runs);
    house.models["b"].hold_loads(&loads);
    let accepted = tokio::spawn({
        let house = Arc::clone(&house);
        async move { house.run("a", 3.0).await }
    });
    until(|| runs.waiting() == 1).await;
    let opening = tokio::spawn({
        let house = Arc::clone(&house);
        async move { house.open("b").await }
    });
    until(|| loads.waiting() == 1).await;
    let clearing = tokio::spawn({
        let registry = Arc::clone(&house.registry);
        async move { registry.clear().await }
    });
    until(|| house.state("a") == "draining").await;
    runs.open();
    loads.open();
    assert!(soon(accepted).await.unwrap().is_ok());
    assert!(soon(opening).await.unwrap().is_ok(), "whoever opened it was told so before it went");
    soon(clearing).await.unwrap();
    assert_eq!((house.alive(), house.state("b")), (0, "absent"));
}
