//! Segmentation on one live stream, in a mode that may be changed while frames flow.
//!
//! The next mode's model is opened (loaded and warmed) while frames go on in the old one; the switch lies between two frames,
//! so that none is lost and none overtakes another. A model that the stream has used stays held until the stream ends.

use crate::pace::Pace;
use crate::reopening::Reopening;
use crate::{FrameEvent, FrameQueue, FrameTime, GovernorPolicy, Mode, ModeGovernor, ModeTable};
use samovar_media::Picture;
use samovar_models::{ClassMap, SegmentOptions};
use samovar_runtime::{Call, Class, Completed, Generation, Hold, Opened, RunError, RunErrorKind, StreamKey};
use std::collections::VecDeque;
use std::future::Future;
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One live stream of pictures.
pub struct SegmentStream {
    modes: Arc<ModeTable>,
    options: SegmentOptions,
    key: StreamKey,
    weight: NonZeroU16,
    pace: Pace,
    /// The mode of the frames that come next.
    current: usize,
    /// The mode of the frames whose events are told next.
    told: usize,
    switch: Option<Switch>,
    reopening: Reopening,
    /// Keeps the models of the modes that were used in memory, by their place in the table.
    holds: Vec<Option<Hold>>,
    /// Chooses the mode, where that is left to the server.
    governor: Option<ModeGovernor>,
    frames: FrameQueue<ClassMap, ModeChanged>,
    /// About modes, told before anything about frames. Bounded by [`NOTICES_MAX`].
    notices: VecDeque<SegmentEvent>,
}

/// What became of one frame, or of a change of mode.
#[derive(Debug)]
pub enum SegmentEvent {
    /// A frame was looked at.
    Result {
        /// Number of the frame.
        frame: u64,
        /// The mode that it was looked at in.
        mode: Arc<str>,
        /// What was seen, and where the time went.
        completed: Completed<ClassMap>,
        /// From the frame's arrival to its result.
        latency: Duration,
    },
    /// One frame, or several in a row, were not looked at: newer ones took their place.
    Dropped {
        /// Number of the first of them.
        frame: u64,
        /// How many in a row.
        count: u64,
    },
    /// A frame could not be looked at; the stream goes on.
    Error {
        /// Number of the frame.
        frame: u64,
        /// Why.
        error: RunError,
    },
    /// Another mode is being made ready; frames go on in the old one.
    ModeChanging {
        /// The mode to be.
        mode: Arc<str>,
        /// The mode until then.
        from: Arc<str>,
        /// Whether the server chooses.
        auto: bool,
    },
    /// The frames after this are looked at in another mode.
    ModeChanged(ModeChanged),
    /// The mode could not be made ready; the stream stays in the old one.
    ModeFailed {
        /// The mode that was asked for.
        mode: Arc<str>,
        /// Why it cannot be had.
        error: RunError,
    },
}

/// A change of mode between two frames.
#[derive(Clone, Debug)]
pub struct ModeChanged {
    /// The mode from here on.
    pub mode: Arc<str>,
    /// The mode until here.
    pub from: Arc<str>,
    /// The loaded copy of its model that was found or made.
    pub generation: Arc<Generation>,
    /// Whether its model was found warm.
    pub warm: bool,
    /// From the request for it to the switch.
    pub took: Duration,
    /// Whether the server chooses.
    pub auto: bool,
    /// Its place in the table.
    index: usize,
}

/// A change of mode that is on its way.
struct Switch {
    target: usize,
    hold: Hold,
    asked: Instant,
    opening: Pin<Box<dyn Future<Output = Result<Opened, RunError>> + Send>>,
}

/// Notices that nobody has taken yet; past it the oldest goes.
const NOTICES_MAX: usize = 16;
/// The longest that a mode's model may take to be loaded and warmed.
const OPEN_MAX: Duration = Duration::from_secs(600);

