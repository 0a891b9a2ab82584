//! A camera in virtual time: a frame at every tick, whether it falls into a run or between two.

use crate::support::{Row, call, rows};
use parking_lot::Mutex;
use samovar_engines::FakeCall;
use samovar_runtime::{Class, InputRow, ManualClock, ModelHandle, OutputRow, Pending, Scratch, Task, TaskError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A stream of frames. Clones are the same stream.
#[derive(Clone)]
pub struct Stream {
    shared: Arc<Shared>,
}

struct Shared {
    hand: ManualClock,
    every: Duration,
    state: Mutex<State>,
    /// Frames without an answer. The time between runs stands still meanwhile: what is waited for are runs alone.
    open: Arc<AtomicUsize>,
    runs: AtomicUsize,
}

#[derive(Default)]
struct State {
    to: Option<ModelHandle>,
    since_frame: Duration,
    answers: Vec<Pending<Vec<f32>>>,
}

/// A stream that sends frames until it is stopped.
pub struct Playing {
    stream: Stream,
    end: Arc<AtomicBool>,
    ticker: JoinHandle<()>,
}

/// A row that tells when it has been read.
struct Frame(Row, Arc<AtomicUsize>);

const STEP: Duration = Duration::from_millis(1);

impl Stream {
    pub fn every(every: Duration, hand: &ManualClock) -> Self {
        let (hand, state) = (hand.clone(), Mutex::default());
        let shared = Shared { hand, every, state, open: Arc::default(), runs: AtomicUsize::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// A hook: runs that take `time` for each row, while frames go on coming.
    pub fn run_of(&self, time: Duration) -> impl Fn(FakeCall) + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |run| {
            shared.runs.fetch_add(1, Ordering::SeqCst);
            let steps = time.as_millis() * run.rows as u128;
            (0..steps).for_each(|_| shared.step());
            shared.runs.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Sends frames to a model, and lets the time between runs pass.
    pub fn play(&self, to: ModelHandle) -> Playing {
        self.shared.state.lock().to = Some(to);
        let end = Arc::new(AtomicBool::new(false));
        let (shared, ended) = (Arc::clone(&self.shared), Arc::clone(&end));
        let ticker = std::thread::spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_micros(500));
                if shared.runs.load(Ordering::SeqCst) + shared.open.load(Ordering::SeqCst) == 0 {
                    shared.step();
                }
            }
        });
        Playing { stream: self.clone(), end, ticker }
    }
}

impl Shared {
    fn step(&self) {
        self.hand.advance(STEP);
        let mut state = self.state.lock();
        let Some(to) = state.to.clone() else { return };
        state.since_frame += STEP;
        if state.since_frame < self.every {
            return;
        }
        state.since_frame = Duration::ZERO;
        self.open.fetch_add(1, Ordering::SeqCst);
        let frame = Frame(Row::of(2.0), Arc::clone(&self.open));
        state.answers.push(to.submit(frame, rows(), call(Class::Live, 1)).unwrap());
    }
}

impl Playing {
    /// How long each frame waited; every one was answered.
    pub async fn stop(self) -> Vec<Duration> {
        self.stream.shared.state.lock().to = None;
        self.end.store(true, Ordering::SeqCst);
        self.ticker.join().unwrap();
        let answers = std::mem::take(&mut self.stream.shared.state.lock().answers);
        let mut waited = Vec::new();
        for answer in answers {
            let answer = answer.await.unwrap();
            assert_eq!(answer.output, Row::expected(2.0));
            waited.push(answer.timings.queued);
        }
        waited
    }
}

impl Task for Frame {
    type Output = Vec<f32>;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::write(&mut self.0, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Vec<f32>, TaskError> {
        self.1.fetch_sub(1, Ordering::SeqCst);
        Task::read(&mut self.0, row, scratch)
    }
}
