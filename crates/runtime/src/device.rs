//! One device: its queue, its slots' threads, and the reaper of work that nobody will start in time.
//!
//! All slots and all models of a device meet in one [`DeviceQueue`]. A slot is a thread that owns one runner of each
//! model. Lock order: a device's lock is never held while work is settled, an observer is called or cores are waited for.

use crate::cores::{Cores, CoresHeld};
use crate::errand::{EventLoop, Kit};
use crate::event::{Contained, Event};
use crate::generation::{Generation, GenerationKey};
use crate::slot::Slot;
use crate::threads::Threads;
use crate::unqueued::{Unqueued, dropped_error, full_error};
use crate::warm_up::WarmUpFigures;
use crate::work::Work;
use crate::{Clock, DropReason, FailureKind, Observer, RunError};
use parking_lot::{Condvar, Mutex, MutexGuard};
use samovar_engine_api as engine_api;
use samovar_schedule::{Batch, Class, DeviceQueue, Displaced, DisplacedReason, Entry, Next, QueuePolicy, Ticket};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

mod closing;
mod reaper;
mod seats;

/// How a device is set up.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// Where it is.
    pub kind: engine_api::Device,
    /// Batches that run at the same time: threads of this device.
    pub slots: usize,
    /// CPU threads that the engine may use in one run.
    pub threads: usize,
    /// Limits of its queue.
    pub policy: QueuePolicy,
    /// The share of a card's memory that each model may use at most; none: all of it. Nothing on a CPU.
    pub gpu_memory: Option<engine_api::MemoryShare>,
}

impl Default for DeviceOptions {
    /// One slot per core with one thread each: the best throughput that was measured for convolution models.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let kind = engine_api::Device::Cpu;
        Self { kind, slots: cores, threads: 1, policy: QueuePolicy::default(), gpu_memory: None }
    }
}

/// A device and its queue.
pub struct Device {
    pub(crate) options: DeviceOptions,
    pub(crate) clock: Clock,
    pub(crate) observer: Arc<dyn Observer>,
    /// As many as slots × threads. Every run takes those that it uses.
    cores: Cores,
    runs: Arc<Runs>,
    /// Everything that slots and callers share.
    state: Mutex<State>,
    /// Signalled once for every piece of work or order: one idle slot wakes.
    arrived: Condvar,
    /// Signalled when something comes while the reaper rests.
    waiting: Condvar,
    /// Signalled when places in the queue become free: producers of jobs wake.
    room: Notify,
    /// Runs of all warm-ups so far: whoever waits for a warm-up behind others sees that they move.
    warm_up_runs: AtomicU64,
    /// Joined by [`Device::close`].
    threads: Threads,
}

/// Runs of all slots, warm-up runs included.
#[derive(Default)]
struct Runs {
    going_on: AtomicUsize,
    begun: AtomicU64,
}

/// One run with the cores that it uses, from before its rows are written until they are read. The cores are given back on drop.
pub(crate) struct AtWork {
    pub(crate) cores: CoresHeld,
    runs: Arc<Runs>,
}

/// What a device does: for whoever wants to use it only while nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    /// Work or orders wait, or a run goes on.
    pub(crate) busy: bool,
    /// Runs begun since the start: the same number twice means that nothing came in between.
    pub(crate) runs: u64,
}

struct State {
    queue: DeviceQueue<Work>,
    /// What each slot works with, while its thread sleeps and nobody has borrowed it.
    seats: Vec<Option<Kit>>,
    /// How many pieces of work in a row came while the device did nothing.
    alone: u32,
    /// Slots whose kits are lent to an [`Errand`](crate::errand::Errand).
    lent: usize,
    /// One list per slot; bounded by the models that are being loaded or freed.
    orders: Vec<VecDeque<Order>>,
    closing: bool,
    /// Whether the reaper sleeps until it is woken. To wake it costs more than a small request: it looks about for a while first.
    reaper_rests: bool,
}

/// What a slot is told to do beside its work.
pub(crate) enum Order {
    /// Make a runner unless one is there, and warm it up.
    WarmUp { generation: Arc<Generation>, done: SyncSender<Result<WarmUpFigures, InstallError>> },
    /// Drop the runner.
    Remove { key: GenerationKey, done: SyncSender<()> },
}

/// Why a slot could not take a generation in.
#[derive(Clone, Debug)]
pub(crate) struct InstallError {
    pub(crate) kind: FailureKind,
    pub(crate) reason: String,
}

