//! One slot's thread: takes batches, writes their rows, runs the engine, reads the rows; obeys orders in between.

use crate::device::{AtWork, Device, Duty, Order};
use crate::errand::Kit;
use crate::event::Event;
use crate::generation::Generation;
use crate::unqueued::dropped_error;
use crate::warming::{Warming, install_error, new_runner, report};
use crate::work::Work;
use crate::{DropReason, InputRow, OutputRow, RowShapes, RunError, RunErrorKind, Scratch, TaskError, Timings};
use samovar_engine_api::{EngineError, EngineErrorKind, Runner};
use samovar_schedule::{Batch, Class, Moment};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// A slot: owned by its thread, shared with nobody.
pub(crate) struct Slot {
    pub(crate) device: Arc<Device>,
    index: usize,
    pub(crate) kit: Kit,
    pub(crate) warming: Option<Warming>,
}

/// One row on its way through a slot.
struct Row {
    work: Work,
    /// From when on it is too late to start.
    limit: Moment,
    timings: Timings,
}

/// Where the time of one batch went.
#[derive(Clone, Copy, Default)]
struct BatchTimes {
    wrote: Duration,
    ran: Duration,
    read: Duration,
}

impl Slot {
    pub(crate) fn new(device: Arc<Device>, index: usize) -> Self {
        Self::with(device, index, Kit::default())
    }

    pub(crate) const fn with(device: Arc<Device>, index: usize, kit: Kit) -> Self {
        Self { device, index, kit, warming: None }
    }

