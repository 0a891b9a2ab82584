//! The memory that all models may take: who goes for whom, who stays, and what is refused.

use crate::house::{GIB, House, soon, until};
use crate::support::{Row, call, rows, spec};
use samovar_engines::Gate;
use samovar_runtime::{Class, FailureKind, ModelSource, ModelSpec, RegistryOptions, RunErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: usize = 1000;

fn limit(bytes: u64) -> impl FnOnce(&mut RegistryOptions) {
    move |options| options.memory_limit = Some(bytes)
}

/// A model whose file takes one GiB, as far as anybody can see.
fn on_disk(name: &str, folder: &Path) -> ModelSpec {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().set_len(GIB).unwrap();
    ModelSpec { source: ModelSource::file(path), ..spec(name) }
}

#[tokio::test]
async fn the_least_recently_used_model_goes_to_make_room() {
    let house = House::new(vec![spec("a"), spec("b"), spec("c")], limit(5 * GIB / 2));
    house.open("a").await.unwrap();
    house.open("b").await.unwrap();
    house.run("a", 1.0).await.unwrap();
    house.open("c").await.unwrap();
    assert_eq!((house.state("a"), house.state("b"), house.state("c")), ("ready", "absent", "ready"));
    assert_eq!(house.events.count("evicted"), 1);
    // What a model takes is known from its last load: room is made before the next one begins.
    house.models["b"].on_load({
        let a = house.models["a"].clone();
        move |_| assert_eq!(a.counts().loaded_alive, 0, "a was used before c")
    });
    house.open("b").await.unwrap();
    assert_eq!((house.state("a"), house.alive(), house.events.count("evicted")), ("absent", 2, 2));
    assert!(house.registry.memory().held_bytes >= 2 * GIB);
    assert_eq!(house.open("a").await.unwrap(), 2, "who was evicted comes back with its next use");
}

#[tokio::test]
async fn pinned_held_and_busy_models_stay_and_the_load_is_refused_with_figures() {
    let folder = tempfile::tempdir().unwrap();
    let pinned = ModelSpec { pinned: true, ..spec("pinned") };
    let specs = vec![pinned, spec("held"), spec("busy"), on_disk("d", folder.path())];
    let house = House::new(specs, limit(15 * GIB / 4));
    house.open("pinned").await.unwrap();
    let hold = house.handle("held").hold();
    house.open("held").await.unwrap();
    house.open("busy").await.unwrap();
    let gate = Gate::closed();
    house.models["busy"].hold_runs(&gate);
    let work = house.handle("busy").submit(Row::of(1.0), rows(), call(Class::Job, 1)).unwrap();
    gate.wait_for(1);
    for _ in 0..3 {
        let failure = soon(house.registry.load("d")).await.unwrap().unwrap_err();
        assert_eq!((failure.kind, failure.kind.code()), (FailureKind::Memory, "memory_limit"));
        for word in ["3840 MiB", "pinned", "held", "busy"] {
            assert!(failure.reason.contains(word), "{}", failure.reason);
        }
        assert_eq!(house.models["d"].counts().loads, 0);
    }
    let refused = house.open("d").await.unwrap_err();
    assert!(matches!(refused.kind(), RunErrorKind::NotReady { .. }));
    assert_eq!((house.events.count("load_failed memory_limit"), house.models["d"].counts().loads), (3, 0));
    assert_eq!((house.events.count("evicted"), house.alive()), (0, 3));
    gate.open();
    assert_eq!(work.await.unwrap().output, Row::expected(1.0));
    house.hand.advance(Duration::from_secs(1));
    drop(hold);
    soon(house.registry.load("d")).await.unwrap().unwrap();
    assert_eq!(
        (house.state("held"), house.events.count("evicted")),
        ("ready", 1),
        "its hold ended after busy was used"
    );
    assert_eq!((house.state("pinned"), house.state("busy")), ("ready", "absent"));
}

#[tokio::test]
async fn nobody_goes_where_that_would_not_be_enough() {
    let house = House::new(vec![spec("a"), spec("large")], limit(3 * GIB / 2));
    house.models["large"].set_weights_bytes(2 * GIB);
    house.open("a").await.unwrap();
    // The first attempt finds out how large the model is and frees it; the next ones need not load it for that.
    for attempt in 0..3 {
        assert_eq!(soon(house.registry.load("large")).await.unwrap().unwrap_err().kind, FailureKind::Memory);
        let counts = house.models["large"].counts();
        assert_eq!((counts.loads, counts.loaded_alive, counts.runners_alive), (1, 0, 0), "attempt {attempt}");
    }
    assert_eq!((house.state("a"), house.events.count("evicted")), ("ready", 0));
}

#[tokio::test]
async fn a_copy_that_a_reload_replaces_is_no_room_for_it() {
    let house = House::new(vec![spec("m"), spec("idle")], limit(19 * GIB / 10));
    house.models["idle"].set_weights_bytes(GIB / 2);
    house.open("m").await.unwrap();
    house.open("idle").await.unwrap();
    let failure = soon(house.registry.reload("m")).await.unwrap().unwrap_err();
    assert_eq!((failure.kind, house.models["m"].counts().loads), (FailureKind::Memory, 1), "{}", failure.reason);
    assert_eq!((house.state("idle"), house.events.count("evicted")), ("ready", 0), "nobody goes for nothing");
}

#[tokio::test]
async fn a_file_that_was_too_large_does_not_keep_out_the_one_that_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    let source = ModelSource::file(path.clone());
    let house = House::new(vec![ModelSpec { source, ..spec("m") }], limit(3 * GIB / 2));
    let size = |bytes: u64| {
        std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
        house.models["m"].set_weights_bytes(GIB * bytes / 1000);
    };
    size(2000);
    for _ in 0..2 {
        assert_eq!(soon(house.registry.load("m")).await.unwrap().unwrap_err().kind, FailureKind::Memory);
    }
    assert_eq!(house.models["m"].counts().loads, 1, "how large it is, is known");
    size(1000);
    soon(house.registry.load("m")).await.unwrap().unwrap();
    size(2000);
    assert_eq!(soon(house.registry.reload("m")).await.unwrap().unwrap_err().kind, FailureKind::Memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_model_that_is_held_before_it_is_opened_stays_whatever_was_about_to_be_decided() {
    let house = Arc::new(House::new(vec![spec("m"), spec("other")], limit(3 * GIB / 2)));
    let evicting = tokio::spawn({
        let house = Arc::clone(&house);
        async move {
            for _ in 0..ROUNDS {
                drop(soon(house.registry.load("other")).await.unwrap());
                soon(house.registry.unload("other")).await.unwrap();
            }
        }
    });
    let mut opened = 0;
    while !evicting.is_finished() || opened == 0 {
        let handle = house.handle("m");
        let _hold = handle.hold();
        if soon(handle.open()).await.is_err() {
            // It was refused while the other one was loaded; an open would rest for a while now.
            drop(soon(house.registry.load("m")).await.unwrap());
            continue;
        }
        opened += 1;
        for _ in 0..4 {
            assert!(handle.pin().is_ok(), "in round {opened} it is {}", handle.state().name());
            tokio::task::yield_now().await;
        }
    }
    evicting.await.unwrap();
}

#[tokio::test]
async fn a_model_that_was_never_loaded_is_judged_by_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(vec![on_disk("large", folder.path())], limit(5 * GIB / 4));
    let failure = soon(house.registry.load("large")).await.unwrap().unwrap_err();
    assert_eq!((failure.kind, house.models["large"].counts().loads), (FailureKind::Memory, 0), "{}", failure.reason);
    assert!(failure.reason.contains("1552 MiB"), "{}", failure.reason);
}

#[tokio::test]
async fn a_reload_needs_room_for_both_copies_or_leaves_the_old_one() {
    let house = House::new(vec![spec("m")], limit(3 * GIB / 2));
    house.open("m").await.unwrap();
    let failure = soon(house.registry.reload("m")).await.unwrap().unwrap_err();
    assert_eq!((failure.kind, failure.retry_at), (FailureKind::Memory, None));
    assert_eq!(house.models["m"].counts().loads, 1);
    assert_eq!(house.run("m", 2.0).await.unwrap().generation.number, 1);
    let house = House::new(vec![spec("m"), spec("idle")], limit(5 * GIB / 2));
    house.open("m").await.unwrap();
    house.open("idle").await.unwrap();
    soon(house.registry.reload("m")).await.unwrap().unwrap();
    assert_eq!((house.state("idle"), house.events.count("evicted"), house.alive()), ("absent", 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn preloads_never_pass_the_limit_and_the_pinned_ones_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d", "e", "f"];
    let spec_of = |name| ModelSpec { preload: true, pinned: name == "e", ..on_disk(name, folder.path()) };
    let house = House::new(names.map(spec_of).to_vec(), limit(11 * GIB / 4));
    let failures = soon(house.registry.preload()).await;
    assert_eq!((failures.len(), house.alive(), house.events.count("evicted")), (4, 2, 0));
    let refused: Vec<&str> = failures.iter().map(|failed| failed.model.as_str()).collect();
    assert_eq!(refused, ["b", "c", "d", "f"], "the pinned one, and then the first by name");
    assert!(failures.iter().all(|failed| failed.failure.kind == FailureKind::Memory));
    let loads: u64 = house.models.values().map(|model| model.counts().loads).sum();
    assert_eq!(
        loads, 2,
        "the real figure of the first made room for the second; the others were refused before they began"
    );
    // A request may take what a start may not.
    let refused = &failures[0].model;
    soon(house.registry.load(refused)).await.unwrap().unwrap();
    assert_eq!((house.state(refused), house.events.count("evicted")), ("ready", 1));
}

#[tokio::test]
async fn a_model_that_nobody_uses_goes_after_its_idle_time_unless_it_is_held() {
    let house = House::new(vec![ModelSpec { idle_ttl: Some(Duration::from_secs(60)), ..spec("m") }], |_| ());
    let minute = Duration::from_secs(60);
    house.open("m").await.unwrap();
    house.hand.advance(minute / 2);
    house.run("m", 1.0).await.unwrap();
    house.hand.advance(minute - Duration::from_secs(1));
    house.registry.look();
    house.registry.load("m").await.unwrap().unwrap();
    assert_eq!(house.events.count("unloaded"), 0, "its time began anew with its use");
    house.hand.advance(Duration::from_secs(1));
    house.registry.look();
    until(|| house.state("m") == "absent").await;
    assert_eq!((house.alive(), house.events.count("evicted")), (0, 0));
    let hold = house.handle("m").hold();
    assert_eq!(house.open("m").await.unwrap(), 2);
    house.hand.advance(10 * minute);
    house.registry.look();
    house.registry.load("m").await.unwrap().unwrap();
    assert_eq!((house.state("m"), house.registry.list()[0].holds), ("ready", 1));
    drop(hold);
    house.registry.look();
    house.registry.load("m").await.unwrap().unwrap();
    assert_eq!(house.state("m"), "ready", "its time begins when the stream ends");
    house.hand.advance(minute);
    house.registry.look();
    until(|| house.state("m") == "absent").await;
    let _hold = house.handle("m").hold();
    house.open("m").await.unwrap();
    soon(house.registry.unload("m")).await.unwrap();
    assert_eq!(house.alive(), 0, "who names a model may unload it whoever holds it");
}
