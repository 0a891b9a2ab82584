//! A source that is being read: one thread that owns the decoder, one mailbox that holds the newest frame.

use super::machine::Machine;
use super::shared::Shared;
use super::stop::Stop;
use super::worker::Worker;
use super::{SourceFigures, SourceSpec, SourceSpecError, SourceState, SourceTools};
use samovar_media::{Frame, PacketRing};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// A source that is being read. Dropping it ends its thread and its decoder, and waits for that: some 50 ms as a rule, a second at
/// most. Who drops many calls [`stop`](Self::stop) on all of them first.
#[derive(Debug)]
pub struct SourceReader {
    spec: Arc<SourceSpec>,
    monitor: SourceMonitor,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// What a source tells.
#[derive(Clone, Debug)]
pub enum SourceItem {
    /// The newest frame.
    Frame(SourceFrame),
    /// Its state from here on. States that followed each other faster than they were taken are left out.
    State(SourceState),
}

/// One frame of a source.
#[derive(Clone, Debug)]
pub struct SourceFrame {
    /// Number of the frame among those that were wanted, from 0; one that is missing was displaced by a newer one.
    pub number: u64,
    /// Number of the connection that it came by, from 1. Between two of them anything may have happened before the camera.
    pub connection: u64,
    /// Since the source's first frame, by the source's own timestamps. Rises strictly, over reconnects too.
    pub time: Duration,
    /// When the picture was taken, by this machine's wall clock, as well as that can be known from its arrival.
    pub wall: SystemTime,
    /// The picture. Its timestamp is the source's own.
    pub frame: Arc<Frame>,
}

/// Looks at a source from elsewhere. Cheap to clone; does not keep the source open.
#[derive(Clone, Debug)]
pub struct SourceMonitor {
    shared: Arc<Shared>,
    origin: Instant,
}

/// A source that could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceStartError {
    /// The specification makes no sense.
    #[error(transparent)]
    Spec(#[from] SourceSpecError),
    /// The system gives no thread.
    #[error("the system gives no thread for a further source; close others or raise the limit on threads")]
    NoThread,
}

/// Longest wait for a thread that was stopped.
const END_LIMIT: Duration = Duration::from_secs(1);

impl SourceReader {
    /// Starts to read. Returns at once; the source is opened on the reader's own thread. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A specification that makes no sense, or a system that gives no thread.
    pub fn start(spec: SourceSpec, tools: SourceTools) -> Result<Self, SourceStartError> {
        spec.validate()?;
        let spec = Arc::new(spec);
        let monitor = SourceMonitor { shared: Arc::new(Shared::new(spec.clip)), origin: Instant::now() };
        let stop = Arc::new(Stop::default());
        let policy = tools.reconnect;
        let machine = Machine::new(Arc::clone(&spec), tools, &monitor, Arc::clone(&stop));
        let worker = Worker::new(machine, &spec, policy, Arc::clone(&monitor.shared));
        let body = body(worker, monitor.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name(format!("source-{}", spec.name)).spawn(body);
        let thread = Some(thread.map_err(|_| SourceStartError::NoThread)?);
        Ok(Self { spec, monitor, stop, thread })
    }

    /// What it was asked to give.
    pub fn spec(&self) -> &SourceSpec {
        &self.spec
    }

    /// The next frame or state, in their order; waits while there is none, and for ever after [`SourceState::Ended`] or
    /// [`SourceState::Stopped`]. Safe to cancel.
    pub async fn next(&mut self) -> SourceItem {
        self.monitor.shared.mailbox.take().await
    }

    /// Its state at present.
    pub fn state(&self) -> SourceState {
        self.monitor.state()
    }

    /// What it has done so far.
    pub fn figures(&self) -> SourceFigures {
        self.monitor.figures()
    }

    /// The last seconds of the source's own packets, for clips; none where [`SourceSpec::clip`] asks for none. They go on over
    /// reconnects, where the source comes back as it was.
    pub fn packets(&self) -> Option<&PacketRing> {
        self.monitor.packets()
    }

    /// For whoever looks at it from elsewhere.
    pub fn monitor(&self) -> SourceMonitor {
        self.monitor.clone()
    }

    /// Tells it to stop, without waiting: its last state comes within a second.
    pub fn stop(&self) {
        self.stop.stop();
    }
}

impl Drop for SourceReader {
    fn drop(&mut self) {
        self.stop.stop();
        let Some(thread) = self.thread.take() else { return };
        if !self.stop.wait_gone(END_LIMIT) {
            tracing::warn!(source = %self.spec.name, "the thread of a source has not ended yet; it is left to itself");
        } else if thread.join().is_err() {
            tracing::error!(source = %self.spec.name, "the thread of a source panicked at its end");
        }
    }
}

impl SourceMonitor {
    /// The source's state at present.
    pub fn state(&self) -> SourceState {
        self.shared.state()
    }

    /// Its states from here on; the newest alone where they come faster than they are taken.
    pub fn watch(&self) -> watch::Receiver<SourceState> {
        self.shared.watch()
    }

    /// What it has done so far.
    pub fn figures(&self) -> SourceFigures {
        self.shared.figures(self.origin.elapsed())
    }

    /// The last seconds of the source's own packets: see [`SourceReader::packets`].
    pub fn packets(&self) -> Option<&PacketRing> {
        self.shared.packets.as_ref()
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) const fn origin(&self) -> Instant {
        self.origin
    }
}

/// What the thread does. A panic costs this source alone: it is stopped then, and says so.
fn body(mut worker: Worker<Machine>, monitor: SourceMonitor, stop: Arc<Stop>) -> impl FnOnce() + Send {
    move || {
        if catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
            tracing::error!("reading a source ended in a panic; the source is stopped");
            monitor.shared.set_state(SourceState::Stopped);
        }
        drop(worker);
        stop.gone();
    }
}
