//! A quick run on the thread of whoever asked for it, with a slot's own runners while the slot rests.
//!
//! To wake a slot's thread and to be woken by it costs more than a run that takes some microseconds. Where a slot rests, nothing waits
//! and a run is known to be short, or quick and nobody else asks, it is done by the caller's event loop: by a task of its own, so that the caller's deadline holds
//! whatever becomes of the run. At most all but one of its threads do so at once: where every run hangs after all, one goes on.

use crate::DropReason;
use crate::Scratch;
use crate::device::{AtWork, Device};
use crate::generation::GenerationKey;
use crate::slot::Slot;
use crate::work::Work;
use samovar_engine_api::Runner;
use samovar_schedule::{Batch, Entry};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};

/// What a slot runs models with: its thread's own while it works, in its seat while the thread sleeps.
#[derive(Default)]
pub(crate) struct Kit {
    /// One runner of each generation that is installed here.
    pub(crate) runners: HashMap<GenerationKey, Box<dyn Runner>>,
    pub(crate) scratch: Scratch,
}

/// One run away from its slot's thread. What it borrowed goes home when it ends, also where it never begins.
pub(crate) struct Errand {
    device: Arc<Device>,
    /// The slot that lends its kit.
    index: usize,
    kit: Option<Kit>,
    load: Option<(Batch<Work>, AtWork)>,
}

/// What may be run on an event loop's thread: longer runs would keep other connections waiting.
const QUICK: Duration = Duration::from_micros(200);

/// The event loop of whoever asks.
pub(crate) struct EventLoop(Handle);

impl EventLoop {
    /// The one that may run this, where there is one.
    pub(crate) fn of(entry: &Entry, work: &Work) -> Option<Self> {
        if entry.cost > QUICK || !work.is_light() {
            return None;
        }
        let here = Handle::try_current().ok()?;
        (here.runtime_flavor() == RuntimeFlavor::MultiThread).then_some(Self(here))
    }

    /// How many of its threads may run errands at once: were all of their runs to hang, one is left.
    pub(crate) fn lendable(&self) -> usize {
        self.0.metrics().num_workers() - 1
    }
}

impl Errand {
    pub(crate) const fn new(device: Arc<Device>, index: usize, kit: Kit, load: (Batch<Work>, AtWork)) -> Self {
        Self { device, index, kit: Some(kit), load: Some(load) }
    }

    /// Runs as soon as the thread's present task waits, which is for this.
    pub(crate) fn begin(self, event_loop: &EventLoop) {
        // Its owner is the device, which does not close before the kit is home.
        drop(event_loop.0.spawn(async move { self.run() }));
    }

    fn run(mut self) {
        let (Some(kit), Some((batch, at_work))) = (self.kit.take(), self.load.take()) else { return };
        let mut slot = Slot::with(Arc::clone(&self.device), self.index, kit);
        if catch_unwind(AssertUnwindSafe(|| slot.run(batch, at_work))).is_err() {
            slot.recover();
        }
        self.kit = Some(slot.kit);
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if let Some((batch, at_work)) = self.load.take() {
            // The event loop ended before it began.
            drop(at_work);
            batch.items.into_iter().for_each(|taken| self.device.drop_work(taken.item, DropReason::Unloaded));
        }
        self.device.take_home(self.index, self.kit.take().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Silent;
    use crate::fixture::{Nothing, generation, rows};
    use crate::{
        Call, Class, Clock, DeviceOptions, Generation, InputRow, OutputRow, Pending, PinnedModel, RunErrorKind,
        StreamKey, Task, TaskError,
    };
    use parking_lot::Mutex;
    use samovar_engines::{FakeModel, Gate};
    use samovar_schedule::BatchRule;
    use tokio::runtime::{Builder, Runtime};

    struct Light;

    impl Task for Light {
        type Output = ();

        fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
            Nothing.write(row, scratch)
        }

        fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
            Nothing.read(row, scratch)
        }

        fn is_light(&self) -> bool {
            true
        }
    }

    /// A device by a clock that stands still, so that every run is quick once there was one; the threads that its model ran on.
    struct House {
        device: Arc<Device>,
        generation: Arc<Generation>,
        model: FakeModel,
        threads: Arc<Mutex<Vec<String>>>,
        event_loop: Runtime,
    }

    impl House {
        fn new(slots: usize) -> Self {
            Self::with_threads(slots, 2)
        }

        fn with_threads(slots: usize, threads_of_loop: usize) -> Self {
            let options = DeviceOptions { slots, threads: 1, ..DeviceOptions::default() };
            let device = Device::start(options, Clock::manual().0, Arc::new(Silent));
            let (model, threads) = (FakeModel::rows(1), Arc::<Mutex<Vec<String>>>::default());
            let ran_on = Arc::clone(&threads);
            model.on_run(move |_| ran_on.lock().push(std::thread::current().name().unwrap_or_default().to_owned()));
            let generation = generation(&model, 1, BatchRule::SINGLE);
            let mut event_loop = Builder::new_multi_thread();
            let event_loop = event_loop.worker_threads(threads_of_loop).thread_name("loop").build().unwrap();
            let house = Self { device, generation, model, threads, event_loop };
            // Every slot has a runner, and what a run costs is known.
            while !(0..slots).all(|index| house.has_run(index)) {
                house.submit(Light).wait().unwrap();
            }
            house.rest();
            house.threads.lock().clear();
            house
        }

