//! Where windows of all callers meet: one batch of the decoder, those who wait for a place in it, and who drives it.

use super::expectation::{Announced, Expectation, PATIENCE};
use super::job::{Attempt, Job, Question};
use super::seat::Seat;
use super::step_counts::{StepCounter, StepCounts};
use super::table::Table;
use super::turn::{Terms, Turn};
use super::{BatchLimits, GraphForm, Graphs};
use parking_lot::{Condvar, Mutex};
use samovar_engine_api::{EngineError, Runner};
use samovar_runtime::{Call, Class, PinnedModel, RunError, RunErrorKind, StreamKey};
use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// One batch that all callers share. A task of its own submits a stint of a few steps as long as there is anybody, and ends when there
/// is nobody.
pub(super) struct Desk {
    /// Its stints' own: they displace nothing of a caller's.
    stream: StreamKey,
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// A window has come, or one that was announced will not.
    arrived: Condvar,
    table: Mutex<Table>,
    counter: Arc<StepCounter>,
}

/// Who has no place in the batch yet.
#[derive(Default)]
pub(super) struct Waiting {
    /// Bounded by [`PLACES`].
    jobs: VecDeque<Job>,
    /// Who will come as soon as the encoder is through.
    announced: Announced,
    /// Whether somebody drives the batch.
    is_attended: bool,
}

/// Windows that wait and decode at most, of all callers.
const PLACES: usize = 64;
/// How often in a row a stint may find no turn before everybody hears of it.
const TRIES: u32 = 40;
/// The longest wait before it tries again.
const WAIT_MAX: Duration = Duration::from_millis(250);

impl Desk {
    pub(super) fn new(graphs: Arc<Graphs>, limits: BatchLimits) -> Self {
        static STREAMS: AtomicU64 = AtomicU64::new(1 << 63);
        let counter = Arc::<StepCounter>::default();
        Self {
            stream: StreamKey(STREAMS.fetch_add(1, Ordering::Relaxed)),
            places: Arc::new(Semaphore::new(PLACES)),
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            table: Mutex::new(Table::new(graphs, limits, Arc::clone(&counter))),
            counter,
        }
    }

    /// Has a window decoded together with those of others. Whoever drops the future leaves the batch before its next step.
    ///
    /// # Errors
    /// `QueueFull` where too many wait (jobs wait for a place), `DeadlineExceeded`, and what keeps the device from running.
    pub(super) async fn ask(
        self: &Arc<Self>,
        question: Question,
        pinned: PinnedModel,
        call: Call,
    ) -> Result<Attempt, RunError> {
        let place = self.place(call.class).await?;
        let (answer, answered) = oneshot::channel();
        let job = Job { question, call, pinned, answer, is_alone: false, _place: place };
        let is_unattended = self.waiting.lock().push(job);
        self.arrived.notify_one();
        self.attend_if(is_unattended);
        answered.await.unwrap_or_else(|_| Err(lost()))
    }

    /// A window is in the encoder: the batch has its turn behind that run, and waits there for the window for a moment.
    pub(super) fn expect(self: &Arc<Self>, terms: Terms) -> Expectation {
        let (number, is_unattended) = self.waiting.lock().announce(terms);
        self.attend_if(is_unattended);
        Expectation::new(Arc::clone(self), number)
    }

    /// It has come, or it never will.
    pub(super) fn expect_no_more(&self, number: u64) {
        let announcement = self.waiting.lock().announced.remove(number);
        self.arrived.notify_one();
        drop(announcement);
    }

    fn attend_if(self: &Arc<Self>, is_unattended: bool) {
        if is_unattended {
            // It ends with the last window.
            drop(tokio::spawn(attend(Attendance { desk: Arc::clone(self), is_over: false })));
        }
    }