impl SegmentStream {
    /// A stream in the mode at `mode` of the table, whose model was opened.
    ///
    /// # Panics
    /// Where the table has no such mode.
    pub fn new(modes: Arc<ModeTable>, mode: usize, options: SegmentOptions, key: StreamKey) -> Self {
        assert!(mode < modes.modes().len(), "the mode is in the table");
        let hold = |(index, other): (usize, &Mode)| (index == mode).then(|| other.segmenter.handle().hold());
        let holds = modes.modes().iter().enumerate().map(hold).collect();
        Self {
            modes,
            holds,
            options,
            key,
            weight: NonZeroU16::MIN,
            pace: Pace::default(),
            current: mode,
            told: mode,
            switch: None,
            reopening: Reopening::default(),
            governor: None,
            frames: FrameQueue::default(),
            notices: VecDeque::new(),
        }
    }

    /// The modes that there are.
    pub fn modes(&self) -> &ModeTable {
        &self.modes
    }

    /// The mode of the frames that come next.
    pub fn mode(&self) -> &Mode {
        &self.modes.modes()[self.current]
    }

    /// Whether the server chooses the mode.
    pub const fn is_auto(&self) -> bool {
        self.governor.is_some()
    }

    /// What the maps of the next frames are to be like.
    pub const fn options(&self) -> SegmentOptions {
        self.options
    }

    /// Takes another share among live streams from the next frame on: one of weight 2 gets two turns where one of weight 1 gets one.
    pub const fn set_weight(&mut self, weight: NonZeroU16) {
        self.weight = weight;
    }

    /// Takes other options from the next frame on.
    pub const fn set_options(&mut self, options: SegmentOptions) {
        self.options = options;
    }

    /// How long a frame may take before the server, where it chooses the mode, takes a faster one.
    pub fn deadline(&self) -> Duration {
        self.pace.deadline()
    }

