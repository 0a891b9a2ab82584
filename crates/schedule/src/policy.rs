//! The three classes of work and the limits of each: how much may wait, how long, and what happens beyond that.

use std::time::Duration;

/// The kinds of work that share one queue, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Frames of a live stream: worth something only while they are new.
    Live,
    /// A request whose caller waits for the answer.
    Interactive,
    /// Recorded media being worked through: everything counts, nothing hurries.
    Job,
}

impl Class {
    /// All classes, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Live, Self::Interactive, Self::Job];

    /// The word for this class in configuration, metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Interactive => "interactive",
            Self::Job => "job",
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// What happens to a push that finds its class full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest waiting entry of the same stream and lane makes room; a stream that has none waiting is refused.
    ///
    /// In a class with this rule a stream is also held to [`QueuePolicy::live_depth`] entries per lane: latest wins.
    DropOldestOfStream,
    /// The newest entry of the client that has the most waiting makes room, if that is more than the newcomer's client would have;
    /// else it is refused with [`RefusedReason::Full`](crate::RefusedReason::Full), which says when to come again.
    Refuse,
    /// Refused with [`RefusedReason::WouldWait`](crate::RefusedReason::WouldWait): the producer keeps the item and
    /// pushes it again once [`DeviceQueue::has_room`](crate::DeviceQueue::has_room).
    ProducerWaits,
}

/// The limits of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassPolicy {
    /// Entries of this class that may wait at once.
    pub capacity: usize,
    /// How long one entry may wait; past it, it is dropped and reported. Must be above zero: zero lets nothing start.
    pub wait_max: Duration,
    /// What happens to a push beyond `capacity`.
    pub when_full: WhenFull,
}

/// The limits of one device's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePolicy {
    /// Limits of [`Class::Live`].
    pub live: ClassPolicy,
    /// Limits of [`Class::Interactive`].
    pub interactive: ClassPolicy,
    /// Limits of [`Class::Job`].
    pub job: ClassPolicy,
    /// While jobs wait, one part in this many of the device's time is theirs, whatever else waits. 0: no reserved share.
    pub job_share: u32,
    /// The same for requests, so that live streams which fill a device do not keep every caller waiting until it gives up. Where both
    /// shares fall due with the same batch, whoever is due for longer has it, jobs before requests, and the other the next one.
    pub interactive_share: u32,
    /// Frames one live stream may have waiting in one lane. 1 is a mailbox: the latest frame replaces the waiting one.
    pub live_depth: usize,
}

impl QueuePolicy {
    /// The share that is reserved for `class`: one part in so many of the time, 0 for none. The highest class needs none.
    pub(crate) fn share(&self, class: Class) -> u32 {
        match class {
            Class::Live => 0,
            Class::Interactive => self.interactive_share,
            Class::Job => self.job_share,
        }
    }

    /// The limits of `class`.
    pub fn class(&self, class: Class) -> &ClassPolicy {
        match class {
            Class::Live => &self.live,
            Class::Interactive => &self.interactive,
            Class::Job => &self.job,
        }
    }
}

impl Default for QueuePolicy {
    /// 256 entries a class; a frame older than a second is of no use, a caller gives up after ten, a job has patience. Where all
    /// three wait, live work has seven parts in ten of the time.
    fn default() -> Self {
        let class = |wait_max, when_full| ClassPolicy { capacity: 256, wait_max, when_full };
        Self {
            live: class(Duration::from_secs(1), WhenFull::DropOldestOfStream),
            interactive: class(Duration::from_secs(10), WhenFull::Refuse),
            job: class(Duration::from_secs(600), WhenFull::ProducerWaits),
            job_share: 10,
            interactive_share: 5,
            live_depth: 1,
        }
    }
}
