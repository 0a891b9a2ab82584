//! The windows that decode together at present: they come, take a step, and leave.

use super::desk::Waiting;
use super::job::Job;
use super::seat::Seat;
use super::step_counts::StepCounter;
use super::{BatchLimits, DecoderBatch, Graphs};
use parking_lot::Mutex;
use samovar_engine_api::{EngineError, EngineErrorKind, Runner};
use samovar_runtime::{RunError, RunErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// A decoder batch and who is in it, in the order of its windows.
pub(super) struct Table {
    graphs: Arc<Graphs>,
    limits: BatchLimits,
    /// Made by the first who comes; gone after a failure and when the model goes.
    batch: Option<DecoderBatch>,
    pub(super) seats: Vec<Seat>,
    scratch: Vec<f32>,
    counter: Arc<StepCounter>,
}

/// Steps of one stint: live frames of other models come in between two of them.
const STEPS: usize = 4;

impl Table {
    pub(super) fn new(graphs: Arc<Graphs>, limits: BatchLimits, counter: Arc<StepCounter>) -> Self {
        Self { graphs, limits, batch: None, seats: Vec::new(), scratch: Vec::new(), counter }
    }

    /// Makes the batch, and the runs that most windows will ask for.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn prepare(&mut self, runners: Vec<Box<dyn Runner>>, prompt: &[u32]) -> Result<(), EngineError> {
        let mut batch = DecoderBatch::new(&self.graphs, runners, self.limits)?;
        batch.warm_up(prompt)?;
        self.batch = Some(batch);
        Ok(())
    }

    /// Some steps, as long as there is somebody.
    pub(super) fn work(&mut self, waiting: &Mutex<Waiting>) {
        for _ in 0..STEPS {
            let stepped = catch_unwind(AssertUnwindSafe(|| self.step(waiting)));
            let panicked = || Err(EngineError::new(EngineErrorKind::Run, "a step of the decoder panicked"));
            match stepped.unwrap_or_else(|_| panicked()) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let windows = self.seats.len();
                    tracing::error!(windows, %error, "a step of a decoder batch failed: its windows begin anew, each alone");
                    return self.start_over(waiting);
                }
            }
        }
    }

    /// Lets the runners go, with their caches.
    pub(super) fn close(&mut self) {
        self.batch = None;
    }

    /// Ends everybody with the same error.
    pub(super) fn fail(&mut self, error: &RunError) {
        self.batch = None;
        std::mem::take(&mut self.seats).into_iter().for_each(|seat| seat.job.settle(Err(error.clone())));
    }

    /// One run for everybody; false where there is nobody.
    fn step(&mut self, waiting: &Mutex<Waiting>) -> Result<bool, EngineError> {
        self.let_go()?;
        self.admit(waiting)?;
        let Some(batch) = self.batch.as_mut().filter(|_| !self.seats.is_empty()) else { return Ok(false) };
        let beams = self.limits.beams;
        let fed: Vec<_> = self.seats.iter().flat_map(|seat| seat.fed(beams)).collect();
        let before = batch.forms();
        batch.feed(&fed)?;
        drop(fed);
        self.counter.note(self.seats.len(), batch.forms() - before);
        let mut ends = Vec::with_capacity(self.seats.len());
        for (place, seat) in self.seats.iter_mut().enumerate() {
            // What goes wrong in one window's text costs that window.
            let scratch = &mut self.scratch;
            let advanced = catch_unwind(AssertUnwindSafe(|| seat.advance(batch, place * beams, beams, scratch)));
            ends.push(match advanced {
                Ok(advanced) => End::of(advanced?),
                Err(_) => End::Broken,
            });
        }
        self.leave(&ends)?;
        Ok(true)
    }

    /// Those who have gone, and those who are too late.
    fn let_go(&mut self) -> Result<(), EngineError> {
        let now = Instant::now();
        let ends: Vec<End> =
            self.seats.iter().map(|seat| if seat.job.is_wanted(now) { End::None } else { End::Late }).collect();
        if ends.iter().all(|end| *end == End::None) {
            return Ok(());
        }
        // Between two runs every row goes on from itself.
        let own: Vec<usize> = (0..self.limits.beams).collect();
        self.seats.iter_mut().for_each(|seat| seat.sources.clone_from(&own));
        self.leave(&ends)
    }

    /// Lets some leave, whose places the last ones take, and gives each row the caches of the row that it goes on from.
    fn leave(&mut self, ends: &[End]) -> Result<(), EngineError> {
        let mut order: Vec<usize> = (0..self.seats.len()).collect();
        let mut gone = Vec::new();
        for place in (0..ends.len()).rev().filter(|&place| ends[place] != End::None) {
            gone.push((self.seats.swap_remove(place), ends[place]));
            order.swap_remove(place);
        }
        let beams = self.limits.beams;
        let seats = order.iter().zip(&self.seats);
        let sources: Vec<usize> =
            seats.flat_map(|(from, seat)| seat.sources.iter().map(move |row| from * beams + row)).collect();
        let is_same = gone.is_empty() && sources.iter().copied().eq(0..order.len() * beams);
        let kept = match &mut self.batch {
            Some(batch) if !is_same => batch.keep(&sources),
            _ => Ok(()),
        };
        gone.into_iter().for_each(|(seat, end)| end.settle(seat));
        kept
    }

    /// Takes in whoever waits and has a place.
    fn admit(&mut self, waiting: &Mutex<Waiting>) -> Result<(), EngineError> {
        loop {
            let is_full = self.batch.as_ref().is_some_and(|batch| !batch.has_room());
            if is_full || self.seats.iter().any(|seat| seat.job.is_alone) {
                return Ok(());
            }
            let Some(job) = waiting.lock().next(&self.seats, self.graphs.form()) else { return Ok(()) };
            self.seat(job)?;
        }
    }

    fn seat(&mut self, job: Job) -> Result<(), EngineError> {
        let encoded = Arc::clone(&job.question.encoded);
        let batch = match &mut self.batch {
            Some(batch) => batch,
            None => match new_batch(&self.graphs, self.limits, &job) {
                Ok(batch) => self.batch.insert(batch),
                Err(error) => {
                    job.settle(Err(error));
                    return Ok(());
                }
            },
        };
        // It sits before its caches are made: where that fails it is tried again as everybody is.
        self.seats.push(Seat::new(job));
        batch.add(&encoded)
    }

    /// A failed run may leave runner and caches in any state: everybody begins anew, each alone, and who fails alone has failed.
    fn start_over(&mut self, waiting: &Mutex<Waiting>) {
        self.batch = None;
        let mut again = Vec::new();
        for Seat { job, .. } in std::mem::take(&mut self.seats) {
            if job.is_alone {
                job.settle(Err(failed()));
            } else {
                again.push(Job { is_alone: true, ..job });
            }
        }
        waiting.lock().put_back(again);
    }
}

/// Whether and how a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    None,
    Whole,
    Late,
    Broken,
}

impl End {
    const fn of(is_whole: bool) -> Self {
        if is_whole { Self::Whole } else { Self::None }
    }

    fn settle(self, seat: Seat) {
        match self {
            Self::None => {}
            Self::Whole => {
                // What finishes a text is its caller's alone, as is what advances it.
                drop(catch_unwind(AssertUnwindSafe(|| seat.finish())));
            }
            Self::Late => seat.job.expire(),
            Self::Broken => seat.job.settle(Err(failed())),
        }
    }
}

fn new_batch(graphs: &Arc<Graphs>, limits: BatchLimits, job: &Job) -> Result<DecoderBatch, RunError> {
    let runners = (0..graphs.form().parts()).map(|part| job.pinned.part_runner(part)).collect::<Result<_, _>>()?;
    DecoderBatch::new(graphs, runners, limits).map_err(|error| {
        tracing::error!(%error, "no decoder batch");
        failed()
    })
}

fn failed() -> RunError {
    RunError::new(RunErrorKind::Internal, "the model failed on this window")
}