    /// Makes the batch before anybody asks, and the runs that most will ask for.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn prepare(&self, runners: Vec<Box<dyn Runner>>, prompt: &[u32]) -> Result<(), EngineError> {
        self.table.lock().prepare(runners, prompt)
    }

    /// What was done so far.
    pub(super) fn counts(&self) -> StepCounts {
        self.counter.counts()
    }

    /// Lets the runners go.
    pub(super) fn close(&self) {
        self.table.lock().close();
    }

    async fn place(&self, class: Class) -> Result<OwnedSemaphorePermit, RunError> {
        let places = Arc::clone(&self.places);
        if class == Class::Job {
            return places.acquire_owned().await.map_err(|_| lost());
        }
        places.try_acquire_owned().map_err(|_| {
            let retry_after = Duration::from_secs(1);
            RunError::new(
                RunErrorKind::QueueFull { retry_after },
                "too many windows wait; ask again after the time given",
            )
        })
    }

    /// Some steps of the batch.
    pub(super) fn work(&self) {
        let mut table = self.table.lock();
        if table.seats.is_empty() {
            self.await_window();
        }
        table.work(&self.waiting);
    }

    /// Until a window comes, if one was announced.
    fn await_window(&self) {
        let patience = Instant::now() + PATIENCE;
        let mut waiting = self.waiting.lock();
        while waiting.jobs.is_empty() && !waiting.announced.is_empty() {
            if self.arrived.wait_until(&mut waiting, patience).timed_out() {
                waiting.announced.forget();
            }
        }
    }

    /// Under which terms the next stint runs; none where there is nobody. Waits for a stint that goes on.
    pub(super) fn terms(&self) -> Option<Terms> {
        self.terms_at(&self.table.lock(), &mut self.waiting.lock())
    }

    /// The same; where there is nobody, nobody attends any more.
    fn attended_terms(&self) -> Option<Terms> {
        let table = self.table.lock();
        let mut waiting = self.waiting.lock();
        let terms = self.terms_at(&table, &mut waiting);
        waiting.is_attended = terms.is_some();
        terms
    }

    fn terms_at(&self, table: &Table, waiting: &mut Waiting) -> Option<Terms> {
        waiting.let_go();
        let jobs = table.seats.iter().map(|seat| &seat.job).chain(&waiting.jobs).map(|job| (&job.pinned, &job.call));
        let all: Vec<_> = jobs.chain(waiting.announced.terms()).collect();
        let (pinned, first) = all.iter().min_by_key(|(_, call)| call.class)?;
        let weight = all.iter().fold(0_u16, |sum, (_, call)| sum.saturating_add(call.weight.get()));
        let weight = NonZeroU16::new(weight).unwrap_or(NonZeroU16::MIN);
        // Each window's deadline is its own.
        let call = Call { stream: self.stream, deadline: None, weight, follow_up: !table.seats.is_empty(), ..**first };
        Some((pinned.share(), call))
    }

    fn fail(&self, error: &RunError) {
        self.table.lock().fail(error);
        let waiting = std::mem::take(&mut self.waiting.lock().jobs);
        waiting.into_iter().for_each(|job| job.settle(Err(error.clone())));
    }
}

impl Waiting {
    /// Adds one; tells whether nobody attends.
    fn push(&mut self, job: Job) -> bool {
        self.announced.arrived(job.call.stream);
        self.jobs.push_back(job);
        !std::mem::replace(&mut self.is_attended, true)
    }

    /// Adds one that will come; its number, and whether nobody attends.
    fn announce(&mut self, terms: Terms) -> (u64, bool) {
        (self.announced.add(terms), !std::mem::replace(&mut self.is_attended, true))
    }

    /// Those whose batch failed, before all others.
    pub(super) fn put_back(&mut self, jobs: Vec<Job>) {
        jobs.into_iter().rev().for_each(|job| self.jobs.push_front(job));
    }

    /// Who comes to the table next: the most urgent class, then the client who has the fewest there, then who came first. In the forms
    /// where all begin together only those with prompts of one length do.
    pub(super) fn next(&mut self, seats: &[Seat], form: GraphForm) -> Option<Job> {
        self.let_go();
        let length = |job: &Job| job.question.prompt.tokens.len();
        let fits = |job: &Job| {
            let first = seats.first();
            first.is_none_or(|first| !job.is_alone && (form == GraphForm::Stepped || length(job) == length(&first.job)))
        };
        let rank = |job: &Job| {
            let of_client = seats.iter().filter(|seat| seat.job.call.client == job.call.client).count();
            (!job.is_alone, job.call.class, of_client)
        };
        let best = self.jobs.iter().enumerate().filter(|(_, job)| fits(job)).min_by_key(|(_, job)| rank(job));
        best.map(|(index, _)| index).and_then(|index| self.jobs.remove(index))
    }

    /// Those who have gone, and those who are too late.
    fn let_go(&mut self) {
        let now = Instant::now();
        let (wanted, others) = std::mem::take(&mut self.jobs).into_iter().partition(|job| job.is_wanted(now));
        self.jobs = wanted;
        let others: VecDeque<Job> = others;
        others.into_iter().for_each(Job::expire);
    }
}