/// What a slot does next.
pub(crate) enum Duty {
    Run(Batch<Work>, AtWork),
    Obey(Order),
    /// Nothing to do beside the warm-up.
    Idle,
    Stop,
}

/// How full a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceStats {
    /// Batches that can run at the same time.
    pub slots: usize,
    /// Waiting work, by class in the order of [`Class::ALL`].
    pub waiting: [usize; 3],
}

/// How long a slot with nothing to do sleeps before it looks again; it is woken when something comes.
const REST: Duration = Duration::from_secs(5);

/// How long a device that closes may start nothing of what waits before it counts as hanging.
const CLOSE_STEP: Duration = Duration::from_secs(30);

impl Device {
    /// Starts the device's threads, which go by `clock`.
    pub fn start(options: DeviceOptions, clock: Clock, observer: Arc<dyn Observer>) -> Arc<Self> {
        let slots = options.slots.max(1);
        let cores = Cores::new(slots.saturating_mul(options.threads.max(1)));
        let state = State {
            queue: DeviceQueue::new(options.policy),
            seats: (0..slots).map(|_| None).collect(),
            alone: 0,
            lent: 0,
            orders: (0..slots).map(|_| VecDeque::new()).collect(),
            closing: false,
            reaper_rests: false,
        };
        let device = Arc::new(Self {
            options: DeviceOptions { slots, ..options },
            clock,
            observer: Arc::new(Contained(observer)),
            cores,
            runs: Arc::default(),
            state: Mutex::new(state),
            arrived: Condvar::new(),
            waiting: Condvar::new(),
            room: Notify::new(),
            warm_up_runs: AtomicU64::new(0),
            threads: Threads::default(),
        });
        for index in 0..slots {
            device.spawn(format!("slot-{index}"), move |device| Slot::new(device, index).serve());
        }
        device.spawn("reaper".to_owned(), |device| device.reap());
        device
    }

    fn spawn(self: &Arc<Self>, name: String, body: impl FnOnce(Arc<Self>) + Send + 'static) {
        let device = Arc::clone(self);
        self.threads.spawn(name, move || body(device)).expect("the system gives threads at start");
    }

    /// A run of a warm-up was made.
    pub(crate) fn note_warm_up_run(&self) {
        self.warm_up_runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs of all warm-ups so far.
    pub(crate) fn warm_up_runs(&self) -> u64 {
        self.warm_up_runs.load(Ordering::Relaxed)
    }

    /// How full the device is.
    pub fn stats(&self) -> DeviceStats {
        let state = self.state.lock();
        DeviceStats { slots: self.options.slots, waiting: Class::ALL.map(|class| state.queue.depth(class)) }
    }

    /// The cores that all runs share: whoever runs a model beside the slots takes what it uses.
    pub(crate) const fn cores(&self) -> &Cores {
        &self.cores
    }

    /// Whether anything waits or runs, and how much has run so far.
    pub(crate) fn activity(&self) -> Activity {
        let waits = {
            let state = self.state.lock();
            !state.queue.is_empty() || state.orders.iter().any(|orders| !orders.is_empty())
        };
        let busy = waits || self.runs.going_on.load(Ordering::Acquire) > 0;
        Activity { busy, runs: self.runs.begun.load(Ordering::Acquire) }
    }

    /// Begins a run of `threads` threads beside the queue's work; waits until they are free.
    pub(crate) fn begin_run(&self, threads: usize) -> AtWork {
        self.at_work(self.cores.take(threads))
    }

    fn at_work(&self, cores: CoresHeld) -> AtWork {
        self.runs.begun.fetch_add(1, Ordering::AcqRel);
        self.runs.going_on.fetch_add(1, Ordering::AcqRel);
        AtWork { cores, runs: Arc::clone(&self.runs) }
    }

    /// Whether [`Device::close`] was called.
    pub(crate) fn is_closing(&self) -> bool {
        self.state.lock().closing
    }

    /// Queues work; what is quick and need not wait is run by the caller's event loop.
    pub(crate) fn push(self: &Arc<Self>, entry: Entry, work: Work) -> Result<Ticket, Unqueued> {
        let event_loop = EventLoop::of(&entry, &work);
        let generation = Arc::clone(work.generation());
        let now = self.clock.now();
        let (pushed, errand, reaper_rests) = {
            let mut state = self.state.lock();
            let pays = self.errand_pays(&mut state, &entry);
            let pushed = state.queue.push(now, entry, work);
            let event_loop = event_loop.as_ref().filter(|_| pays && pushed.is_ok());
            let errand = event_loop.and_then(|event_loop| self.errand(&mut state, &generation, now, event_loop));
            let reaper_rests = pushed.is_ok() && errand.is_none() && std::mem::take(&mut state.reaper_rests);
            (pushed, errand, reaper_rests)
        };
        let admitted = pushed.map_err(|refused| Unqueued { work: refused.item, reason: refused.reason })?;
        match errand.zip(event_loop) {
            Some((errand, event_loop)) => errand.begin(&event_loop),
            None => drop(self.arrived.notify_one()),
        }
        if reaper_rests {
            self.waiting.notify_one();
        }
        if let Some(Displaced { item, reason, .. }) = admitted.displaced {
            match reason {
                DisplacedReason::Newer => self.drop_work(item, DropReason::Displaced),
                DisplacedReason::Crowded { retry_after } => {
                    self.drop_with(item, DropReason::Refused, full_error(retry_after));
                }
            }
        }
        Ok(admitted.ticket)
    }

    /// Takes work out of the queue whose caller has gone; work that has started goes on.
    pub(crate) fn cancel(&self, ticket: Ticket) {
        let cancelled = self.state.lock().queue.cancel(ticket);
        if let Some(work) = cancelled {
            self.room.notify_waiters();
            self.drop_work(work, DropReason::Cancelled);
        }
    }

    /// Resolves when places may have become free. Make the future before trying to push.
    pub(crate) fn room(&self) -> Notified<'_> {
        self.room.notified()
    }

