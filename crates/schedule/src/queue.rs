//! The queue of one device: admission, order, batches, and the end of everything that is admitted.
//!
//! An admitted entry ends in exactly one of five ways: a batch ([`DeviceQueue::take`]), displaced by another
//! ([`DeviceQueue::push`]: by a newer one of its stream, or by one of a client that has less waiting), too late ([`DeviceQueue::expire`]), cancelled ([`DeviceQueue::cancel`]), or
//! drained with its lane ([`DeviceQueue::drain_lane`]). Whoever causes the end is handed the item.
//!
//! **Order.** Class first, except for the shares of its time that are reserved for requests and jobs while they wait (`share.rs`); within the class the
//! lanes whose batch is ripe before the others; among those, fair turns between clients, across all lanes and models, which heed
//! deadlines (the rule and its bound are in `turns.rs`). A batch begins with the entry so found; the other rows come from the same lane,
//! the highest class first, so that a row is never given to a lower class while a higher one waits for it.
//!
//! **Batches.** Held back only while *no* lane is ripe and the slot may wait. As soon as a slot has anything to do it
//! does the most urgent thing, though its batch be not full: urgent work never waits behind less urgent work.
//!
//! **Bounds.** Each class holds at most its capacity; who has to leave when it is full says `places.rs`. No entry waits longer than its class's `wait_max` provided the
//! caller calls [`DeviceQueue::expire`] or [`DeviceQueue::take`] at the moments told by [`DeviceQueue::next_event`].
//! Everything takes O(log entries), and choosing a batch O(lanes with work) besides.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::drain::DrainRate;
use crate::lane::Lane;
use crate::places::Places;
use crate::share::Share;
use crate::strands::Spot;
use crate::turns::Turns;
use crate::{Batch, Class, Entry, LaneKey, Moment, Next, QueuePolicy, StreamKey, Take, Taken, Ticket, WhenFull};

/// A queue of items `T` for the slots of one device.
#[derive(Debug)]
pub struct DeviceQueue<T> {
    policy: QueuePolicy,
    waiting: HashMap<Ticket, Waiting<T>>,
    lanes: HashMap<LaneKey, Lane>,
    /// By [`Class::index`].
    classes: [ClassState; 3],
    /// The first moment at which each entry is too late.
    limits: BTreeSet<(Moment, Ticket)>,
    tickets_given: u64,
    closed: bool,
}

/// An entry was admitted.
#[derive(Debug)]
#[must_use = "may hold the work that was displaced"]
pub struct Admitted<T> {
    /// The entry's number, for [`DeviceQueue::cancel`].
    pub ticket: Ticket,
    /// What made room, if something had to.
    pub displaced: Option<Displaced<T>>,
}

/// An entry that was admitted and had to make room for another.
#[derive(Debug)]
pub struct Displaced<T> {
    /// The entry's number.
    pub ticket: Ticket,
    /// What was pushed.
    pub item: T,
    /// For whom.
    pub reason: DisplacedReason,
}

/// For whom an entry had to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplacedReason {
    /// A newer one of the same live stream.
    Newer,
    /// One of a client that has fewer waiting, in a class that was full.
    Crowded {
        /// When to come again, as in [`RefusedReason::Full`].
        retry_after: Duration,
    },
}

/// An entry was not admitted; the item goes back to the caller.
#[derive(Debug)]
pub struct Refused<T> {
    /// What was pushed.
    pub item: T,
    /// Why it may not wait.
    pub reason: RefusedReason,
}

/// Why an entry was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedReason {
    /// The class is full.
    #[error("the queue is full; try again in {} ms", retry_after.as_millis())]
    Full {
        /// How long the work that waits now will take, by the measured rate; at most the class's `wait_max`.
        retry_after: Duration,
    },
    /// The class is full and its producers wait: push again once [`DeviceQueue::has_room`].
    #[error("the queue is full; the producer waits for room")]
    WouldWait,
    /// The deadline has passed already.
    #[error("the deadline has passed")]
    Late,
    /// The queue was closed.
    #[error("the queue is closed")]
    Closed,
}

/// An entry that became too late while it waited.
#[derive(Debug)]
pub struct Dropped<T> {
    /// The entry's number.
    pub ticket: Ticket,
    /// The entry's class.
    pub class: Class,
    /// Whose it was.
    pub stream: StreamKey,
    /// Which limit it ran into.
    pub reason: DropReason,
    /// How long it waited.
    pub waited: Duration,
    /// What was pushed.
    pub item: T,
}

