//! Everything at once, a bounded number of rounds: whatever is accepted ends once, and nothing is left behind.

use crate::house::{GIB, House, heavy, soon};
use crate::support::{Bench, Fault, Row, call, rows, spec};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, FakeModel};
use samovar_runtime::{
    Class, Completed, InputRow, ModelSource, ModelSpec, OutputRow, RunError, RunErrorKind, Scratch, Task, TaskError,
    VersionChoice,
};
use samovar_schedule::{ClassPolicy, QueuePolicy, WhenFull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const ROUNDS: u32 = 200;

/// Narrow queues, so that every way out of them is taken.
fn narrow() -> QueuePolicy {
    let class = |when_full| ClassPolicy { capacity: 6, wait_max: Duration::from_millis(200), when_full };
    QueuePolicy {
        live: class(WhenFull::DropOldestOfStream),
        interactive: class(WhenFull::Refuse),
        job: class(WhenFull::ProducerWaits),
        ..QueuePolicy::default()
    }
}

fn batching() -> ModelSpec {
    ModelSpec { batch_max: Some(4), batch_delay: Duration::from_millis(1), ..spec("m") }
}

/// A result is the right one; an error is one that this storm can cause.
fn check(value: f32, outcome: Result<Completed<Vec<f32>>, RunError>) {
    match outcome {
        Ok(completed) => assert_eq!(completed.output, Row::expected(value)),
        Err(error) => known(&error),
    }
}

fn known(error: &RunError) {
    let expected = matches!(
        error.kind(),
        RunErrorKind::NotReady { .. }
            | RunErrorKind::QueueFull { .. }
            | RunErrorKind::Displaced
            | RunErrorKind::DeadlineExceeded
            | RunErrorKind::Internal
    );
    assert!(expected, "{error:?}");
}

/// A row that counts as long as anybody holds it.
struct Tracked {
    row: Row,
    _held: Arc<()>,
}

impl Task for Tracked {
    type Output = Vec<f32>;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::write(&mut self.row, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Vec<f32>, TaskError> {
        Task::read(&mut self.row, row, scratch)
    }
}

/// The model, and the count of rows that somebody holds.
#[derive(Clone)]
struct Storm {
    bench: Arc<Bench>,
    held: Arc<()>,
}

impl Storm {
    fn row(&self, row: Row) -> Tracked {
        Tracked { row, _held: Arc::clone(&self.held) }
    }
}

async fn submitter(storm: Storm, stream: u32, class: Class) {
    let bench = &storm.bench;
    for round in 0..ROUNDS {
        let value = (stream * 1000 + round) as f32;
        match bench.handle().submit(storm.row(Row::of(value)), rows(), call(class, u64::from(stream))) {
            Ok(pending) => check(value, pending.await),
            Err(error) => {
                known(&error);
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn producer(storm: Storm, stream: u32) {
    let bench = &storm.bench;
    for round in 0..ROUNDS {
        let value = (stream * 1000 + round) as f32;
        let Ok(pinned) = bench.handle().pin() else {
            tokio::task::yield_now().await;
            continue;
        };
        match pinned.submit_waiting(storm.row(Row::of(value)), rows(), call(Class::Job, u64::from(stream))).await {
            Ok(pending) => check(value, pending.await),
            Err(error) => known(&error),
        }
    }
}

/// Drops what it was promised, sometimes before it starts, sometimes after.
async fn canceller(storm: Storm, stream: u32) {
    let bench = &storm.bench;
    for round in 0..ROUNDS {
        let row = if round % 5 == 0 { Row::faulty(Fault::PanicInWrite) } else { Row::of(1.0) };
        let pending = bench.handle().submit(storm.row(row), rows(), call(Class::Interactive, u64::from(stream)));
        if round % 3 == 0 {
            tokio::task::yield_now().await;
        }
        drop(pending);
    }
}

/// Loads, swaps, warms and unloads, with loads, runs and runners that fail.
async fn operator(bench: Arc<Bench>, turn: u32) {
    for round in 0..ROUNDS / 8 {
        match (round + turn) % 6 {
            0 => drop(bench.registry.reload("m").await.unwrap()),
            1 => drop(bench.handle().open().await),
            2 => drop(bench.registry.warm_again("m").await.unwrap()),
            3 => bench.registry.unload("m").await.unwrap(),
            4 => bench.model.fail_run(bench.model.counts().runs + 3, FakeFault::Panic),
            _ => {
                bench.model.fail_load(bench.model.counts().loads + 1, FakeFault::Error(EngineErrorKind::Model));
                drop(bench.registry.load("m").await.unwrap());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_work_and_operations_leaves_nothing_behind() {
    let bench = Arc::new(Bench::with_policy(2, batching(), narrow()));
    bench.handle().open().await.unwrap();
    let storm = Storm { bench: Arc::clone(&bench), held: Arc::new(()) };
    let mut tasks = Vec::new();
    for stream in 0..6 {
        let class = if stream % 2 == 0 { Class::Live } else { Class::Interactive };
        tasks.push(tokio::spawn(submitter(storm.clone(), stream, class)));
        tasks.push(tokio::spawn(producer(storm.clone(), 20 + stream)));
        tasks.push(tokio::spawn(canceller(storm.clone(), 40 + stream)));
    }
    tasks.extend((0..3).map(|turn| tokio::spawn(operator(Arc::clone(&bench), turn * 2))));
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(bench.registry.device_stats().waiting, [0, 0, 0], "everybody has an answer, so nothing waits");
    serves_again(&bench).await;
    bench.registry.unload("m").await.unwrap();
    let counts = bench.model.counts();
    assert_eq!((counts.loaded_alive, counts.runners_alive, counts.running), (0, 0, 0));
    assert_eq!(bench.handle().state().name(), "absent");
    bench.registry.close();
    assert_eq!(Arc::strong_count(&storm.held), 1, "no row is left in a queue, a slot or a channel");
}

/// After the storm the model loads and serves, on both slots.
async fn serves_again(bench: &Bench) {
    // A fault that the storm set may be left over: it costs one attempt.
    for _ in 0..8 {
        if bench.registry.load("m").await.unwrap().is_ok() {
            break;
        }
    }
    assert_eq!(bench.handle().state().name(), "ready");
    let mut served = 0;
    for stream in 0..16 {
        let pending = bench.handle().submit(Row::of(7.0), rows(), call(Class::Interactive, stream)).unwrap();
        served += u32::from(pending.await.is_ok_and(|completed| completed.output == Row::expected(7.0)));
    }
    assert!(served >= 8, "{served} of 16 were served");
    assert_eq!(bench.model.counts().runners_alive, 2, "one runner per slot");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_in_the_middle_of_everything_answers_everybody() {
    for round in 0..10 {
        let bench = Arc::new(Bench::with_policy(2, batching(), narrow()));
        bench.handle().open().await.unwrap();
        let tasks: Vec<_> = (0..12_u32)
            .map(|stream| {
                let bench = Arc::clone(&bench);
                tokio::spawn(async move {
                    for frame in 0..50 {
                        if frame == 5 + round && stream < 3 {
                            drop(bench.registry.reload("m").await);
                        }
                        match bench.handle().submit(Row::of(1.0), rows(), call(Class::ALL[stream as usize % 3], 1)) {
                            Ok(pending) => drop(pending.await),
                            Err(_) => tokio::task::yield_now().await,
                        }
                        drop(bench.handle().open().await);
                    }
                })
            })
            .collect();
        let closing = Arc::clone(&bench);
        tokio::task::spawn_blocking(move || closing.registry.close()).await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(bench.registry.device_stats().waiting, [0, 0, 0]);
        assert_eq!((bench.model.counts().runners_alive, bench.model.counts().running), (0, 0));
    }
}

/// One of everything that can be asked of two models which fit into memory together, but not while one of them is swapped.
async fn anything(house: &House, turn: u32) {
    let registry = &house.registry;
    match turn % 9 {
        0 => drop(registry.load("m").await.unwrap()),
        1 => registry.unload("m").await.unwrap(),
        2 => drop(registry.reload("m").await.unwrap()),
        3 => drop(registry.swap("m", Some(1 + u64::from(turn / 9 % 2))).await.unwrap()),
        4 => registry.clear().await,
        5 => drop(house.handle("other").open().await),
        6 => drop(registry.warm_again("m").await.unwrap()),
        7 => {
            let _hold = house.handle("m").hold();
            drop(house.handle("m").open().await);
        }
        _ => match house.handle("m").submit(Row::of(4.0), rows(), call(Class::Interactive, 1)) {
            Ok(pending) => check(4.0, pending.await),
            Err(error) => known(&error),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_operators_at_once_come_to_an_end_with_one_copy() {
    let folder = tempfile::tempdir().unwrap();
    let versions = [1, 2].map(|number| (folder.path().canonicalize().unwrap().join(number.to_string()), heavy()));
    let source = ModelSource::Versions { folder: folder.path().to_owned(), choice: VersionChoice::Latest { keep: 2 } };
    let specs =
        vec![ModelSpec { source, watch: true, idle_ttl: Some(Duration::from_secs(1)), ..spec("m") }, spec("other")];
    let house = Arc::new(House::new(specs, |options| options.memory_limit = Some(5 * GIB / 2)));
    let copies = |versions: &[(std::path::PathBuf, FakeModel)]| {
        versions.iter().map(|(_, model)| model.counts().loaded_alive).sum::<u64>()
    };
    let beside_max = Arc::new(AtomicU64::new(0));
    for (path, model) in &versions {
        std::fs::create_dir(path).unwrap();
        std::fs::write(path.join("model.onnx"), "graph").unwrap();
        house.engine.put(path.join("model.onnx"), model);
        let (all, beside_max) = (versions.clone(), Arc::clone(&beside_max));
        model.on_load(move |_| {
            beside_max.fetch_max(copies(&all), Ordering::SeqCst);
        });
    }
    // Each of the two is too large for the other's swap.
    soon(house.registry.load("m")).await.unwrap().unwrap();
    soon(house.registry.load("other")).await.unwrap().unwrap();
    soon(house.registry.reload("m")).await.unwrap().unwrap();
    assert_eq!((house.events.count("swapped"), house.events.count("evicted")), (1, 1));
    let operators: Vec<_> = (0..32_u32)
        .map(|operator| {
            let house = Arc::clone(&house);
            tokio::spawn(async move {
                for round in 0..50 {
                    anything(&house, operator * 7 + round).await;
                    // Time passes, so that the keeper has idle models to unload in between.
                    house.hand.advance(Duration::from_millis(100));
                    if round % 10 == operator % 10 {
                        house.registry.look();
                    }
                }
            })
        })
        .collect();
    for operator in operators {
        tokio::time::timeout(Duration::from_secs(60), operator).await.unwrap().unwrap();
    }
    soon(house.registry.load("m")).await.unwrap().unwrap();
    assert_eq!((copies(&versions), house.state("m")), (1, "ready"));
    assert_eq!(beside_max.load(Ordering::SeqCst), 1, "a load found one copy beside it at most, and some did find one");
    assert!(house.models["other"].counts().loaded_alive_max <= 1);
    soon(house.registry.clear()).await;
    let runners: u64 = versions.iter().map(|(_, model)| model.counts().runners_alive).sum();
    assert_eq!((copies(&versions), runners, house.alive(), house.registry.memory().held_bytes), (0, 0, 0, 0));
}