        fn has_run(&self, index: usize) -> bool {
            self.threads.lock().iter().any(|name| *name == format!("slot-{index}"))
        }

        fn rest(&self) {
            while !(0..self.device.options.slots).all(|index| self.device.rests(index)) {
                std::thread::yield_now();
            }
        }

        fn submit<T: Task>(&self, task: T) -> Pending<T::Output> {
            let in_use = self.generation.enter().unwrap();
            let pinned = PinnedModel { in_use, device: Arc::clone(&self.device) };
            pinned.submit(task, rows(), Call::new(Class::Interactive, StreamKey(1))).unwrap()
        }

        fn submit_from_event_loop<T: Task>(&self, task: T) -> Pending<T::Output> {
            let _entered = self.event_loop.enter();
            self.submit(task)
        }

        fn ran_on(&self) -> Vec<String> {
            std::mem::take(&mut self.threads.lock())
        }
    }

    #[test]
    fn what_is_quick_and_light_is_run_by_the_event_loop_and_the_rest_by_slots() {
        let house = House::new(1);
        house.submit_from_event_loop(Light).wait().unwrap();
        assert_eq!(house.ran_on(), ["loop"]);
        house.rest();
        house.submit_from_event_loop(Nothing).wait().unwrap();
        assert_eq!(house.ran_on(), ["slot-0"], "nobody says that it is light");
        house.rest();
        house.submit(Light).wait().unwrap();
        assert_eq!(house.ran_on(), ["slot-0"], "no event loop asks");
        house.rest();
        house.generation.batch_took(&rows(), 1, 100 * QUICK);
        house.submit_from_event_loop(Light).wait().unwrap();
        assert_eq!(house.ran_on(), ["slot-0"], "it takes long");
        house.device.close();
    }

    #[test]
    fn a_run_that_hangs_takes_one_thread_of_the_event_loop_and_no_other_work() {
        let house = House::new(2);
        let gate = Gate::closed();
        house.model.hold_runs(&gate);
        let hanging = house.submit_from_event_loop(Light);
        gate.wait_for(1);
        let other = house.submit_from_event_loop(Light);
        gate.wait_for(2);
        house.event_loop.block_on(house.event_loop.spawn(async {})).unwrap();
        gate.open();
        hanging.wait().unwrap();
        other.wait().unwrap();
        let mut ran_on = house.ran_on();
        ran_on.sort();
        assert!(ran_on[0] == "loop" && ran_on[1].starts_with("slot-"), "{ran_on:?}");
        house.device.close();
    }

    #[test]
    fn the_event_loop_runs_what_is_quick_while_another_slot_works() {
        let house = House::new(2);
        let gate = Gate::closed();
        house.model.hold_runs(&gate);
        let elsewhere = house.submit(Light);
        gate.wait_for(1);
        let here = house.submit_from_event_loop(Light);
        gate.wait_for(2);
        gate.open();
        elsewhere.wait().unwrap();
        here.wait().unwrap();
        let mut ran_on = house.ran_on();
        ran_on.sort();
        assert!(ran_on[0] == "loop" && ran_on[1].starts_with("slot-"), "{ran_on:?}");
        house.device.close();
    }

    #[test]
    fn what_might_share_a_run_is_left_to_slots_while_others_ask() {
        let house = House::new(2);
        // Longer than what is short, and quick: the mean of this and of runs that took nothing.
        house.generation.batch_took(&rows(), 1, 8 * Duration::from_micros(190));
        let gate = Gate::closed();
        house.model.hold_runs(&gate);
        let both = [house.submit(Light), house.submit_from_event_loop(Light)];
        gate.wait_for(2);
        gate.open();
        both.into_iter().for_each(|pending| drop(pending.wait().unwrap()));
        assert!(house.ran_on().iter().all(|name| name.starts_with("slot-")));
        // Nobody else has asked for a while.
        for _ in 0..5 {
            house.rest();
            house.submit(Light).wait().unwrap();
        }
        house.rest();
        house.ran_on();
        house.submit_from_event_loop(Light).wait().unwrap();
        assert_eq!(house.ran_on(), ["loop"]);
        house.device.close();
    }

    #[test]
    fn what_comes_while_every_kit_is_lent_is_done_when_one_is_home() {
        let house = House::with_threads(2, 3);
        let gate = Gate::closed();
        house.model.hold_runs(&gate);
        let lent = [house.submit_from_event_loop(Light), house.submit_from_event_loop(Light)];
        gate.wait_for(2);
        let waiting = house.submit_from_event_loop(Light);
        gate.open();
        waiting.wait().unwrap();
        lent.into_iter().for_each(|pending| drop(pending.wait().unwrap()));
        let ran_on = house.ran_on();
        assert_eq!(ran_on.iter().filter(|name| *name == "loop").count(), 2, "{ran_on:?}");
        house.device.close();
    }

    #[test]
    fn an_event_loop_that_ends_before_the_run_gives_the_kit_back() {
        let house = House::new(1);
        let ended = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let handle = ended.handle().clone();
        ended.shutdown_background();
        let lost = {
            let _entered = handle.enter();
            house.submit(Light)
        };
        assert!(matches!(lost.wait().unwrap_err().kind(), RunErrorKind::NotReady { .. }));
        // Its caller may hear of it a moment before the kit is home.
        while !house.device.rests(0) {
            std::thread::yield_now();
        }
        house.submit(Light).wait().unwrap();
        house.device.close();
    }
}
