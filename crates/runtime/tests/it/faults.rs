//! Faults where few look for them: panics outside the engine's run, runners that cannot be made, models that go while
//! others come. Each costs what it hit; nobody waits for ever.

use crate::support::{Bench, Counter, FEATURES, Row, call, rows, spec};
use samovar_engine_api::{
    Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Runner, RunnerOptions,
    Signature,
};
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Gate};
use samovar_runtime::{
    Class, DeviceOptions, Event, InputRow, Observer, OutputRow, Registry, RegistryOptions, RunErrorKind, Scratch, Task,
    TaskError,
};
use std::sync::Arc;
use std::time::Duration;

/// Fails a test that waits for something that does not come; nothing is measured by it.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(15), what).await.unwrap()
}

/// Lets others run until `reached`.
async fn until(reached: impl Fn() -> bool) {
    soon(async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_panics_while_it_makes_a_runner_costs_that_load() {
    let bench = Bench::new(2, spec("m"));
    bench.model.fail_every_runner(Some(FakeFault::Panic));
    assert!(soon(bench.handle().open()).await.is_err());
    bench.model.fail_every_runner(None);
    soon(bench.registry.load("m")).await.unwrap().unwrap();
    let answer = bench.handle().submit(Row::of(2.0), rows(), call(Class::Live, 1)).unwrap();
    assert_eq!(soon(answer).await.unwrap().output, Row::expected(2.0));
}

#[tokio::test]
async fn a_slot_that_lost_its_runner_makes_another_when_it_can() {
    let bench = Bench::warm(1, spec("m")).await;
    let submit = || soon(bench.handle().submit(Row::of(3.0), rows(), call(Class::Interactive, 1)).unwrap());
    bench.model.fail_run(bench.model.counts().runs + 1, FakeFault::Error(EngineErrorKind::Run));
    bench.model.fail_every_runner(Some(FakeFault::Error(EngineErrorKind::Run)));
    for _ in 0..2 {
        assert_eq!(submit().await.unwrap_err().kind(), RunErrorKind::Internal);
    }
    bench.model.fail_every_runner(None);
    assert_eq!(submit().await.unwrap().output, Row::expected(3.0));
    assert_eq!(bench.model.counts().runners_alive, 1);
}

#[tokio::test]
async fn a_runner_whose_warm_up_failed_serves_nobody() {
    let bench = Bench::warm(1, spec("m")).await;
    for (fault, made) in [(FakeFault::Error(EngineErrorKind::Run), 2), (FakeFault::Panic, 3)] {
        bench.model.fail_run(bench.model.counts().runs + 1, fault);
        assert!(soon(bench.registry.warm_again("m")).await.unwrap().is_err());
        let answer = bench.handle().submit(Row::of(3.0), rows(), call(Class::Interactive, 1)).unwrap();
        assert_eq!(soon(answer).await.unwrap().output, Row::expected(3.0));
        let counts = bench.model.counts();
        assert_eq!((counts.runners, counts.runners_alive), (made, 1), "what a failed run leaves behind is not trusted");
    }
}

#[tokio::test]
async fn a_runner_that_takes_a_lost_ones_place_has_run_before_it_serves() {
    let bench = Bench::warm(1, spec("m")).await;
    for fault in [FakeFault::Error(EngineErrorKind::Run), FakeFault::Panic] {
        let submit = |value| soon(bench.handle().submit(Row::of(value), rows(), call(Class::Interactive, 1)).unwrap());
        let runs = bench.model.counts().runs;
        bench.model.fail_run(runs + 1, fault);
        assert!(submit(1.0).await.is_err());
        until(|| bench.model.counts().runs == runs + 2).await;
        assert_eq!(submit(3.0).await.unwrap().output, Row::expected(3.0));
        assert_eq!(bench.model.counts().runs, runs + 3, "the failed run, one of representative input, the served one");
    }
    assert_eq!(bench.events.count("warmed_up"), 1, "it is no warm-up of the model");
}

/// A task whose memory cannot even be given back.
struct Cursed;

impl Drop for Cursed {
    fn drop(&mut self) {
        panic!("as told");
    }
}

impl Task for Cursed {
    type Output = ();

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        row.slice::<f32>(0)?.fill(0.0);
        Ok(())
    }

    fn read(&mut self, _row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_panic_beside_the_row_does_not_end_the_slot() {
    let bench = Bench::warm(1, spec("m")).await;
    for _ in 0..3 {
        let cursed = bench.handle().submit(Cursed, rows(), call(Class::Interactive, 1)).unwrap();
        drop(soon(cursed).await);
    }
    let good = bench.handle().submit(Row::of(1.0), rows(), call(Class::Interactive, 1)).unwrap();
    assert_eq!(soon(good).await.unwrap().output, Row::expected(1.0));
    soon(bench.registry.unload("m")).await.unwrap();
    assert_eq!(bench.model.counts().runners_alive, 0);
}

#[tokio::test]
async fn late_work_is_still_told_of_after_a_panic_over_late_work() {
    let bench = Bench::warm(1, spec("m")).await;
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let busy = bench.handle().submit(Row::of(1.0), rows(), call(Class::Job, 1)).unwrap();
    gate.wait_for(1);
    let soon_late = |stream| call(Class::Interactive, stream).within(Duration::from_millis(5));
    for stream in 2..5 {
        let cursed = bench.handle().submit(Cursed, rows(), soon_late(stream)).unwrap();
        assert_eq!(soon(cursed).await.unwrap_err().kind(), RunErrorKind::DeadlineExceeded);
        let late = bench.handle().submit(Row::of(2.0), rows(), soon_late(stream)).unwrap();
        assert_eq!(soon(late).await.unwrap_err().kind(), RunErrorKind::DeadlineExceeded);
    }
    gate.open();
    soon(busy).await.unwrap();
}

/// Breaks its promise not to panic at every event.
struct Clumsy;

impl Observer for Clumsy {
    fn observe(&self, _event: &Event<'_>) {
        panic!("as told");
    }
}

#[tokio::test]
async fn an_observer_that_panics_costs_nothing_but_its_events() {
    let model = FakeModel::rows(FEATURES);
    let engine = Arc::new(FakeEngine::new().with("m", &model));
    let options = RegistryOptions { observer: Arc::new(Clumsy), ..RegistryOptions::new(vec![engine]) };
    let registry = Registry::start(options, vec![spec("m")]).unwrap();
    soon(registry.load("m")).await.unwrap().unwrap();
    soon(registry.reload("m")).await.unwrap().unwrap();
    soon(registry.warm_again("m")).await.unwrap().unwrap();
    let handle = registry.model("m").unwrap();
    let answer = handle.submit(Row::of(1.0), rows(), call(Class::Interactive, 1)).unwrap();
    assert_eq!(soon(answer).await.unwrap().output, Row::expected(1.0));
    soon(registry.unload("m")).await.unwrap();
    let counts = model.counts();
    assert_eq!((handle.state().name(), counts.loaded_alive, counts.runners_alive), ("absent", 0, 0));
}

/// An engine whose weights panic when they are to go.
struct Sticky(FakeEngine);

struct StickyModel(Arc<dyn LoadedModel>);

impl Engine for Sticky {
    fn info(&self) -> EngineInfo {
        self.0.info()
    }

    fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError> {
        self.0.inspect(files)
    }

    fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError> {
        Ok(Arc::new(StickyModel(self.0.load(files, options)?)))
    }
}

impl LoadedModel for StickyModel {
    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn weights_bytes(&self) -> u64 {
        self.0.weights_bytes()
    }

    fn runner(&self, options: &RunnerOptions) -> Result<Box<dyn Runner>, EngineError> {
        self.0.runner(options)
    }
}

impl Drop for StickyModel {
    fn drop(&mut self) {
        panic!("as told");
    }
}

#[tokio::test]
async fn weights_that_panic_when_they_go_leave_no_runner_and_no_figure_behind() {
    let model = FakeModel::rows(FEATURES);
    let engine = Arc::new(Sticky(FakeEngine::new().with("m", &model)));
    let registry = Registry::start(RegistryOptions::new(vec![engine]), vec![spec("m")]).unwrap();
    soon(registry.load("m")).await.unwrap().unwrap();
    soon(registry.reload("m")).await.unwrap().unwrap();
    assert_eq!(registry.model("m").unwrap().state().name(), "ready");
    soon(registry.unload("m")).await.unwrap();
    let counts = model.counts();
    assert_eq!((counts.runners_alive, counts.loaded_alive, registry.memory().held_bytes), (0, 0, 0));
    assert_eq!(registry.model("m").unwrap().state().name(), "absent");
}

#[tokio::test]
async fn a_load_that_cannot_be_started_any_more_keeps_nobody_waiting() {
    let bench = Bench::new(1, spec("m"));
    bench.registry.close();
    for _ in 0..2 {
        assert!(soon(bench.handle().open()).await.is_err());
    }
    assert_eq!(bench.handle().state().name(), "failed");
}

#[tokio::test]
async fn a_model_that_is_on_its_way_out_is_loaded_again_by_whoever_opens_it() {
    let bench = Arc::new(Bench::warm(1, spec("m")).await);
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let accepted = bench.handle().submit(Row::of(5.0), rows(), call(Class::Interactive, 1)).unwrap();
    gate.wait_for(1);
    let unloading = tokio::spawn({
        let bench = Arc::clone(&bench);
        async move { bench.registry.unload("m").await }
    });
    until(|| bench.handle().state().name() == "draining").await;
    let handle = bench.handle();
    let opening = tokio::spawn(async move { handle.open().await });
    tokio::task::yield_now().await;
    gate.open();
    assert_eq!(soon(opening).await.unwrap().unwrap().generation().number, 2);
    unloading.await.unwrap().unwrap();
    assert_eq!(accepted.await.unwrap().output, Row::expected(5.0));
}

#[tokio::test]
async fn a_warm_up_that_failed_in_one_slot_ends_in_the_others() {
    let bench = Arc::new(Bench::new(2, spec("m")));
    let gate = Gate::closed();
    // Not before the other slot is in its first run: one that has not begun when the load fails makes no runner at all.
    let other = gate.clone();
    bench.model.on_run(move |_| {
        if std::thread::current().name() == Some("slot-0") {
            other.wait_for(1);
            panic!("as told");
        }
    });
    bench.model.hold_runs(&gate);
    let handle = bench.handle();
    let opening = tokio::spawn(async move { handle.open().await });
    until(|| gate.waiting() == 1 && bench.model.counts().loaded_alive == 0).await;
    gate.open();
    assert!(soon(opening).await.unwrap().is_err());
    assert_eq!(bench.model.counts().runs, 2, "no run was made for a load that had failed");
}

#[tokio::test]
async fn a_model_that_warms_up_does_not_keep_another_in_memory() {
    let (slow, other) = (FakeModel::rows(FEATURES), FakeModel::rows(FEATURES));
    let engine = Arc::new(FakeEngine::new().with("slow", &slow).with("other", &other));
    let options = RegistryOptions {
        device: DeviceOptions { slots: 1, ..DeviceOptions::default() },
        observer: Arc::new(Counter::default()),
        ..RegistryOptions::new(vec![engine])
    };
    let registry = Arc::new(Registry::start(options, vec![spec("slow"), spec("other")]).unwrap());
    registry.load("other").await.unwrap().unwrap();
    let gate = Gate::closed();
    slow.hold_runs(&gate);
    let handle = registry.model("slow").unwrap();
    let opening = tokio::spawn(async move { handle.open().await });
    until(|| gate.waiting() == 1).await;
    let unloading = tokio::spawn({
        let registry = Arc::clone(&registry);
        async move { registry.unload("other").await }
    });
    while !unloading.is_finished() && slow.counts().runs < 6 {
        let runs = slow.counts().runs;
        tokio::time::sleep(Duration::from_millis(20)).await;
        gate.let_through(1);
        until(|| slow.counts().runs > runs).await;
    }
    until(|| unloading.is_finished()).await;
    assert_eq!((other.counts().runners_alive, registry.model("slow").unwrap().state().name()), (0, "warming"));
    gate.open();
    soon(opening).await.unwrap().unwrap();
}
