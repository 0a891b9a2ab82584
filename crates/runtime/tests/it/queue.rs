//! Overflow, deadlines, cancelling, closing: what is accepted ends exactly once.

use crate::support::{Bench, Row, call, rows, spec};
use samovar_engines::Gate;
use samovar_runtime::{Call, Class, RunErrorKind, StreamKey};
use samovar_schedule::{ClassPolicy, QueuePolicy, WhenFull};
use std::time::{Duration, Instant};

/// A warm bench of one slot that is held at the gate by a first piece of work.
async fn held(policy: QueuePolicy) -> (Bench, Gate, impl Future<Output = ()>) {
    let bench = Bench::with_policy(1, spec("m"), policy);
    bench.handle().open().await.unwrap();
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let plug = bench.handle().submit(Row::of(0.0), rows(), call(Class::Interactive, 1000)).unwrap();
    gate.wait_for(1);
    (bench, gate, async move { drop(plug.await.unwrap()) })
}

#[tokio::test]
async fn the_latest_frame_of_a_live_stream_wins() {
    let (bench, gate, plug) = held(QueuePolicy::default()).await;
    let frames: Vec<_> =
        (0..5).map(|i| bench.handle().submit(Row::of(i as f32), rows(), call(Class::Live, 7)).unwrap()).collect();
    let other = bench.handle().submit(Row::of(9.0), rows(), call(Class::Live, 8)).unwrap();
    gate.open();
    plug.await;
    let mut outcomes = Vec::new();
    for frame in frames {
        outcomes.push(frame.await.map(|completed| completed.output).map_err(|error| error.kind()));
    }
    assert!(outcomes[..4].iter().all(|outcome| *outcome == Err(RunErrorKind::Displaced)));
    assert_eq!(outcomes[4], Ok(Row::expected(4.0)));
    assert_eq!(other.await.unwrap().output, Row::expected(9.0), "another stream's frame is not touched");
    assert_eq!(bench.events.count("dropped displaced"), 4);
}

#[tokio::test]
async fn a_full_queue_refuses_requests_with_a_time_to_come_back() {
    let interactive = ClassPolicy { capacity: 3, wait_max: Duration::from_secs(60), when_full: WhenFull::Refuse };
    let (bench, gate, plug) = held(QueuePolicy { interactive, ..QueuePolicy::default() }).await;
    let submit = |i: u64| bench.handle().submit(Row::of(i as f32), rows(), call(Class::Interactive, i));
    let accepted: Vec<_> = (0..3).map(|i| submit(i).unwrap()).collect();
    let refused = submit(3).err().unwrap();
    assert!(matches!(refused.kind(), RunErrorKind::QueueFull { retry_after } if !retry_after.is_zero()));
    gate.open();
    plug.await;
    for (i, pending) in accepted.into_iter().enumerate() {
        assert_eq!(pending.await.unwrap().output, Row::expected(i as f32));
    }
    assert_eq!(bench.events.count("dropped refused"), 1);
}

#[tokio::test]
async fn a_producer_of_jobs_waits_for_a_place() {
    let job = ClassPolicy { capacity: 2, wait_max: Duration::from_secs(60), when_full: WhenFull::ProducerWaits };
    let (bench, gate, plug) = held(QueuePolicy { job, ..QueuePolicy::default() }).await;
    let handle = bench.handle();
    let producer = tokio::spawn(async move {
        let mut pending = Vec::new();
        for i in 0..20 {
            pending.push(
                handle.pin().unwrap().submit_waiting(Row::of(i as f32), rows(), call(Class::Job, 1)).await.unwrap(),
            );
        }
        for (i, pending) in pending.into_iter().enumerate() {
            assert_eq!(pending.await.unwrap().output, Row::expected(i as f32));
        }
    });
    while bench.registry.device_stats().waiting[2] < 2 {
        tokio::task::yield_now().await;
    }
    gate.open();
    plug.await;
    producer.await.unwrap();
}

#[tokio::test]
async fn a_request_is_served_though_live_streams_fill_the_device() {
    let (bench, hand) = Bench::in_virtual_time(1, spec("m"));
    bench.handle().open().await.unwrap();
    let gate = Gate::closed();
    bench.model.on_run(move |_| hand.advance(Duration::from_millis(10)));
    bench.model.hold_runs(&gate);
    let plug = bench.handle().submit(Row::of(0.0), rows(), call(Class::Live, 1000)).unwrap();
    gate.wait_for(1);
    let submit = |class, stream| bench.handle().submit(Row::of(1.0), rows(), call(class, stream)).unwrap();
    let frames: Vec<_> = (0..40).map(|stream| submit(Class::Live, stream)).collect();
    let request = submit(Class::Interactive, 1);
    gate.open();
    plug.await.unwrap();
    let queued = request.await.unwrap().timings.queued;
    assert!(queued <= Duration::from_millis(50), "at most four of forty frames went before it: {queued:?}");
    for frame in frames {
        frame.await.unwrap();
    }
}

#[tokio::test]
async fn work_past_its_deadline_is_never_started() {
    let (bench, gate, plug) = held(QueuePolicy::default()).await;
    let runs = bench.model.counts().runs;
    let late = Call { deadline: Some(Instant::now()), ..Call::new(Class::Interactive, StreamKey(1)) };
    let refused = bench.handle().submit(Row::of(1.0), rows(), late);
    let soon = Call::new(Class::Interactive, StreamKey(2)).within(Duration::from_millis(30));
    let expired = bench.handle().submit(Row::of(2.0), rows(), soon).unwrap();
    let error = expired.await.unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::DeadlineExceeded, "told while the slot is still busy");
    match refused {
        Err(error) => assert_eq!(error.kind(), RunErrorKind::DeadlineExceeded),
        Ok(pending) => assert_eq!(pending.await.unwrap_err().kind(), RunErrorKind::DeadlineExceeded),
    }
    gate.open();
    plug.await;
    bench.registry.close();
    assert_eq!(bench.model.counts().runs, runs);
}

#[tokio::test]
async fn work_whose_caller_has_gone_is_never_started() {
    let (bench, gate, plug) = held(QueuePolicy::default()).await;
    let runs = bench.model.counts().runs;
    for i in 0..10 {
        drop(bench.handle().submit(Row::of(1.0), rows(), call(Class::Interactive, i)).unwrap());
    }
    assert_eq!(bench.registry.device_stats().waiting, [0, 0, 0]);
    assert_eq!(bench.events.count("dropped cancelled"), 10);
    gate.open();
    plug.await;
    bench.registry.close();
    assert_eq!(bench.model.counts().runs, runs);
}

#[tokio::test]
async fn closing_finishes_what_was_accepted() {
    let (bench, gate, plug) = held(QueuePolicy::default()).await;
    let accepted: Vec<_> = (0..6)
        .map(|i| bench.handle().submit(Row::of(i as f32), rows(), call(Class::Interactive, i)).unwrap())
        .collect();
    let registry = std::sync::Arc::new(bench);
    let closing = {
        let bench = std::sync::Arc::clone(&registry);
        tokio::task::spawn_blocking(move || bench.registry.close())
    };
    gate.open();
    plug.await;
    closing.await.unwrap();
    for (i, pending) in accepted.into_iter().enumerate() {
        assert_eq!(pending.await.unwrap().output, Row::expected(i as f32));
    }
}
