//! Load, warm-up, swap, unload, failure: one state value, one load however many ask.

use crate::support::{Bench, FEATURES, Row, call, rows, spec};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Gate};
use samovar_runtime::{Class, FailureKind, ModelState, Opened, Registry, RegistryOptions, RunErrorKind};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_one_load_and_one_warm_up() {
    let bench = Bench::new(2, spec("m"));
    let gate = Gate::closed();
    bench.model.hold_loads(&gate);
    let opens: Vec<_> = (0..32)
        .map(|_| {
            let handle = bench.handle();
            tokio::spawn(async move { handle.open().await })
        })
        .collect();
    gate.wait_for(1);
    assert_eq!(bench.handle().state().name(), "loading");
    gate.open();
    let mut loaded = 0;
    for open in opens {
        loaded += u32::from(matches!(open.await.unwrap().unwrap(), Opened::Loaded(_)));
    }
    assert_eq!(loaded, 1);
    assert_eq!(bench.model.counts().loads, 1);
    assert_eq!(bench.model.counts().runners_alive, 2, "one runner per slot");
    assert_eq!((bench.events.count("warmed_up"), bench.events.count("warm_up_skipped")), (1, 31));
}

#[tokio::test]
async fn a_failed_load_is_a_state_and_an_answer_with_a_time() {
    let bench = Bench::new(1, spec("m"));
    bench.model.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    for _ in 0..3 {
        let error = bench.handle().open().await.unwrap_err();
        assert!(matches!(error.kind(), RunErrorKind::NotReady { retry_after } if !retry_after.is_zero()));
    }
    let ModelState::Failed(failure) = bench.handle().state() else { panic!("the model failed") };
    assert_eq!(
        (failure.kind, failure.attempts),
        (FailureKind::Model, 1),
        "later callers are told, not served by a load each"
    );
    assert!(failure.retry_at.is_some());
    let refused = bench.handle().submit(Row::of(1.0), rows(), call(Class::Interactive, 1)).err().unwrap();
    assert!(matches!(refused.kind(), RunErrorKind::NotReady { .. }));
}

#[tokio::test]
async fn a_panic_in_a_load_costs_that_load() {
    let bench = Bench::new(1, spec("m"));
    bench.model.fail_load(1, FakeFault::Panic);
    assert!(bench.handle().open().await.is_err());
    let ModelState::Failed(failure) = bench.handle().state() else { panic!("the model failed") };
    assert_eq!(failure.kind, FailureKind::Internal);
    bench.registry.load("m").await.unwrap().unwrap();
    assert_eq!(bench.handle().state().name(), "ready");
}

#[tokio::test]
async fn a_model_that_does_not_fit_its_family_fails_at_load_and_is_not_tried_again() {
    let bench = Bench::new(1, spec("m"));
    bench.engine.put("m", &FakeModel::rows(7));
    assert!(bench.handle().open().await.is_err());
    let ModelState::Failed(failure) = bench.handle().state() else { panic!("the model failed") };
    assert_eq!(failure.kind, FailureKind::Contract);
    assert!(failure.retry_at.is_none());
}

#[tokio::test]
async fn a_warm_up_that_fails_fails_the_load_and_frees_the_model() {
    let bench = Bench::new(2, spec("m"));
    bench.model.fail_every_run(Some(FakeFault::Error(EngineErrorKind::Run)));
    assert!(bench.handle().open().await.is_err());
    let ModelState::Failed(failure) = bench.handle().state() else { panic!("the model failed") };
    assert_eq!(failure.kind, FailureKind::WarmUp);
    bench.model.fail_every_run(None);
    bench.registry.load("m").await.unwrap().unwrap();
    assert_eq!(bench.model.counts().loaded_alive, 1);
    assert_eq!(bench.model.counts().runners_alive, 2);
}

#[tokio::test]
async fn a_panic_in_a_warm_up_fails_the_load_and_is_counted() {
    let bench = Bench::new(1, spec("m"));
    bench.model.fail_run(1, FakeFault::Panic);
    assert!(bench.handle().open().await.is_err());
    let ModelState::Failed(failure) = bench.handle().state() else { panic!("the model failed") };
    assert_eq!((failure.kind, bench.events.count("panicked")), (FailureKind::WarmUp, 1));
    bench.registry.load("m").await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reload_serves_all_through_and_keeps_one_copy_in_the_end() {
    let bench = Bench::warm(2, spec("m")).await;
    let gate = Gate::closed();
    bench.model.hold_loads(&gate);
    let reload = bench.registry.reload("m");
    tokio::pin!(reload);
    let first = tokio::select! {
        _ = &mut reload => panic!("the load is held"),
        result = async { bench.handle().submit(Row::of(4.0), rows(), call(Class::Live, 1)).unwrap().await } => result.unwrap(),
    };
    assert_eq!((first.output, first.generation.number), (Row::expected(4.0), 1));
    drop(first.generation);
    gate.open();
    reload.await.unwrap().unwrap();
    let second = bench.handle().submit(Row::of(4.0), rows(), call(Class::Live, 1)).unwrap().await.unwrap();
    assert_eq!((second.output, second.generation.number), (Row::expected(4.0), 2));
    bench.registry.close();
    assert_eq!(bench.events.count("swapped"), 1);
    assert_eq!(bench.model.counts().loaded_alive_max, 2);
}

#[tokio::test]
async fn a_reload_that_fails_leaves_the_old_generation_serving() {
    let bench = Bench::warm(1, spec("m")).await;
    bench.model.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    let failure = bench.registry.reload("m").await.unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Model);
    let answer = bench.handle().submit(Row::of(1.0), rows(), call(Class::Interactive, 1)).unwrap().await.unwrap();
    assert_eq!(answer.generation.number, 1);
}