    /// Sets that time; none: the usual time between two frames.
    pub const fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.pace.set_deadline(deadline);
    }

    /// Asks for another mode, or with [`ModeTable::AUTO`] for the server's choice from the present one on. A change that is on its
    /// way already is given up. What comes of it is told by [`SegmentStream::next`].
    ///
    /// # Errors
    /// `Input` with the code `unknown_mode`; nothing changes then.
    pub fn set_mode(&mut self, name: &str) -> Result<(), RunError> {
        if name == ModeTable::AUTO {
            self.set_auto();
            self.begin(self.current);
            return Ok(());
        }
        let target = self.modes.find(name)?;
        self.governor = None;
        self.begin(target);
        Ok(())
    }

    /// Leaves the choice of the mode to the server, beginning with the present one; nothing is told of it.
    pub fn set_auto(&mut self) {
        let mut governor = ModeGovernor::new(GovernorPolicy::default(), self.modes.modes().len(), self.current);
        for (index, mode) in self.modes.modes().iter().enumerate() {
            if let Ok(generation) = mode.segmenter.handle().generation() {
                governor.set_settled_run(index, generation.figures().settled_run);
            }
        }
        self.governor = Some(governor);
    }

    /// Takes a frame in. Never waits; what becomes of it is told by [`SegmentStream::next`].
    pub fn push(&mut self, number: u64, picture: Picture) {
        self.pace.arrived(Instant::now());
        self.reopening.look(self.modes.modes()[self.current].segmenter.handle());
        let (segmenter, options) = (&self.modes.modes()[self.current].segmenter, self.options);
        let call = Call::new(Class::Live, self.key).weighing(self.weight);
        self.frames.push(number, || segmenter.segment(picture, options, call));
    }

    /// Tells of a frame that did not even become a picture.
    pub fn push_error(&mut self, number: u64, error: RunError) {
        self.frames.push_error(number, error);
    }

    /// The next event: about modes as soon as there is something to tell, about frames in their order. Waits for ever while
    /// nothing is on its way. Safe to cancel.
    pub async fn next(&mut self) -> SegmentEvent {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return notice;
            }
            tokio::select! {
                biased;
                opened = opened(&mut self.switch), if self.frames.has_room() => self.finish(opened),
                () = self.reopening.ended() => {}
                event = self.frames.next() => return self.tell(event),
            }
        }
    }

    /// Whether everything about frames was told.
    pub fn is_idle(&self) -> bool {
        self.frames.is_idle()
    }

    /// Begins to open the mode at `target`, in place of any other that was being opened.
    fn begin(&mut self, target: usize) {
        let mode = &self.modes.modes()[target];
        let (handle, name) = (mode.segmenter.handle().clone(), Arc::clone(&mode.name));
        // Taken first, so that nothing makes the model go between its opening and the switch.
        let hold = handle.hold();
        let opening = Box::pin(async move {
            let opened = tokio::time::timeout(OPEN_MAX, handle.open()).await;
            opened.unwrap_or_else(|_| Err(too_long()))
        });
        self.switch = Some(Switch { target, hold, asked: Instant::now(), opening });
        let (from, auto) = (Arc::clone(&self.mode().name), self.is_auto());
        self.notice(SegmentEvent::ModeChanging { mode: name, from, auto });
    }

    /// Goes over to the mode whose model is ready, or stays.
    fn finish(&mut self, opened: Result<Opened, RunError>) {
        let Some(Switch { target, hold, asked, .. }) = self.switch.take() else { return };
        // A model of another family loads well and fits no segmenter.
        let fits = opened.and_then(|opened| self.modes.modes()[target].segmenter.model().map(|_| opened));
        match fits {
            Ok(opened) => {
                self.holds[target] = Some(hold);
                self.change(target, asked, &opened);
            }
            Err(error) => self.refuse(target, error),
        }
    }

    fn change(&mut self, target: usize, asked: Instant, opened: &Opened) {
        let changed = ModeChanged {
            mode: Arc::clone(&self.modes.modes()[target].name),
            from: Arc::clone(&self.mode().name),
            generation: Arc::clone(opened.generation()),
            warm: matches!(opened, Opened::Warm(_)),
            took: asked.elapsed(),
            auto: self.is_auto(),
            index: target,
        };
        if let Some(governor) = &mut self.governor {
            governor.set_settled_run(target, changed.generation.figures().settled_run);
            governor.switched(Instant::now(), target);
        }
        self.current = target;
        self.frames.push_mark(changed);
    }

    fn refuse(&mut self, target: usize, error: RunError) {
        if let Some(governor) = &mut self.governor {
            governor.refused(Instant::now(), target);
        }
        let mode = Arc::clone(&self.modes.modes()[target].name);
        self.notice(SegmentEvent::ModeFailed { mode, error });
    }

    fn notice(&mut self, notice: SegmentEvent) {
        if self.notices.len() >= NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    fn tell(&mut self, event: FrameEvent<ClassMap, ModeChanged>) -> SegmentEvent {
        match event {
            FrameEvent::Result { frame, completed, latency } => {
                self.govern(FrameTime::Seen { latency, run: completed.timings.ran });
                let mode = Arc::clone(&self.modes.modes()[self.told].name);
                SegmentEvent::Result { frame, mode, completed, latency }
            }
            FrameEvent::Dropped { frame, count } => {
                self.govern(FrameTime::Dropped);
                SegmentEvent::Dropped { frame, count }
            }
            FrameEvent::Error { frame, error } => SegmentEvent::Error { frame, error },
            FrameEvent::Mark(changed) => {
                self.told = changed.index;
                SegmentEvent::ModeChanged(changed)
            }
        }
    }

    /// Lets the governor look at a frame of the present mode, unless a change is on its way already.
    fn govern(&mut self, frame: FrameTime) {
        if self.switch.is_some() || self.told != self.current {
            return;
        }
        let deadline = self.pace.deadline();
        let target = self.governor.as_mut().and_then(|governor| governor.observe(Instant::now(), deadline, frame));
        if let Some(target) = target {
            self.begin(target);
        }
    }
}

/// Waits until the model of a change is ready; for ever where no change is on its way.
async fn opened(switch: &mut Option<Switch>) -> Result<Opened, RunError> {
    match switch {
        Some(switch) => switch.opening.as_mut().await,
        None => std::future::pending().await,
    }
}

fn too_long() -> RunError {
    let kind = RunErrorKind::NotReady { retry_after: Duration::from_secs(1) };
    RunError::new(kind, "the mode's model is still being loaded")
}