    /// Whether the queue would take one more of this class.
    pub(crate) fn has_room(&self, class: Class) -> bool {
        let state = self.state.lock();
        state.closing || state.queue.has_room(class)
    }

    /// Gives an order to every slot; to none once the device closes, so that whoever waits for answers hears of it.
    pub(crate) fn order(&self, mut make: impl FnMut() -> Order) {
        let mut state = self.state.lock();
        if state.closing {
            return;
        }
        for orders in &mut state.orders {
            orders.push_back(make());
        }
        drop(state);
        self.arrived.notify_all();
    }

    /// Fails all waiting work of a generation that could not be drained in time.
    pub(crate) fn abandon(&self, generation: &Generation) {
        let lanes = generation.lane_keys();
        let abandoned: Vec<Work> = {
            let mut state = self.state.lock();
            lanes.into_iter().flat_map(|lane| state.queue.drain_lane(lane)).collect()
        };
        self.room.notify_waiters();
        for work in abandoned {
            self.drop_work(work, DropReason::Unloaded);
        }
    }

    /// The next duty of slot `index`. A slot that is warming a model up does not sleep and begins no other warm-up.
    pub(crate) fn next_duty(&self, index: usize, warming: bool, kit: &mut Kit) -> Duty {
        let mut cores = None;
        let mut state = self.state.lock();
        loop {
            if let Some(order) = next_order(&mut state.orders[index], warming) {
                self.hand_watch_on(&state);
                return Duty::Obey(order);
            }
            // Cores come before work: what nobody can run yet stays in the queue, where it can be displaced, become late, or let more
            // urgent work go first.
            let Some(mut held) = cores.take().or_else(|| self.cores.try_take(1)) else {
                cores = Some(MutexGuard::unlocked(&mut state, || self.cores.take(1)));
                continue;
            };
            let may_wait = !state.closing;
            let next = state.queue.peek(self.clock.now(), may_wait);
            let threads = next.map_or(1, |work| work.generation().threads);
            if !held.fit(threads) {
                cores = Some(MutexGuard::unlocked(&mut state, || {
                    drop(held);
                    self.cores.take(threads)
                }));
                continue;
            }
            let taken = state.queue.take(self.clock.now(), may_wait);
            let unlocked = !taken.expired.is_empty();
            if unlocked {
                MutexGuard::unlocked(&mut state, || self.expire(taken.expired));
            }
            let until = match taken.next {
                Next::Batch(batch) => {
                    self.hand_watch_on(&state);
                    drop(state);
                    self.room.notify_waiters();
                    return Duty::Run(batch, self.at_work(held));
                }
                _ if warming => return Duty::Idle,
                // What came while the lock was open has already signalled.
                _ if unlocked => continue,
                Next::Empty if state.closing => return Duty::Stop,
                Next::Empty => REST,
                Next::WaitUntil(moment) => self.clock.sleep_until(moment),
            };
            drop(held);
            if state.orders[index].is_empty() {
                self.rest(&mut state, index, kit, until);
            }
        }
    }

