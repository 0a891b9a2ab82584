//! What slots do with work: equal results alone and together, and faults that cost one piece of work.

use crate::support::{Bench, Fault, Row, call, rows, spec};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_runtime::{Class, ModelSpec, RunErrorKind};
use std::time::Duration;

fn batching(size: usize) -> ModelSpec {
    ModelSpec { batch_max: Some(size), batch_delay: Duration::from_millis(50), ..spec("m") }
}

/// Holds the only slot at a gate while `fill` queues work behind it, so that the work meets in one batch.
async fn together<T>(bench: &Bench, fill: impl FnOnce() -> T) -> T {
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let plug = bench.handle().submit(Row::of(0.0), rows(), call(Class::Interactive, 99)).unwrap();
    gate.wait_for(1);
    let filled = fill();
    gate.open();
    plug.await.unwrap();
    filled
}

#[tokio::test]
async fn rows_of_one_batch_get_what_each_gets_alone() {
    let bench = Bench::warm(1, batching(8)).await;
    let pending = together(&bench, || {
        let submit = |i: u32| bench.handle().submit(Row::of(i as f32), rows(), call(Class::Interactive, u64::from(i)));
        (0..8).map(|i| submit(i).unwrap()).collect::<Vec<_>>()
    })
    .await;
    for (i, pending) in pending.into_iter().enumerate() {
        let completed = pending.await.unwrap();
        assert_eq!(completed.output, Row::expected(i as f32));
        assert_eq!(completed.timings.batch_rows, 8);
    }
    assert_eq!(bench.events.count("batch of 8"), 1);
}

#[tokio::test]
async fn a_bad_row_leaves_its_batch_mates_alone() {
    let bench = Bench::warm(1, batching(4)).await;
    let (good, bad, broken, unreadable) = together(&bench, || {
        let submit = |row, stream| bench.handle().submit(row, rows(), call(Class::Interactive, stream)).unwrap();
        (
            submit(Row::of(1.0), 1),
            submit(Row::faulty(Fault::BadInput), 2),
            submit(Row::faulty(Fault::PanicInWrite), 3),
            submit(Row::faulty(Fault::PanicInRead), 4),
        )
    })
    .await;
    assert_eq!(good.await.unwrap().output, Row::expected(1.0));
    assert_eq!(bad.await.unwrap_err().kind(), RunErrorKind::Input { code: "bad_row" });
    assert_eq!(broken.await.unwrap_err().kind(), RunErrorKind::Internal);
    assert_eq!(unreadable.await.unwrap_err().kind(), RunErrorKind::Internal);
    assert_eq!(bench.events.count("panicked"), 2);
}

#[tokio::test]
async fn batch_mates_of_a_failed_run_get_one_try_of_their_own() {
    for fault in [FakeFault::Error(EngineErrorKind::Run), FakeFault::Panic] {
        let bench = Bench::warm(1, batching(2)).await;
        let next = bench.model.counts().runs + 2;
        bench.model.fail_run(next, fault);
        let pending = together(&bench, || {
            [1.0, 2.0].map(|v| bench.handle().submit(Row::of(v), rows(), call(Class::Interactive, v as u64)).unwrap())
        })
        .await;
        let [first, second] = pending;
        assert_eq!(first.await.unwrap().output, Row::expected(1.0));
        assert_eq!(second.await.unwrap().output, Row::expected(2.0));
        assert_eq!(bench.events.count("run_failed"), 1);
        assert_eq!(bench.model.counts().runners_alive, 1, "a fresh runner took the failed one's place");
    }
}

#[tokio::test]
async fn a_run_that_fails_costs_its_own_call_and_nothing_after_it() {
    let bench = Bench::warm(1, spec("m")).await;
    bench.model.fail_run(bench.model.counts().runs + 1, FakeFault::Panic);
    let failed = bench.handle().submit(Row::of(1.0), rows(), call(Class::Interactive, 1)).unwrap().await.unwrap_err();
    assert_eq!(failed.kind(), RunErrorKind::Internal);
    let next = bench.handle().submit(Row::of(2.0), rows(), call(Class::Interactive, 1)).unwrap().await.unwrap();
    assert_eq!(next.output, Row::expected(2.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_streams_at_once_get_what_each_gets_alone() {
    let bench = std::sync::Arc::new(Bench::warm(2, batching(4)).await);
    let streams: Vec<_> = (0..16_u32)
        .map(|stream| {
            let bench = std::sync::Arc::clone(&bench);
            tokio::spawn(async move {
                for frame in 0..50_u32 {
                    let value = (stream * 1000 + frame) as f32;
                    let pending =
                        bench.handle().submit(Row::of(value), rows(), call(Class::Interactive, u64::from(stream)));
                    assert_eq!(pending.unwrap().await.unwrap().output, Row::expected(value));
                }
            })
        })
        .collect();
    for stream in streams {
        stream.await.unwrap();
    }
    assert_eq!(bench.model.counts().loads, 1);
    assert!(bench.model.counts().running_max <= 2, "no more runs at once than slots");
}

#[tokio::test]
async fn a_thread_outside_async_code_can_wait_for_its_result() {
    let bench = Bench::warm(1, spec("m")).await;
    let pending = bench.handle().submit(Row::of(3.0), rows(), call(Class::Job, 1)).unwrap();
    let output = tokio::task::spawn_blocking(move || pending.wait().unwrap().output).await.unwrap();
    assert_eq!(output, Row::expected(3.0));
}
