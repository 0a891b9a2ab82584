//! The life of a source: open it, read it, and when it is lost wait and open it again, until it is stopped.

use super::clock::{SourceClock, Stamp};
use super::feed::{FeedEnd, FeedFacts, FeedStep, FrameFeed, World};
use super::pacer::FramePacer;
use super::reconnect::{Reconnect, TRIES_APART};
use super::shared::{Fate, Shared};
use super::{ReconnectPolicy, SourceFault, SourceFrame, SourceKind, SourceSpec, SourceState};
use samovar_media::{Frame, MotionGate};
use std::sync::Arc;
use std::time::Duration;

/// Reads one source. Generic over the world, so that its rules run in virtual time.
pub(super) struct Worker<W> {
    world: W,
    name: Arc<str>,
    kind: SourceKind,
    silence_max: Duration,
    policy: ReconnectPolicy,
    shared: Arc<Shared>,
    reconnect: Reconnect,
    clock: SourceClock,
    pacer: FramePacer,
    gate: Option<MotionGate>,
    /// Number of the next frame that is put in the mailbox.
    number: u64,
    /// Number of the present connection, from 1.
    connection: u64,
}

/// What follows one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Open it again, as soon as tries are far enough apart.
    Again,
    /// It is lost: wait.
    Wait(SourceFault),
    /// Nothing more comes.
    End,
    Stop,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Over,
    /// The port answers again.
    Answered,
}

/// How long one step of a feed waits: how late a stop is seen.
const STEP: Duration = Duration::from_millis(50);

impl<W: World> Worker<W> {
    pub(super) fn new(world: W, spec: &SourceSpec, policy: ReconnectPolicy, shared: Arc<Shared>) -> Self {
        Self {
            world,
            name: Arc::clone(&spec.name),
            kind: spec.address.kind(),
            silence_max: spec.silence_max(),
            policy,
            shared,
            reconnect: Reconnect::new(policy),
            clock: SourceClock::default(),
            pacer: FramePacer::new(spec.fps_max),
            gate: spec.motion_gate.map(MotionGate::new),
            number: 0,
            connection: 0,
        }
    }

    /// Reads until the source ends or is stopped.
    pub(super) fn run(&mut self) {
        let mut waited = Waited::Over;
        let last = loop {
            match self.connect(waited) {
                Next::Stop => break SourceState::Stopped,
                Next::End => break SourceState::Ended,
                Next::Again => {
                    self.world.wait(self.reconnect.wait_min(self.world.now()));
                    waited = Waited::Over;
                }
                Next::Wait(fault) => waited = self.wait(fault),
            }
        };
        self.shared.set_state(last);
    }

    /// One connection from its first byte to its end. The feed is gone when this returns.
    fn connect(&mut self, waited: Waited) -> Next {
        if self.world.is_stopped() {
            return Next::Stop;
        }
        let tries = self.reconnect.begin(self.world.now());
        self.shared.set_state(SourceState::Connecting { tries });
        let frames_before = self.shared.frames_in();
        let result = if waited == Waited::Answered || self.world.answers() {
            self.world.open().and_then(|feed| self.read(feed))
        } else {
            Err(SourceFault::Unreachable)
        };
        self.shared.disconnected();
        match result {
            _ if self.world.is_stopped() => Next::Stop,
            Ok(end) => self.after(end, self.shared.frames_in() > frames_before),
            Err(fault) => Next::Wait(fault),
        }
    }

    /// What follows an end without a fault.
    fn after(&self, end: FeedEnd, had_frames: bool) -> Next {
        match (end, self.kind) {
            _ if !had_frames => Next::Wait(SourceFault::Refused),
            (FeedEnd::Resized, _) | (_, SourceKind::File) => Next::Again,
            (FeedEnd::Finished, SourceKind::Http | SourceKind::Hls) => Next::End,
            _ => Next::Wait(SourceFault::Closed),
        }
    }

    fn read(&mut self, mut feed: W::Feed) -> Result<FeedEnd, SourceFault> {
        let mut heard = self.world.now();
        while !self.world.is_stopped() {
            match feed.step(STEP)? {
                FeedStep::Opened(facts) => self.opened(facts),
                FeedStep::Frame(frame) => {
                    heard = self.world.now();
                    self.frame(frame);
                }
                FeedStep::Ended(end) => return Ok(end),
                FeedStep::Quiet if self.world.now().saturating_sub(heard) > self.silence_max => {
                    return Err(SourceFault::Stalled);
                }
                FeedStep::Quiet => {}
            }
        }
        Ok(FeedEnd::Closed)
    }

    fn opened(&mut self, facts: FeedFacts) {
        let now = self.world.now();
        self.connection += 1;
        self.clock.reopen(now);
        self.shared.connected(facts.process_id);
        tracing::info!(source = %self.name, size = ?facts.size, codec = facts.codec.as_deref(), "a source is live");
        self.shared.set_state(SourceState::Live { since: self.world.wall(), size: facts.size, codec: facts.codec });
    }

    fn frame(&mut self, frame: Frame) {
        let now = self.world.now();
        self.reconnect.frame(now);
        let stamp = self.clock.stamp(frame.timestamp(), now, self.world.wall());
        let fate = self.judge(&frame, stamp);
        self.shared.count(fate, &frame, now, &self.clock);
        if fate == Fate::Wanted {
            let Stamp { time, wall } = stamp;
            let (number, connection) = (self.number, self.connection);
            self.number += 1;
            self.shared.mailbox.put_frame(SourceFrame { number, connection, time, wall, frame: Arc::new(frame) });
        }
    }

    fn judge(&mut self, frame: &Frame, stamp: Stamp) -> Fate {
        if !self.pacer.wants(stamp.time) {
            return Fate::Paced;
        }
        let moved = self.gate.as_mut().is_none_or(|gate| gate.passes(frame, stamp.time));
        if moved { Fate::Wanted } else { Fate::Still }
    }

    /// Waits after a fault, until the next try is due or the port answers again.
    fn wait(&mut self, fault: SourceFault) -> Waited {
        let began = self.world.now();
        let jitter = self.world.jitter();
        let end = began + self.reconnect.wait(began, jitter);
        let retry_at = self.world.wall() + (end - began);
        self.shared.count_fault(fault);
        self.tell(fault);
        self.shared.set_state(SourceState::Waiting { retry_at, fault, tries: self.reconnect.tries() });
        // Looks divide the wait evenly, so that the try that ends it is no sooner after the last of them than they are apart.
        let looks = self.look_count(fault, end - began);
        for look in 1..=looks {
            let due = began + (end - began) * look / looks;
            self.world.wait(due.saturating_sub(self.world.now()));
            if self.world.is_stopped() || look == looks {
                break;
            }
            if self.world.answers() {
                return Waited::Answered;
            }
        }
        Waited::Over
    }

    /// Into how many parts a wait is divided: one where looking for an answer tells nothing.
    fn look_count(&self, fault: SourceFault, wait: Duration) -> u32 {
        let apart = self.policy.look_every.max(TRIES_APART);
        let looks = (wait.as_secs_f64() / apart.as_secs_f64()) as u32;
        if fault == SourceFault::Unreachable { looks.max(1) } else { 1 }
    }

    /// Once aloud, and quietly until it was live again: a camera that is away for a week must not fill a log.
    fn tell(&self, fault: SourceFault) {
        let (tries, code) = (self.reconnect.tries(), fault.code());
        if tries <= 1 {
            tracing::warn!(source = %self.name, code, "{}", fault.sentence());
        } else {
            tracing::debug!(source = %self.name, code, tries, "the source is still away");
        }
    }
}