#[tokio::test]
async fn unloading_finishes_what_was_accepted_and_frees_everything() {
    let bench = Bench::warm(1, spec("m")).await;
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let accepted: Vec<_> = (0..5)
        .map(|i| bench.handle().submit(Row::of(i as f32), rows(), call(Class::Interactive, i)).unwrap())
        .collect();
    let handle = bench.handle();
    let refused = async move {
        let mut watch = handle.watch();
        watch.wait_for(|state| state.name() == "draining").await.unwrap();
        gate.open();
        handle.submit(Row::of(0.0), rows(), call(Class::Interactive, 9)).err().unwrap().kind()
    };
    let (unloaded, refused) = tokio::join!(bench.registry.unload("m"), refused);
    unloaded.unwrap();
    assert!(matches!(refused, RunErrorKind::NotReady { .. }));
    for (i, pending) in accepted.into_iter().enumerate() {
        assert_eq!(pending.await.unwrap().output, Row::expected(i as f32));
    }
    assert_eq!(bench.handle().state().name(), "absent");
    bench.registry.close();
    let counts = bench.model.counts();
    assert_eq!((counts.loaded_alive, counts.runners_alive), (0, 0));
}

#[tokio::test]
async fn a_forced_warm_up_runs_and_unloading_resets_it() {
    let bench = Bench::warm(1, spec("m")).await;
    bench.registry.warm_again("m").await.unwrap().unwrap();
    assert_eq!(bench.events.count("warmed_up"), 2);
    bench.registry.unload("m").await.unwrap();
    bench.handle().open().await.unwrap();
    assert_eq!((bench.events.count("loaded"), bench.events.count("warmed_up")), (2, 3));
}

#[tokio::test]
async fn thirty_two_threads_that_load_and_unload_leave_one_copy_at_most() {
    let bench = std::sync::Arc::new(Bench::new(2, spec("m")));
    let tasks: Vec<_> = (0..32_u32)
        .map(|i| {
            let bench = std::sync::Arc::clone(&bench);
            tokio::spawn(async move {
                for round in 0..10 {
                    if (i + round) % 2 == 0 {
                        drop(bench.registry.load("m").await.unwrap());
                    } else {
                        bench.registry.unload("m").await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    bench.registry.unload("m").await.unwrap();
    bench.registry.close();
    let counts = bench.model.counts();
    assert_eq!((counts.loaded_alive, counts.runners_alive), (0, 0));
    assert!(counts.loaded_alive_max <= 2);
}

#[tokio::test]
async fn preloading_fills_every_state_and_closing_ends_every_thread() {
    let bench = Bench::new(2, samovar_runtime::ModelSpec { preload: true, ..spec("m") });
    bench.registry.preload().await;
    let listed = bench.registry.list();
    assert_eq!((listed.len(), listed[0].state.name(), listed[0].preload), (1, "ready", true));
    let figures = listed[0].state.generation().unwrap().figures();
    assert!(figures.warm_up_runs >= 2 * 3, "each slot settles on at least three runs");
    assert!(figures.memory_bytes >= 1 << 20, "the weights count at least");
    bench.registry.close();
    let error = bench.handle().submit(Row::of(1.0), rows(), call(Class::Live, 1)).err().unwrap();
    assert_eq!(error.kind(), RunErrorKind::ShuttingDown);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_does_not_wait_for_ever_for_a_load_that_hangs() {
    let (model, gate) = (FakeModel::rows(FEATURES), Gate::closed());
    let engine = Arc::new(FakeEngine::new().with("m", &model));
    let close_limit = Duration::from_millis(20);
    let options = RegistryOptions { close_limit, ..RegistryOptions::new(vec![engine]) };
    let registry = Arc::new(Registry::start(options, vec![spec("m")]).unwrap());
    model.hold_loads(&gate);
    let loading = tokio::spawn({
        let registry = Arc::clone(&registry);
        async move { registry.load("m").await }
    });
    gate.wait_for(1);
    let closing = Arc::clone(&registry);
    let closed = tokio::task::spawn_blocking(move || closing.close());
    tokio::time::timeout(Duration::from_secs(15), closed).await.unwrap().unwrap();
    assert_eq!((gate.waiting(), loading.is_finished()), (1, false), "the load still hangs");
    // A load that comes back after all finds nobody to serve, and leaves nothing behind.
    gate.open();
    assert!(loading.await.unwrap().unwrap().is_err());
    assert_eq!((model.counts().loaded_alive, model.counts().runners_alive), (0, 0));
}
