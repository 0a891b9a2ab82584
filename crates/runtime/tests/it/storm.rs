//! Everything at once, a bounded number of rounds: whatever is accepted ends once, and nothing is left behind.

use crate::support::{Bench, Fault, Row, call, rows, spec};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::FakeFault;
use samovar_runtime::{
    Class, Completed, InputRow, ModelSpec, OutputRow, RunError, RunErrorKind, Scratch, Task, TaskError,
};
use samovar_schedule::{ClassPolicy, QueuePolicy, WhenFull};
use std::sync::Arc;
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