    /// A slot that leaves to work may have been the one that watched the rest of the queue: another takes that over.
    fn hand_watch_on(&self, state: &State) {
        if !state.queue.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Tells and settles work that will not be started.
    pub(crate) fn drop_work(&self, work: Work, reason: DropReason) {
        self.drop_with(work, reason, dropped_error(reason));
    }

    fn drop_with(&self, work: Work, reason: DropReason, error: RunError) {
        let (model, class) = (work.generation().name.clone(), work.class);
        self.observer.observe(&Event::Dropped { model: &model, class, reason });
        work.settle(Err(error));
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.runs.going_on.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The order to obey next. A warm-up waits for the one in progress; a removal waits for nothing, so that a model that
/// warms up does not keep another one in memory.
fn next_order(orders: &mut VecDeque<Order>, warming: bool) -> Option<Order> {
    let next = orders.iter().position(|order| !warming || matches!(order, Order::Remove { .. }))?;
    orders.remove(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Silent;
    use crate::fixture::{Nothing, generation, rows};
    use samovar_engine_api::Device::Cpu;
    use samovar_engines::FakeModel;
    use samovar_schedule::{BatchRule, ClassPolicy, ClientKey, StreamKey, WhenFull};
    use std::num::NonZeroU16;

    #[test]
    fn work_that_is_abandoned_makes_room_for_producers_that_wait() {
        let patient = Duration::from_secs(3600);
        let job = ClassPolicy { capacity: 1, wait_max: patient, when_full: WhenFull::ProducerWaits };
        let policy = QueuePolicy { job, ..QueuePolicy::default() };
        let device = Device::start(
            DeviceOptions { kind: Cpu, slots: 1, threads: 1, policy, gpu_memory: None },
            Clock::start(),
            Arc::new(Silent),
        );
        // Never ripe while the test goes on, so that no slot takes the work.
        let unripe = BatchRule { size_max: 2, delay_max: Duration::from_secs(3600) };
        let (generation, rows) = (generation(&FakeModel::rows(1), 1, unripe), rows());
        let (lane, batch) = generation.lane(&rows);
        let entry = Entry {
            class: Class::Job,
            client: ClientKey(1),
            stream: StreamKey(1),
            lane,
            batch,
            deadline: None,
            weight: NonZeroU16::MIN,
            cost: Entry::TURN,
            follow_up: false,
        };
        let in_use = generation.enter().expect("it serves");
        let (work, mut answer) = Work::new(Nothing, rows, Class::Job, in_use);
        assert!(device.push(entry, work).is_ok());
        let mut room = std::pin::pin!(device.room());
        assert!(!room.as_mut().enable(), "the queue is full");
        device.abandon(&generation);
        assert!(room.as_mut().enable(), "whoever waits for a place is told");
        assert!(answer.try_recv().is_ok_and(|outcome| outcome.is_err()));
        device.close();
    }

    #[test]
    fn a_removal_overtakes_warm_ups_while_one_is_in_progress() {
        let (done, _answers) = std::sync::mpsc::sync_channel(1);
        let remove = |key| Order::Remove { key: GenerationKey(key), done: done.clone() };
        let mut orders: VecDeque<Order> = [remove(1), remove(2)].into();
        assert!(matches!(next_order(&mut orders, true), Some(Order::Remove { key: GenerationKey(1), .. })));
        assert!(matches!(next_order(&mut orders, false), Some(Order::Remove { key: GenerationKey(2), .. })));
        assert!(next_order(&mut orders, false).is_none());
    }

    #[test]
    fn an_order_to_a_closed_device_is_dropped_so_that_its_answer_is_not_waited_for() {
        let options = DeviceOptions { kind: Cpu, slots: 2, threads: 1, ..DeviceOptions::default() };
        let device = Device::start(options, Clock::start(), Arc::new(Silent));
        device.close();
        let (done, answers) = std::sync::mpsc::sync_channel(2);
        device.order(|| Order::Remove { key: GenerationKey(1), done: done.clone() });
        drop(done);
        let answer = answers.recv_timeout(Duration::from_secs(10));
        assert_eq!(answer, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    }
}