/// Which limit an entry ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Its own deadline.
    Deadline,
    /// The `wait_max` of its class.
    WaitLimit,
}

#[derive(Debug)]
struct Waiting<T> {
    entry: Entry,
    since: Moment,
    limit: Moment,
    /// Where it stands among the entries of its client.
    spot: Spot,
    item: T,
}

#[derive(Debug, Default)]
struct ClassState {
    turns: Turns,
    /// What goes on with work that has had its turn, in fair turns of its own.
    follow_ups: Turns,
    drain: DrainRate,
    places: Places,
    waiting: usize,
    share: Share,
}

impl<T> DeviceQueue<T> {
    /// An empty queue.
    pub fn new(policy: QueuePolicy) -> Self {
        Self {
            policy,
            waiting: HashMap::new(),
            lanes: HashMap::new(),
            classes: Default::default(),
            limits: BTreeSet::new(),
            tickets_given: 0,
            closed: false,
        }
    }

    /// Asks for admission of `item` at `now`.
    ///
    /// # Errors
    /// [`Refused`] gives the item back: closed, too late already, or its class is full (what that means is the
    /// class's [`WhenFull`]).
    pub fn push(&mut self, now: Moment, entry: Entry, item: T) -> Result<Admitted<T>, Refused<T>> {
        let displaced = match self.admission(now, &entry) {
            Ok(displaced) => displaced,
            Err(reason) => return Err(Refused { item, reason }),
        };
        let ticket = self.admit(now, entry, item);
        // After the newcomer is in: a stream that displaces its own work keeps its turn.
        let displaced = displaced.and_then(|(ticket, reason)| {
            let item = self.remove(ticket, false)?.item;
            Some(Displaced { ticket, item, reason })
        });
        Ok(Admitted { ticket, displaced })
    }

    /// Hands a slot its next batch, and whoever became too late.
    ///
    /// With `may_wait` a batch that is not ripe is held back for others to join; without it (nothing else is coming,
    /// or the caller drains) the batch closes as it is.
    pub fn take(&mut self, now: Moment, may_wait: bool) -> Take<T> {
        let expired = self.expire(now);
        let next = self.next(now, may_wait);
        Take { expired, next }
    }

    /// What would begin the batch that [`DeviceQueue::take`] gives at `now`, were nothing too late; none where it would give none.
    pub fn peek(&mut self, now: Moment, may_wait: bool) -> Option<&T> {
        let (class, lane) = self.in_turn(now, may_wait)?;
        let first = self.classes[class.index()].first(lane)?;
        self.waiting.get(&first).map(|waiting| &waiting.item)
    }