/// Whoever drives a batch. Where its event loop ends before it does, the next who asks finds nobody attending.
struct Attendance {
    desk: Arc<Desk>,
    /// Nobody is left, and that nobody attends was noted.
    is_over: bool,
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if !self.is_over {
            self.desk.fail(&lost());
            self.desk.waiting.lock().is_attended = false;
        }
    }
}

async fn attend(mut attendance: Attendance) {
    let desk = Arc::clone(&attendance.desk);
    let (mut tries, mut behind) = (0, None);
    loop {
        let asked = match behind.take() {
            Some(turn) => Ok(turn),
            None => match desk.attended_terms() {
                Some(terms) => Turn::ask(&desk, terms),
                None => break,
            },
        };
        let ended = match asked {
            Ok(turn) => turn.end().await,
            Err(refused) => Err(refused),
        };
        match ended {
            Ok(next) => (tries, behind) = (0, next),
            Err(error) if may_wait(error.kind()) && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(WAIT_MAX).await;
            }
            Err(error) => desk.fail(&error),
        }
    }
    attendance.is_over = true;
}

/// Whether there may be a turn later.
const fn may_wait(kind: RunErrorKind) -> bool {
    matches!(kind, RunErrorKind::QueueFull { .. } | RunErrorKind::DeadlineExceeded | RunErrorKind::Displaced)
}