    /// Serves until the device closes. Work and warm-up runs take turns, so that neither starves the other. A panic that
    /// nobody below caught costs what was in hand; the slot goes on.
    pub(crate) fn serve(mut self) {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => self.recover(),
            }
        }
    }

    /// After a panic that nobody below caught.
    pub(crate) fn recover(&mut self) {
        tracing::error!(slot = self.index, "a panic reached the slot; it goes on");
        self.kit.scratch = Scratch::default();
    }

    /// One run of the warm-up and one duty; tells whether there is more to come.
    fn turn(&mut self) -> bool {
        self.warm_one_run();
        match self.device.next_duty(self.index, self.warming.is_some(), &mut self.kit) {
            Duty::Run(batch, at_work) => self.run(batch, at_work),
            Duty::Obey(order) => self.obey(order),
            Duty::Idle => {}
            Duty::Stop => return false,
        }
        true
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::WarmUp { generation, done } => match self.take_runner(&generation) {
                Ok(runner) => {
                    self.kit.runners.insert(generation.key, runner);
                    self.begin_warm_up(generation, done);
                }
                Err(error) => report(&done, Err(install_error(error.to_string()))),
            },
            Order::Remove { key, done } => {
                drop(self.kit.runners.remove(&key));
                // The one who waits has room for every slot's answer; where it gave up, nobody needs it.
                let _ = done.try_send(());
            }
        }
    }

    /// The generation's runner; a new one on the first call, and where the last one was lost.
    fn take_runner(&mut self, generation: &Generation) -> Result<Box<dyn Runner>, EngineError> {
        self.kit.runners.remove(&generation.key).map_or_else(|| new_runner(generation), Ok)
    }

    /// The same for work: a new one runs representative input first, so that no request pays for a first run.
    fn take_warm_runner(
        &mut self,
        generation: &Generation,
        shapes: &RowShapes,
    ) -> Result<Box<dyn Runner>, EngineError> {
        match self.kit.runners.remove(&generation.key) {
            Some(runner) => Ok(runner),
            None => self.warm_runner(generation, shapes),
        }
    }

    /// Runs a batch to its end, with one core to begin with.
    pub(crate) fn run(&mut self, batch: Batch<Work>, mut at_work: AtWork) {
        let class = batch.class;
        let mut rows: Vec<Row> = batch
            .items
            .into_iter()
            .map(|taken| {
                let timings = Timings { queued: taken.waited, ..Timings::default() };
                Row { work: taken.item, limit: taken.limit, timings }
            })
            .collect();
        let threads = rows.first().map_or(1, |row| row.work.generation().threads);
        if at_work.cores.grow(threads) {
            rows = self.still_worth_it(rows);
        }
        if rows.first().is_some_and(|row| row.work.is_stint()) {
            return self.run_stints(class, rows);
        }
        let wide = self.goes_wide(&rows, &mut at_work);
        if let Some(alone) = self.run_rows(class, rows, wide) {
            // The engine failed on the whole batch: each row gets one try of its own.
            for row in alone {
                self.run_rows(class, vec![row], false);
            }
        }
    }

    /// Stints share no run: each of them is one.
    fn run_stints(&mut self, class: Class, rows: Vec<Row>) {
        for mut row in rows {
            let generation = Arc::clone(row.work.generation());
            let started = self.device.clock.now();
            let (work, scratch) = (&mut row.work, &mut self.kit.scratch);
            let ended = catch_unwind(AssertUnwindSafe(|| work.run_stint(scratch)));
            let ended = ended.unwrap_or_else(|_| Err(self.panicked(&row)));
            let ran = self.device.clock.since(started);
            generation.batch_took(&row.work.rows, 1, ran);
            let (waited, none) = (row.timings.queued, Duration::ZERO);
            let (model, rows) = (&*generation.name, 1);
            self.device.observer.observe(&Event::BatchRun { model, class, rows, waited, wrote: none, ran, read: none });
            let timings = Timings { ran, batch_rows: 1, ..row.timings };
            row.work.settle(ended.map(|()| timings).map_err(task_error));
        }
    }

    /// Takes all cores for a row that is alone on the device, where that was measured to pay; tells whether it did.
    fn goes_wide(&self, rows: &[Row], at_work: &mut AtWork) -> bool {
        let [row] = rows else { return false };
        let generation = row.work.generation();
        let Some(threads) = generation.lone_threads.filter(|_| generation.is_wide(&row.work.rows)) else {
            return false;
        };
        self.device.stats().waiting == [0; 3] && at_work.cores.try_grow(threads)
    }

    /// Lets those rows go that became late, or whose callers left, while the batch waited for cores.
    fn still_worth_it(&self, rows: Vec<Row>) -> Vec<Row> {
        let now = self.device.clock.now();
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            if row.limit <= now {
                self.device.drop_work(row.work, DropReason::Expired);
            } else if row.work.is_wanted() {
                kept.push(row);
            } else {
                self.device.drop_work(row.work, DropReason::Cancelled);
            }
        }
        kept
    }

    /// Runs the rows of one batch to their end. Gives them back when the engine failed and they are worth a try alone.
    fn run_rows(&mut self, class: Class, mut rows: Vec<Row>, wide: bool) -> Option<Vec<Row>> {
        let generation = Arc::clone(rows.first()?.work.generation());
        let shapes = rows.first()?.work.rows.clone();
        let mut runner = match self.take_warm_runner(&generation, &shapes) {
            Ok(runner) => runner,
            Err(error) => {
                tracing::error!(model = %generation.name, slot = self.index, %error, "no runner for a batch");
                settle_all(rows, &no_runner(&generation));
                return None;
            }
        };
        let mut times = BatchTimes::default();
        let started = self.device.clock.now();
        self.write_rows(runner.as_mut(), &mut rows);
        times.wrote = self.device.clock.since(started);
        if rows.is_empty() {
            self.kit.runners.insert(generation.key, runner);
            return None;
        }
        let started = self.device.clock.now();
        let outcome = catch_unwind(AssertUnwindSafe(|| if wide { runner.run_alone() } else { runner.run() }));
        times.ran = self.device.clock.since(started);
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => {
                self.device.observer.observe(&Event::Panicked { model: &generation.name });
                Some(EngineError::new(EngineErrorKind::Run, "the engine panicked"))
            }
        };
        if let Some(error) = failure {
            drop(runner);
            return self.after_failure(&generation, &error, rows);
        }
        generation.ran(&shapes, rows.len(), times.ran, self.device.clock.now());
        self.read_rows(runner.as_ref(), rows, times, class);
        self.kit.runners.insert(generation.key, runner);
        None
    }

    /// A failed run may leave its runner in any state: a fresh one takes its place, and is warm before the next row comes. A row
    /// that failed alone hears of it first.
    fn after_failure(&mut self, generation: &Generation, error: &EngineError, mut rows: Vec<Row>) -> Option<Vec<Row>> {
        tracing::error!(model = %generation.name, rows = rows.len(), %error, "a run failed");
        self.device.observer.observe(&Event::RunFailed { model: &generation.name });
        let shapes = rows.first()?.work.rows.clone();
        if rows.len() == 1 {
            settle_all(std::mem::take(&mut rows), &RunError::internal("the model failed on this input"));
        }
        match self.warm_runner(generation, &shapes) {
            Ok(fresh) => drop(self.kit.runners.insert(generation.key, fresh)),
            Err(error) => {
                tracing::error!(model = %generation.name, %error, "no new runner yet; the next batch tries again");
            }
        }
        (!rows.is_empty()).then_some(rows)
    }

    /// Writes every row; those that cannot be written are settled, and the rest is written again closer together.
    fn write_rows(&mut self, runner: &mut dyn Runner, rows: &mut Vec<Row>) {
        loop {
            let count = rows.len();
            let mut written = Vec::with_capacity(count);
            for (index, mut row) in rows.drain(..).enumerate() {
                match self.write_row(runner, &mut row, count, index) {
                    Ok(()) => written.push(row),
                    Err(error) => row.work.settle(Err(task_error(error))),
                }
            }
            *rows = written;
            if rows.len() == count || rows.is_empty() {
                return;
            }
        }
    }

    fn write_row(
        &mut self,
        runner: &mut dyn Runner,
        row: &mut Row,
        rows: usize,
        index: usize,
    ) -> Result<(), TaskError> {
        let shapes = row.work.rows.clone();
        let started = self.device.clock.now();
        let mut input = InputRow { runner, shapes: &shapes, rows, index };
        let (work, scratch) = (&mut row.work, &mut self.kit.scratch);
        let written = catch_unwind(AssertUnwindSafe(|| work.write(&mut input, scratch)));
        row.timings.wrote = self.device.clock.since(started);
        written.unwrap_or_else(|_| Err(self.panicked(row)))
    }

    /// Reads every row, counts the batch, and then settles: whoever has a result finds it counted.
    fn read_rows(&mut self, runner: &dyn Runner, rows: Vec<Row>, mut times: BatchTimes, class: Class) {
        let count = rows.len();
        let Some(generation) = rows.first().map(|row| Arc::clone(row.work.generation())) else { return };
        let waited = rows.iter().map(|row| row.timings.queued).max().unwrap_or_default();
        let shapes = rows.first().map(|row| row.work.rows.clone());
        let mut results = Vec::with_capacity(count);
        for (index, mut row) in rows.into_iter().enumerate() {
            let started = self.device.clock.now();
            let read = self.read_row(runner, &mut row, index);
            let took = self.device.clock.since(started);
            times.read += took;
            let timings = Timings { ran: times.ran, read: took, batch_rows: count, ..row.timings };
            results.push((row.work, read.map(|()| timings).map_err(task_error)));
        }
        if let Some(shapes) = shapes {
            generation.batch_took(&shapes, count, times.wrote + times.ran + times.read);
        }
        self.device.observer.observe(&Event::BatchRun {
            model: &generation.name,
            class,
            rows: count,
            waited,
            wrote: times.wrote,
            ran: times.ran,
            read: times.read,
        });
        for (work, result) in results {
            work.settle(result);
        }
    }

    fn read_row(&mut self, runner: &dyn Runner, row: &mut Row, index: usize) -> Result<(), TaskError> {
        let output = OutputRow { runner, index, batched: row.work.rows.batched() };
        let (work, scratch) = (&mut row.work, &mut self.kit.scratch);
        let read = catch_unwind(AssertUnwindSafe(|| work.read(&output, scratch)));
        read.unwrap_or_else(|_| Err(self.panicked(row)))
    }

    /// A panic may leave the scratch half written: it starts afresh.
    fn panicked(&mut self, row: &Row) -> TaskError {
        self.device.observer.observe(&Event::Panicked { model: &row.work.generation().name });
        self.kit.scratch = Scratch::default();
        TaskError::internal("the work on this input failed")
    }
}

