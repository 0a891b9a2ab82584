//! A model that has become slow is warmed again, once, in the background, and nobody loses a result by it. Time is virtual.

use crate::support::{Bench, Row, call, rows, spec};
use samovar_engines::Gate;
use samovar_runtime::{Class, ManualClock, ModelSpec, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Runs until a slow model is known to have drifted, and some to spare.
const ENOUGH: usize = 32 * 3 + 4;

/// A warm model whose runs take as long as the test says.
struct Slow {
    bench: Arc<Bench>,
    hand: ManualClock,
    run_ms: Arc<AtomicU64>,
}

impl Slow {
    async fn warm(slots: usize, spec: ModelSpec, run_ms: u64) -> Self {
        let (bench, hand) = Bench::in_virtual_time(slots, spec);
        let run_ms = Arc::new(AtomicU64::new(run_ms));
        let (clock, time) = (hand.clone(), Arc::clone(&run_ms));
        bench.model.on_run(move |_| clock.advance(Duration::from_millis(time.load(Ordering::SeqCst))));
        bench.handle().open().await.unwrap();
        Self { bench: Arc::new(bench), hand, run_ms }
    }

    fn takes(&self, run_ms: u64) {
        self.run_ms.store(run_ms, Ordering::SeqCst);
    }

    /// Serves one row after the other.
    async fn serve(&self, runs: usize) {
        for number in 0..runs {
            let pending = self.bench.handle().submit(Row::of(number as f32), rows(), call(Class::Interactive, 1));
            assert_eq!(pending.unwrap().await.unwrap().output, Row::expected(number as f32));
        }
    }

    /// Waits until drift has set `count` warm-ups off and they are through.
    async fn until_rewarmed(&self, count: u64) {
        let events = &self.bench.events;
        let through = async {
            while events.count("drift_rewarm") < count || events.count("warmed_up") < 1 + count {
                self.bench.registry.look();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), through).await.unwrap();
    }

    /// How many warm-ups drift has set off in all: whatever is due is begun, and what is begun is ended first.
    fn rewarms_in_the_end(&self) -> u64 {
        self.bench.registry.look();
        self.bench.registry.close();
        self.bench.events.count("drift_rewarm")
    }
}

#[tokio::test]
async fn a_slow_down_is_answered_by_one_warm_up_and_not_ten() {
    let slow = Slow::warm(1, spec("m"), 10).await;
    slow.takes(30);
    slow.serve(ENOUGH).await;
    slow.until_rewarmed(1).await;
    slow.serve(ENOUGH * 10).await;
    slow.hand.advance(Duration::from_secs(600));
    slow.serve(ENOUGH).await;
    slow.until_rewarmed(2).await;
    slow.takes(10);
    slow.hand.advance(Duration::from_secs(6000));
    slow.serve(ENOUGH * 10).await;
    assert_eq!(slow.rewarms_in_the_end(), 2, "one, one more after ten minutes, and none since it has recovered");
}

#[tokio::test]
async fn noise_and_outliers_are_no_drift() {
    let slow = Slow::warm(1, spec("m"), 10).await;
    for round in 0..ENOUGH {
        slow.takes(if round % 3 == 0 { 200 } else { 10 + round as u64 % 5 });
        slow.serve(5).await;
    }
    assert_eq!(slow.rewarms_in_the_end(), 0);
}

#[tokio::test]
async fn a_forced_warm_up_of_a_slow_model_makes_that_the_measure_and_updates_its_figures() {
    let slow = Slow::warm(1, spec("m"), 10).await;
    let generation = slow.bench.handle().generation().unwrap();
    assert_eq!(generation.figures().settled_run, Duration::from_millis(10));
    slow.takes(30);
    slow.bench.registry.warm_again("m").await.unwrap().unwrap();
    let figures = generation.figures();
    assert_eq!((figures.first_run, figures.settled_run), (Duration::from_millis(30), Duration::from_millis(30)));
    assert_eq!(generation.settled_runs()[0].run, Duration::from_millis(30));
    slow.serve(ENOUGH * 3).await;
    assert_eq!(slow.rewarms_in_the_end(), 0);
}

#[tokio::test]
async fn every_batch_size_of_the_plan_is_warmed_and_measured() {
    let batching = ModelSpec { batch_max: Some(6), ..spec("m") };
    let (bench, hand) = Bench::in_virtual_time(1, batching);
    let clock = hand.clone();
    bench.model.on_run(move |run| clock.advance(Duration::from_millis(10 * run.rows as u64)));
    bench.handle().open().await.unwrap();
    let generation = bench.handle().generation().unwrap();
    let settled: Vec<_> =
        generation.settled_runs().iter().map(|settled| (settled.rows, settled.run.as_millis())).collect();
    assert_eq!(settled, [(1, 10), (2, 20), (4, 40), (6, 60)]);
    let figures = generation.figures();
    assert_eq!(figures.warm_up_runs, 3 + 2 + 2 + 2, "further sizes settle faster");
    assert!(figures.peak_bytes >= figures.memory_bytes && figures.memory_bytes > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_up_for_drift_in_the_midst_of_traffic_loses_nothing() {
    let slow = Slow::warm(2, spec("m"), 1).await;
    // All runs together stay below the waiting limit of a request: none can be late in virtual time.
    slow.takes(8);
    let streams: Vec<_> = (0..8_u64)
        .map(|stream| {
            let bench = Arc::clone(&slow.bench);
            tokio::spawn(async move {
                for frame in 0..100_u64 {
                    let value = (stream * 1000 + frame) as f32;
                    let pending = bench.handle().submit(Row::of(value), rows(), call(Class::Interactive, stream));
                    assert_eq!(pending.unwrap().await.unwrap().output, Row::expected(value));
                    if frame % 10 == 0 {
                        bench.registry.look();
                    }
                }
            })
        })
        .collect();
    for stream in streams {
        stream.await.unwrap();
    }
    slow.until_rewarmed(1).await;
    assert_eq!(slow.rewarms_in_the_end(), 1);
    assert_eq!(slow.bench.events.count("run_failed") + slow.bench.events.count("panicked"), 0);
}

#[tokio::test]
async fn a_drift_is_of_one_generation_and_brings_no_other_back() {
    let slow = Slow::warm(1, spec("m"), 10).await;
    let gate = Gate::closed();
    slow.bench.model.hold_loads(&gate);
    let reloading = operate(&slow.bench, async |registry| drop(registry.reload("m").await));
    while gate.waiting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    slow.takes(30);
    slow.serve(ENOUGH).await;
    // The keeper starts a warm-up, which waits for the reload to end, and so does whoever wants the model gone.
    slow.bench.registry.look();
    let unloading = operate(&slow.bench, async |registry| registry.unload("m").await.unwrap());
    tokio::task::yield_now().await;
    gate.open();
    for operation in [reloading, unloading] {
        tokio::time::timeout(Duration::from_secs(15), operation).await.unwrap().unwrap();
    }
    assert_eq!(slow.rewarms_in_the_end(), 0, "what was slow is gone");
    assert_eq!((slow.bench.events.count("warmed_up"), slow.bench.handle().state().name()), (2, "absent"));
}

fn operate(bench: &Arc<Bench>, operation: impl AsyncFnOnce(&Registry) + Send + 'static) -> tokio::task::JoinHandle<()> {
    let bench = Arc::clone(bench);
    tokio::task::spawn_blocking(move || tokio::runtime::Handle::current().block_on(operation(&bench.registry)))
}
