//! What a source's thread and its owner share: the mailbox, the state, the counts.

use super::clock::SourceClock;
use super::figures::RateMeter;
use super::mailbox::Mailbox;
use super::{ClipSpan, SourceFault, SourceFigures, SourceState};
use parking_lot::Mutex;
use samovar_media::{Frame, FramePool, PacketRing, PoolPurpose};
use std::time::Duration;
use tokio::sync::watch;

/// One source's, from its start to its end.
#[derive(Debug)]
pub(super) struct Shared {
    pub mailbox: Mailbox,
    /// The source's own packets; none where no clips are wanted. One ring for all connections.
    pub packets: Option<PacketRing>,
    state: watch::Sender<SourceState>,
    /// Held only to count.
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Those that only grow, and those of the last frame.
    figures: SourceFigures,
    /// Of the present connection.
    rate: RateMeter,
    frame_at: Option<Duration>,
    connections: u64,
    /// Of the present connection; none between two, so that a source that is away holds no frames.
    pool: Option<FramePool>,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes into the mailbox.
    Wanted,
    /// Nothing moved since the last that was wanted.
    Still,
    /// Fewer are asked for.
    Paced,
}

/// Buffers that a source's pool keeps: one that the decoder fills and one that waits ahead, one in the mailbox, three that wait for
/// their run, run, or are looked at after it, one that is shown or drawn on, and one to spare.
pub(super) const POOL_FRAMES: usize = 8;

impl Shared {
    pub(super) fn new(clip: Option<ClipSpan>) -> Self {
        let (state, _) = watch::channel(SourceState::Connecting { tries: 0 });
        let packets = clip.map(|clip| PacketRing::new(clip.ring()));
        Self { mailbox: Mailbox::default(), packets, state, counts: Mutex::default() }
    }

    /// The state from here on.
    pub(super) fn set_state(&self, state: SourceState) {
        self.state.send_replace(state.clone());
        self.mailbox.put_state(state);
    }

    pub(super) fn state(&self) -> SourceState {
        self.state.borrow().clone()
    }

    pub(super) fn watch(&self) -> watch::Receiver<SourceState> {
        self.state.subscribe()
    }

    /// The pool of a connection that is about to be opened.
    pub(super) fn make_pool(&self) -> FramePool {
        let pool = FramePool::counted(PoolPurpose::Video, POOL_FRAMES);
        self.counts.lock().pool = Some(pool.clone());
        pool
    }

    pub(super) fn connected(&self, process_id: Option<u32>) {
        let mut counts = self.counts.lock();
        counts.connections += 1;
        counts.rate = RateMeter::default();
        counts.figures.reconnects = counts.connections - 1;
        counts.figures.process_id = process_id;
    }

    pub(super) fn disconnected(&self) {
        let mut counts = self.counts.lock();
        counts.figures.process_id = None;
        counts.pool = None;
    }

    pub(super) fn count(&self, fate: Fate, frame: &Frame, now: Duration, clock: &SourceClock) {
        let mut counts = self.counts.lock();
        counts.rate.arrived(now);
        counts.frame_at = Some(now);
        let figures = &mut counts.figures;
        figures.frames_in += 1;
        figures.still += u64::from(fate == Fate::Still);
        figures.paced += u64::from(fate == Fate::Paced);
        figures.frame_bytes = frame.pixels().len() as u64;
        figures.delay_ms = clock.delay_ms();
        figures.clock_offset_ms = clock.offset_ms();
        figures.timestamp_jumps = clock.jump_count();
    }

    pub(super) fn count_fault(&self, fault: SourceFault) {
        self.counts.lock().figures.faults[fault.index()] += 1;
    }

    pub(super) fn frames_in(&self) -> u64 {
        self.counts.lock().figures.frames_in
    }

    /// The figures as seen at `now`, on the clock that the frames were counted by.
    pub(super) fn figures(&self, now: Duration) -> SourceFigures {
        let taken = self.mailbox.counts();
        let counts = self.counts.lock();
        let figures = &counts.figures;
        let buffers = counts.pool.as_ref().map_or(0, |pool| {
            let stats = pool.stats();
            stats.in_use_max.min(stats.capacity).max(stats.in_use) as u64
        });
        SourceFigures {
            delivered: taken.delivered,
            overrun: taken.overrun,
            frames_per_second: counts.rate.per_second(now),
            frame_age: counts.frame_at.map(|last| now.saturating_sub(last)),
            pool_bytes: buffers * figures.frame_bytes,
            ..figures.clone()
        }
    }
}