/// Work that was held past the drain limit comes after its model went.
fn no_runner(generation: &Generation) -> RunError {
    if generation.is_retired() {
        return dropped_error(DropReason::Unloaded);
    }
    RunError::internal("the model cannot run at present")
}

fn settle_all(rows: Vec<Row>, error: &RunError) {
    for row in rows {
        row.work.settle(Err(error.clone()));
    }
}

fn task_error(error: TaskError) -> RunError {
    match error.code {
        Some(code) => RunError::new(RunErrorKind::Input { code }, error.message),
        None => RunError::internal(&error.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Silent;
    use crate::fixture::{Nothing, generation, rows};
    use crate::{Call, Clock, DeviceOptions, PinnedModel, StreamKey, Task};
    use samovar_engines::{FakeModel, Gate};
    use samovar_schedule::BatchRule;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Threads of engine runs that go on, and the most that went on at once.
    #[derive(Default)]
    struct Threads {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Threads {
        fn begin(&self, threads: usize) {
            let now = self.now.fetch_add(threads, Ordering::SeqCst) + threads;
            self.most.fetch_max(now, Ordering::SeqCst);
            std::thread::yield_now();
        }
    }

    /// Ends its run in the count when it is read, which is still on the run's cores.
    struct Counted(Arc<Threads>, usize);

    impl Task for Counted {
        type Output = ();

        fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
            Nothing.write(row, scratch)
        }

        fn read(&mut self, _row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
            self.0.now.fetch_sub(self.1, Ordering::SeqCst);
            Ok(())
        }
    }

    fn device(slots: usize) -> (Arc<Device>, crate::ManualClock) {
        let (clock, hand) = Clock::manual();
        let options = DeviceOptions { slots, threads: 1, ..DeviceOptions::default() };
        (Device::start(options, clock, Arc::new(Silent)), hand)
    }

    fn submit<T: Task>(device: &Arc<Device>, to: &Arc<Generation>, task: T, call: Call) -> crate::Pending<T::Output> {
        let pinned = PinnedModel { in_use: to.enter().unwrap(), device: Arc::clone(device) };
        pinned.submit(task, rows(), call).unwrap()
    }

    const CALL: Call = Call::new(Class::Interactive, StreamKey(1));

    #[test]
    fn models_with_different_plans_never_have_more_threads_at_work_than_cores() {
        const CORES: usize = 3;
        let (device, _hand) = device(CORES);
        let threads = Arc::new(Threads::default());
        let generations: Vec<_> = [1, 2, CORES, 99]
            .into_iter()
            .map(|wanted| {
                let (model, threads) = (FakeModel::rows(1), Arc::clone(&threads));
                model.on_run(move |call| threads.begin(call.threads.min(CORES)));
                (generation(&model, wanted, BatchRule::SINGLE), wanted.min(CORES))
            })
            .collect();
        let pending: Vec<_> = (0..240)
            .map(|number| {
                let (generation, uses) = &generations[number * 7 % generations.len()];
                submit(&device, generation, Counted(Arc::clone(&threads), *uses), CALL)
            })
            .collect();
        pending.into_iter().for_each(|pending| drop(pending.wait().unwrap()));
        device.close();
        assert_eq!((threads.most.load(Ordering::SeqCst), threads.now.load(Ordering::SeqCst)), (CORES, 0));
        assert!(!device.activity().busy);
        assert_eq!(device.activity().runs, 240);
    }

    /// A device of two slots whose one run stands at the gate, and a generation that needs both cores.
    fn held() -> (Arc<Device>, crate::ManualClock, Gate, crate::Pending<()>, FakeModel) {
        let (device, hand) = device(2);
        let (narrow, wide, gate) = (FakeModel::rows(1), FakeModel::rows(1), Gate::closed());
        narrow.hold_runs(&gate);
        let plug = submit(&device, &generation(&narrow, 1, BatchRule::SINGLE), Nothing, CALL);
        gate.wait_for(1);
        (device, hand, gate, plug, wide)
    }

    #[test]
    fn a_wide_batch_that_became_late_while_it_waited_for_cores_is_not_started() {
        let (device, hand, gate, plug, wide) = held();
        let generation = generation(&wide, 2, BatchRule::SINGLE);
        let late = submit(&device, &generation, Nothing, CALL.within(Duration::from_secs(5)));
        let left = submit(&device, &generation, Nothing, CALL);
        assert_eq!(device.stats().waiting[1], 2, "there is no slot that holds work which it cannot run");
        hand.advance(Duration::from_secs(6));
        drop(left);
        gate.open();
        plug.wait().unwrap();
        assert_eq!(late.wait().unwrap_err().kind(), RunErrorKind::DeadlineExceeded);
        device.close();
        assert_eq!(wide.counts().runs, 0);
    }

    #[test]
    fn what_is_urgent_goes_before_what_a_slot_waits_to_run_when_cores_become_free() {
        let (device, _hand, gate, plug, wide) = held();
        let other = FakeModel::rows(1);
        let order = Arc::new(parking_lot::Mutex::new(Vec::new()));
        for (model, name) in [(&wide, "recording"), (&other, "caller")] {
            let order = Arc::clone(&order);
            model.on_run(move |_| order.lock().push(name));
        }
        let [wide, other] = [&wide, &other].map(|model| generation(model, 2, BatchRule::SINGLE));
        let job = Call { class: Class::Job, ..CALL };
        let recordings = [submit(&device, &wide, Nothing, job), submit(&device, &wide, Nothing, job)];
        while !device.cores().has_line() {
            std::thread::yield_now();
        }
        let caller = submit(&device, &other, Nothing, CALL);
        gate.open();
        plug.wait().unwrap();
        caller.wait().unwrap();
        recordings.into_iter().for_each(|recording| drop(recording.wait().unwrap()));
        device.close();
        assert_eq!(*order.lock(), ["caller", "recording", "recording"]);
    }

    #[test]
    fn closing_finishes_what_waits_for_cores() {
        let (device, _hand, gate, plug, wide) = held();
        let accepted = submit(&device, &generation(&wide, 2, BatchRule::SINGLE), Nothing, CALL);
        while !device.cores().has_line() {
            std::thread::yield_now();
        }
        let closing = std::thread::spawn({
            let device = Arc::clone(&device);
            move || device.close()
        });
        gate.open();
        closing.join().unwrap();
        assert!(plug.wait().is_ok() && accepted.wait().is_ok(), "what was accepted was finished");
    }
}
