//! A model that has become slow is warmed again, once, in the background, and nobody loses a result by it. Time is virtual.

use crate::support::{Bench, Row, call, rows, spec};
use samovar_runtime::{Class, ManualClock, ModelSpec};
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
    async fn warm(slots: usize, spec: ModelSpec) -> Self {
        let (bench, hand) = Bench::in_virtual_time(slots, spec);
        let run_ms = Arc::new(AtomicU64::new(10));
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

    /// Lets the keeper look, and the warm-up that it starts come to its end.
    async fn look(&self) {
        let warm_ups = self.bench.events.count("warmed_up");
        let drifts = self.bench.events.count("drift_rewarm");
        self.bench.registry.look();
        // Whatever the look has started holds the model: this load comes behind it.
        self.bench.registry.load("m").await.unwrap().unwrap();
        let begun = self.bench.events.count("drift_rewarm") - drifts;
        assert!(self.bench.events.count("warmed_up") >= warm_ups + begun);
    }

    /// How often drift has set a warm-up off. The keeper looks by itself, too: whatever it has begun is waited for.
    async fn rewarms(&self) -> u64 {
        for _ in 0..1000 {
            self.look().await;
            if self.bench.events.count("warmed_up") == 1 + self.bench.events.count("drift_rewarm") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.bench.events.count("drift_rewarm")
    }
}

#[tokio::test]
async fn a_slow_down_is_answered_by_one_warm_up_and_not_ten() {
    let slow = Slow::warm(1, spec("m")).await;
    slow.takes(30);
    for _ in 0..10 {
        slow.serve(ENOUGH).await;
        slow.look().await;
    }
    assert_eq!(slow.rewarms().await, 1);
    slow.hand.advance(Duration::from_secs(600));
    slow.serve(ENOUGH).await;
    assert_eq!(slow.rewarms().await, 2, "ten minutes later it is still slow");
    slow.takes(10);
    slow.hand.advance(Duration::from_secs(6000));
    slow.serve(ENOUGH * 10).await;
    assert_eq!(slow.rewarms().await, 2, "it has recovered");
}

#[tokio::test]
async fn noise_and_outliers_are_no_drift() {
    let slow = Slow::warm(1, spec("m")).await;
    for round in 0..ENOUGH {
        slow.takes(if round % 3 == 0 { 200 } else { 10 + round as u64 % 5 });
        slow.serve(5).await;
    }
    assert_eq!(slow.rewarms().await, 0);
}

#[tokio::test]
async fn a_forced_warm_up_of_a_slow_model_makes_that_the_measure_and_updates_its_figures() {
    let slow = Slow::warm(1, spec("m")).await;
    let generation = slow.bench.handle().generation().unwrap();
    assert_eq!(generation.figures().settled_run, Duration::from_millis(10));
    slow.takes(30);
    slow.bench.registry.warm_again("m").await.unwrap().unwrap();
    let figures = generation.figures();
    assert_eq!((figures.first_run, figures.settled_run), (Duration::from_millis(30), Duration::from_millis(30)));
    assert_eq!(generation.settled_runs()[0].run, Duration::from_millis(30));
    slow.serve(ENOUGH * 3).await;
    slow.look().await;
    assert_eq!(slow.bench.events.count("drift_rewarm"), 0);
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
    let slow = Slow::warm(2, spec("m")).await;
    // Two slots move the same clock: even so no run is seen to take half as long again.
    slow.takes(100);
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
    assert_eq!(slow.rewarms().await, 1);
    assert_eq!(slow.bench.events.count("run_failed") + slow.bench.events.count("panicked"), 0);
}