fn lost() -> RunError {
    RunError::new(RunErrorKind::Internal, "the window was lost on the way; the server's log says why")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whisper::encode_task::EncodeTask;
    use crate::whisper::{DecodeOptions, Transcriber};
    use crate::whisper::{EncodedWindow, Fallback, LogitRules, Prompt, WhisperModel, WindowSpan};
    use crate::{FamilyHints, binder};
    use samovar_engines::Rten;
    use samovar_runtime::{Event, ModelHandle, ModelSource, ModelSpec, Observer, Registry, RegistryOptions};
    use std::convert::Infallible;
    use std::path::Path;
    use tokio::runtime::{Builder, Runtime};

    struct House {
        event_loop: Runtime,
        handle: ModelHandle,
        model: Arc<WhisperModel>,
        _registry: Registry,
    }

    /// The classes of all runs, in order.
    #[derive(Default)]
    struct Runs(Mutex<Vec<Class>>);

    impl Observer for Runs {
        fn observe(&self, event: &Event<'_>) {
            if let Event::BatchRun { class, .. } = event {
                self.0.lock().push(*class);
            }
        }
    }

    impl House {
        fn new() -> Self {
            Self::watched(Arc::default())
        }

        fn watched(runs: Arc<Runs>) -> Self {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/models/starter-whisper");
            let hints = FamilyHints { assets: Some(folder.clone()), ..FamilyHints::default() };
            let source = ModelSource::file(folder.join("onnx/encoder_model.onnx"));
            let spec = ModelSpec { preload: false, ..ModelSpec::new("m", source, binder(hints)) };
            let options = RegistryOptions { observer: runs, ..RegistryOptions::new(vec![Arc::new(Rten)]) };
            let registry = Registry::start(options, vec![spec]).unwrap();
            let event_loop = Builder::new_current_thread().enable_time().build().unwrap();
            event_loop.block_on(registry.load("m")).unwrap().unwrap();
            let handle = registry.model("m").unwrap();
            let model = crate::bound_family::bound_family(&handle.generation().unwrap(), "").unwrap();
            Self { event_loop, handle, model, _registry: registry }
        }

        async fn ask(&self, question: Question) -> Result<Attempt, RunError> {
            let call = Call::new(Class::Interactive, StreamKey(1));
            self.model.desk(1).unwrap().ask(question, self.handle.pin().unwrap(), call).await
        }

        /// Windows of a recording through the encoder, one after the other, without end.
        async fn encode_windows(&self) -> Infallible {
            loop {
                let pinned = self.handle.pin_when_room(Class::Job).await.unwrap();
                let task = EncodeTask { model: Arc::clone(&self.model), samples: vec![0.1; 16_000], begun: None };
                let call = Call::new(Class::Job, StreamKey(2));
                pinned.submit_waiting(task, self.model.rows(), call).await.unwrap().await.unwrap();
            }
        }

        fn question(&self, hidden: usize) -> Question {
            let checkpoint = self.model.checkpoint();
            let special = &checkpoint.special;
            let prompt = Prompt { tokens: vec![special.start, special.start + 1, special.transcribe], start: 0 };
            let span = WindowSpan { first_sample: 0, samples: 160_000 };
            let options = Fallback::new(checkpoint, &crate::whisper::DecodeOptions::default()).row(0, &prompt, span);
            let options = crate::whisper::RowOptions { tokens_max: 12, ..options };
            let hidden = (0..hidden).map(|at| (at as f32 * 0.37).sin()).collect();
            Question {
                encoded: Arc::new(EncodedWindow { hidden }),
                prompt,
                decoding: Some((Arc::new(LogitRules::new(checkpoint, true)), options)),
                with_attention: false,
                opening: None,
            }
        }
    }

    /// A caller waits for its window and for every step: nothing of the machine is kept for a second run.
    #[test]
    fn a_model_has_all_cores_where_nothing_else_is_configured() {
        let generation = House::new().handle.generation().unwrap();
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!((generation.threads, generation.slots), (cores.min(8), (cores / 8).max(1)));
    }

    #[test]
    fn a_panic_over_one_window_costs_that_window_and_the_others_are_decoded_again() {
        let house = House::new();
        let whole = house.model.checkpoint().positions * house.model.checkpoint().width;
        let alone = house.event_loop.block_on(house.ask(house.question(whole))).unwrap();
        let (good, broken, last) = house.event_loop.block_on(async {
            tokio::join!(
                house.ask(house.question(whole)),
                // Its caches cannot be made: the copy of its hidden states panics.
                house.ask(house.question(7)),
                house.ask(house.question(whole)),
            )
        });
        assert_eq!(broken.unwrap_err().kind(), RunErrorKind::Internal);
        for found in [good.unwrap(), last.unwrap()] {
            assert_eq!(found.decoded, alone.decoded);
            assert_eq!(found.start_logits, alone.start_logits);
        }
        assert!(house.event_loop.block_on(house.ask(house.question(whole))).is_ok());
    }

    #[test]
    fn an_event_loop_that_ends_leaves_the_batch_to_the_next() {
        let house = House::new();
        let whole = house.model.checkpoint().positions * house.model.checkpoint().width;
        let other = Builder::new_current_thread().enable_time().build().unwrap();
        let left = other
            .block_on(async { tokio::time::timeout(Duration::from_millis(1), house.ask(house.question(whole))).await });
        assert!(left.is_err());
        drop(other);
        assert!(house.event_loop.block_on(house.ask(house.question(whole))).is_ok());
    }

    /// Two recordings always have a window before the encoder. A caller's window takes the device once and keeps it: from its encoder run
    /// to its text.
    #[test]
    fn no_recordings_window_comes_between_a_callers_runs() {
        let runs = Arc::<Runs>::default();
        let house = House::watched(Arc::clone(&runs));
        let transcriber = Transcriber::new(house.handle.clone());
        // One attempt: a further one would come from the caller, who decides about it.
        let options = DecodeOptions { tokens_max: Some(12), temperatures: vec![0.0], ..DecodeOptions::default() };
        let call = Call::new(Class::Interactive, StreamKey(1));
        // Something between voices and noise, of which the model makes a few words.
        let noise = |at: u32| (at.wrapping_mul(2_654_435_761) >> 16) as f32 / 32_768.0 - 1.0;
        let sound: Vec<f32> = (0..64_000)
            .map(|at| noise(at) * 0.05 + (at as f32 * 0.06).sin() * (at as f32 * 0.001).sin() * 0.3)
            .collect();
        let heard = |_| {
            house.event_loop.block_on(async {
                tokio::select! {
                    text = transcriber.window(sound.clone(), &options, &[], call) => drop(text.unwrap()),
                    never = house.encode_windows() => match never {},
                    never = house.encode_windows() => match never {},
                }
            });
            std::mem::take(&mut *runs.0.lock())
        };
        let is_whole = |classes: &[Class]| {
            let of_caller = || classes.iter().enumerate().filter(|(_, class)| **class == Class::Interactive);
            let (first, last) = (of_caller().next().unwrap().0, of_caller().next_back().unwrap().0);
            assert!(last >= first + 2, "the encoder and several turns of the batch: {classes:?}");
            classes[first..=last].iter().all(|class| *class == Class::Interactive)
        };
        // A slot waits some milliseconds for its event loop: on a machine that is busy with other things that may be too short.
        let all: Vec<Vec<Class>> = (0..5).map(heard).collect();
        assert!(all.iter().any(|classes| is_whole(classes)), "{all:?}");
    }
}