    /// Removes an entry whose caller has gone. `None` if it is not waiting any more.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<T> {
        self.remove(ticket, false).map(|waiting| waiting.item)
    }

    /// Removes everything that is too late at `now`.
    #[must_use = "holds work whose callers want to be told"]
    pub fn expire(&mut self, now: Moment) -> Vec<Dropped<T>> {
        let mut dropped = Vec::new();
        while let Some(&(limit, ticket)) = self.limits.first().filter(|(limit, _)| *limit <= now) {
            let Some(waiting) = self.remove(ticket, false) else { break };
            let reason =
                if waiting.entry.deadline == Some(limit) { DropReason::Deadline } else { DropReason::WaitLimit };
            dropped.push(Dropped {
                ticket,
                class: waiting.entry.class,
                stream: waiting.entry.stream,
                reason,
                waited: now.saturating_since(waiting.since),
                item: waiting.item,
            });
        }
        dropped
    }

    /// Removes everything of one lane, in order of admission: its model generation is going away.
    #[must_use = "holds work whose callers want to be told"]
    pub fn drain_lane(&mut self, lane: LaneKey) -> Vec<T> {
        let tickets = self.lanes.get(&lane).map(Lane::tickets).unwrap_or_default();
        tickets.into_iter().filter_map(|ticket| self.cancel(ticket)).collect()
    }

    /// Refuses all pushes from now on. What waits may still be taken.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// How many entries wait, of all classes.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many entries of `class` wait.
    pub fn depth(&self, class: Class) -> usize {
        self.classes[class.index()].waiting
    }

    /// Whether a push of `class` would find room: what a producer that was told to wait looks at.
    pub fn has_room(&self, class: Class) -> bool {
        self.depth(class) < self.policy.class(class).capacity
    }

    /// The next moment after `now` at which something changes by itself: an entry becomes too late or a batch ripe.
    pub fn next_event(&self, now: Moment) -> Option<Moment> {
        let limit = self.limits.first().map(|(limit, _)| *limit);
        let ripe = self.lanes.values().map(Lane::ripe_at).filter(|ripe_at| *ripe_at > now).min();
        limit.into_iter().chain(ripe).min()
    }

    /// Whether `entry` may enter, and which entry it displaces.
    fn admission(&self, now: Moment, entry: &Entry) -> Result<Option<(Ticket, DisplacedReason)>, RefusedReason> {
        if self.closed {
            return Err(RefusedReason::Closed);
        }
        if entry.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(RefusedReason::Late);
        }
        let state = &self.classes[entry.class.index()];
        let policy = self.policy.class(entry.class);
        let full = state.waiting >= policy.capacity;
        let retry_after = state.drain.time_for(state.waiting, policy.wait_max);
        match policy.when_full {
            WhenFull::DropOldestOfStream if entry.follow_up && !full => Ok(None),
            WhenFull::DropOldestOfStream if entry.follow_up => Err(RefusedReason::Full { retry_after }),
            WhenFull::DropOldestOfStream => {
                let crowded = state.turns.depth(entry.client, entry.lane) >= self.policy.live_depth.max(1);
                let oldest = state.turns.oldest(entry.client, entry.lane).filter(|_| full || crowded);
                let oldest = oldest.map(|ticket| (ticket, DisplacedReason::Newer));
                if full && oldest.is_none() { Err(RefusedReason::Full { retry_after }) } else { Ok(oldest) }
            }
            WhenFull::Refuse if full => {
                let greedy = state.places.pushed_out_by(entry.client).ok_or(RefusedReason::Full { retry_after })?;
                Ok(Some((greedy, DisplacedReason::Crowded { retry_after })))
            }
            WhenFull::ProducerWaits if full => Err(RefusedReason::WouldWait),
            WhenFull::Refuse | WhenFull::ProducerWaits => Ok(None),
        }
    }

    fn admit(&mut self, now: Moment, entry: Entry, item: T) -> Ticket {
        let ticket = Ticket(self.tickets_given);
        self.tickets_given += 1;
        let patience = now + self.policy.class(entry.class).wait_max;
        let limit = entry.deadline.map_or(patience, |deadline| deadline.min(patience));
        let state = &mut self.classes[entry.class.index()];
        state.waiting += 1;
        // A deadline beyond the patience of the class says nothing of urgency: every request has one of some kind.
        let deadline = entry.deadline.filter(|deadline| *deadline <= patience).unwrap_or(Moment::NEVER);
        let spot = state.turns_of(entry.follow_up).insert(&entry, ticket, deadline);
        if self.policy.class(entry.class).when_full == WhenFull::Refuse {
            state.places.take(entry.client, ticket);
        }
        self.lanes.entry(entry.lane).or_insert_with(|| Lane::new(entry.batch)).insert(ticket, now, entry.batch);
        self.limits.insert((limit, ticket));
        self.waiting.insert(ticket, Waiting { entry, since: now, limit, spot, item });
        ticket
    }

    /// The one way out of the queue: takes an entry out of every index. `starts`: its client has had a turn.
    fn remove(&mut self, ticket: Ticket, starts: bool) -> Option<Waiting<T>> {
        let waiting = self.waiting.remove(&ticket)?;
        let entry = &waiting.entry;
        self.limits.remove(&(waiting.limit, ticket));
        if let Some(lane) = self.lanes.get_mut(&entry.lane) {
            lane.remove(ticket);
            if lane.is_empty() {
                self.lanes.remove(&entry.lane);
            }
        }
        let state = &mut self.classes[entry.class.index()];
        state.waiting -= 1;
        state.turns_of(entry.follow_up).remove(entry, waiting.spot, starts);
        if self.policy.class(entry.class).when_full == WhenFull::Refuse {
            state.places.give_back(entry.client, ticket);
        }
        if state.waiting == 0 && !starts {
            state.drain.emptied();
        }
        Some(waiting)
    }

    fn next(&mut self, now: Moment, may_wait: bool) -> Next<T> {
        match self.in_turn(now, may_wait) {
            Some((class, lane)) => Next::Batch(self.fill(now, class, lane)),
            None => self.next_event(now).filter(|_| may_wait).map_or(Next::Empty, Next::WaitUntil),
        }
    }

    /// Whose turn it is; none where nobody waits, or where a batch is held back for others to join.
    fn in_turn(&mut self, now: Moment, may_wait: bool) -> Option<(Class, LaneKey)> {
        if may_wait && !self.lanes.values().any(|lane| lane.ripe_at() <= now) {
            return None;
        }
        let class = self.class_in_turn(now)?;
        Some((class, self.lane_in_turn(class, now)?))
    }

    /// The class whose reserved batch is due, the one that is due for longest first; else the most urgent class that waits.
    fn class_in_turn(&mut self, now: Moment) -> Option<Class> {
        let waiting = Class::ALL.map(|class| (self.depth(class) > 0).then_some(class));
        let due = waiting.into_iter().flatten().filter_map(|class| Some((self.overdue(class, now)?, class))).max();
        due.map(|(_, class)| class).or_else(|| waiting.into_iter().flatten().next())
    }

    /// For how much a batch of the class is overdue; none where none is.
    fn overdue(&mut self, class: Class, now: Moment) -> Option<Duration> {
        let one_in = self.policy.share(class);
        if !self.classes[class.index()].share.may_be_due(one_in) {
            return None;
        }
        let lane = self.lane_in_turn(class, now)?;
        let first = self.classes[class.index()].first(lane)?;
        let cost = self.waiting.get(&first)?.entry.cost;
        self.classes[class.index()].share.overdue(one_in, cost, self.policy.class(class).wait_max)
    }

    /// The lane of the entry whose turn it is: lanes with a ripe batch first, and of those the ones with work that goes on.
    fn lane_in_turn(&mut self, class: Class, now: Moment) -> Option<LaneKey> {
        let state = &mut self.classes[class.index()];
        let unripe = |key| self.lanes.get(&key).is_none_or(|lane| lane.ripe_at() > now);
        let ranked =
            [&mut state.follow_ups, &mut state.turns].into_iter().zip([false, true]).flat_map(|(turns, later)| {
                let lanes = turns.lanes().into_iter();
                lanes.filter_map(move |key| turns.head(key).map(|(place, _)| (unripe(key), later, place, key)))
            });
        ranked.min().map(|(.., key)| key)
    }

    /// Takes the first row from the class whose turn it is and the others from the highest class down.
    fn fill(&mut self, now: Moment, class: Class, lane: LaneKey) -> Batch<T> {
        let size_max = self.lanes.get(&lane).map_or(1, Lane::size_max);
        let waited = Class::ALL.map(|class| self.depth(class) > 0);
        let mut cost = Duration::ZERO;
        let mut items: Vec<Taken<T>> = self.take_row(now, class, lane, &mut cost).into_iter().collect();
        for rider_class in Class::ALL {
            while items.len() < size_max
                && let Some(row) = self.take_row(now, rider_class, lane, &mut cost)
            {
                items.push(row);
            }
        }
        self.note_batch(now, waited, &items, cost);
        Batch { lane, class, items }
    }

    fn take_row(&mut self, now: Moment, class: Class, lane: LaneKey, cost: &mut Duration) -> Option<Taken<T>> {
        let ticket = self.classes[class.index()].first(lane)?;
        let Waiting { entry, since, limit, item, .. } = self.remove(ticket, true)?;
        *cost = cost.saturating_add(entry.cost);
        Some(Taken { ticket, class, stream: entry.stream, waited: now.saturating_since(since), limit, item })
    }

    /// Keeps the measured rates, and what the reserved shares go by.
    fn note_batch(&mut self, now: Moment, waited: [bool; 3], items: &[Taken<T>], cost: Duration) {
        for class in Class::ALL {
            let rows = items.iter().filter(|row| row.class == class).count();
            let state = &mut self.classes[class.index()];
            if rows > 0 {
                state.drain.started(now, rows, state.waiting > 0);
            }
            if waited[class.index()] && rows == 0 {
                state.share.pass_over(cost);
            } else {
                state.share.reset();
            }
        }
    }
}

impl ClassState {
    /// The entry of the class that is next in `lane`.
    fn first(&mut self, lane: LaneKey) -> Option<Ticket> {
        let head = self.follow_ups.head(lane).or_else(|| self.turns.head(lane));
        head.map(|(_, ticket)| ticket)
    }

    const fn turns_of(&mut self, follow_up: bool) -> &mut Turns {
        if follow_up { &mut self.follow_ups } else { &mut self.turns }
    }
}
