//! Random histories of push, take, cancel, drain and passing time, held against a plain list of what was admitted.
//!
//! After every history: each admitted entry ended exactly once and in the way that was told; nothing started at or
//! after its deadline; nothing waited longer than its class allows; batches keep to one lane, to the size and to
//! the order of admission within a stream; nothing is left inside.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proptest::prelude::*;
use samovar_schedule::{
    Batch, BatchRule, Class, ClassPolicy, ClientKey, DeviceQueue, Displaced, DisplacedReason, Entry, LaneKey, Moment,
    Next, QueuePolicy, StreamKey, Ticket, WhenFull,
};

use crate::support::{entry, ms, push};

/// Rows in the largest batch and the longest delay in ms, by lane.
const LANES: [(usize, u64); 4] = [(1, 0), (4, 0), (3, 15), (8, 40)];
const STREAMS: u64 = 5;
/// That the streams of requests and jobs belong to.
const CLIENTS: u64 = 2;

#[derive(Clone, Debug)]
enum Step {
    Push { class: usize, stream: u64, lane: usize, deadline_ms: Option<u64>, weight: u16 },
    Take { may_wait: bool },
    CancelOneIn { place: usize },
    Drain { lane: usize },
    Pass { time_ms: u64 },
    PassToNextEvent,
}

fn step() -> impl Strategy<Value = Step> {
    let deadline_ms = prop_oneof![2 => Just(None), 1 => (0_u64..120).prop_map(Some)];
    prop_oneof![
        8 => (0_usize..3, 0..STREAMS, 0..LANES.len(), deadline_ms, 1_u16..5).prop_map(
            |(class, stream, lane, deadline_ms, weight)| Step::Push { class, stream, lane, deadline_ms, weight }
        ),
        5 => any::<bool>().prop_map(|may_wait| Step::Take { may_wait }),
        1 => (0_usize..64).prop_map(|place| Step::CancelOneIn { place }),
        1 => (0..LANES.len() * 4).prop_map(|lane| Step::Drain { lane }),
        2 => (0_u64..30).prop_map(|time_ms| Step::Pass { time_ms }),
        1 => Just(Step::PassToNextEvent),
    ]
}

fn any_policy() -> impl Strategy<Value = QueuePolicy> {
    let class = |when_full| {
        (1_usize..12, 1_u64..200).prop_map(move |(capacity, wait_ms)| ClassPolicy {
            capacity,
            wait_max: ms(wait_ms),
            when_full,
        })
    };
    let classes = (class(WhenFull::DropOldestOfStream), class(WhenFull::Refuse), class(WhenFull::ProducerWaits));
    let shares = (0_u32..6, 0_u32..6);
    (classes, shares, 1_usize..4).prop_map(|((live, interactive, job), (job_share, interactive_share), live_depth)| {
        QueuePolicy { live, interactive, job, job_share, interactive_share, live_depth }
    })
}

/// The queue under test beside a list of what should be in it.
struct History {
    policy: QueuePolicy,
    queue: DeviceQueue<u64>,
    now: Moment,
    pushed: u64,
    /// What waits by our own count: the entry, when it came, and the item.
    inside: BTreeMap<Ticket, (Entry, Moment, u64)>,
    ended: HashMap<u64, &'static str>,
    /// What batches without work of a class cost while it waited, by class.
    passed_over: [Duration; 3],
}

impl History {
    fn new(policy: QueuePolicy) -> Self {
        Self {
            policy,
            queue: DeviceQueue::new(policy),
            now: Moment::ZERO,
            pushed: 0,
            inside: BTreeMap::new(),
            ended: HashMap::new(),
            passed_over: [Duration::ZERO; 3],
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push { class, stream, lane, deadline_ms, weight } => {
                let (size_max, delay_ms) = LANES[lane];
                let client = if Class::ALL[class] == Class::Live { stream } else { stream % CLIENTS };
                self.push(Entry {
                    client: ClientKey(client),
                    cost: ms(1 + lane as u64 * 7),
                    batch: BatchRule { size_max, delay_max: ms(delay_ms) },
                    deadline: deadline_ms.map(|span| self.now + ms(span)),
                    weight: weight.try_into().expect("weights start at one"),
                    follow_up: false,
                    ..entry(Class::ALL[class], stream, lane as u64)
                });
            }
            Step::Take { may_wait } => self.take(may_wait),
            Step::CancelOneIn { place } => self.cancel(place),
            Step::Drain { lane } => self.drain(LaneKey(lane as u64)),
            Step::Pass { time_ms } => self.now = self.now + ms(time_ms),
            Step::PassToNextEvent => self.pass_to_next_event(),
        }
        self.check_counts();
    }

    fn push(&mut self, entry: Entry) {
        let item = self.pushed;
        self.pushed += 1;
        let room = self.queue.has_room(entry.class);
        match self.queue.push(self.now, entry, item) {
            Ok(admitted) => {
                let last = self.inside.last_key_value().map(|(ticket, _)| *ticket);
                assert!(last < Some(admitted.ticket), "tickets follow the order of admission");
                self.inside.insert(admitted.ticket, (entry, self.now, item));
                if let Some(displaced) = admitted.displaced {
                    self.check_displaced(&entry, &displaced);
                    self.end(displaced.ticket, displaced.item, "displaced");
                }
            }
            Err(refused) => {
                assert_eq!(refused.item, item);
                let late = entry.deadline.is_some_and(|deadline| deadline <= self.now);
                assert!(late || !room, "refused {:?} though there was room", refused.reason);
                self.ended.insert(item, "refused");
            }
        }
    }

    fn check_displaced(&self, entry: &Entry, displaced: &Displaced<u64>) {
        match displaced.reason {
            DisplacedReason::Newer => {
                assert_eq!(entry.class, Class::Live, "only live work is replaced");
                assert_eq!(Some(displaced.ticket), self.oldest(Class::Live, entry.stream, entry.lane));
            }
            DisplacedReason::Crowded { .. } => {
                assert_eq!(entry.class, Class::Interactive, "only requests are pushed out");
                let counts = self.inside.values().filter(|(other, ..)| other.class == entry.class).fold(
                    HashMap::<_, usize>::new(),
                    |mut counts, (other, ..)| {
                        *counts.entry(other.client).or_default() += 1;
                        counts
                    },
                );
                let (greedy, ..) = self.inside[&displaced.ticket];
                assert_eq!(Some(&counts[&greedy.client]), counts.values().max());
                assert!(counts[&greedy.client] > counts[&entry.client], "no more than is fair");
            }
        }
    }

    fn take(&mut self, may_wait: bool) {
        let take = self.queue.take(self.now, may_wait);
        for dropped in take.expired {
            self.check_limit(dropped.ticket, true);
            self.end(dropped.ticket, dropped.item, "expired");
        }
        match take.next {
            Next::Batch(batch) => self.check_batch(batch),
            Next::WaitUntil(moment) => {
                assert!(may_wait && moment > self.now && !self.inside.is_empty());
            }
            Next::Empty => assert!(self.inside.is_empty()),
        }
    }

    fn check_batch(&mut self, batch: Batch<u64>) {
        let waits = Class::ALL.map(|class| self.inside.values().any(|(entry, ..)| entry.class == class));
        let highest = self.inside.values().map(|(entry, ..)| entry.class).min();
        let carried = Class::ALL.map(|class| batch.items.iter().any(|row| row.class == class));
        let reserved = self.share(batch.class) > 0;
        assert!(Some(batch.class) == highest || reserved, "{:?} ran while {highest:?} waited", batch.class);
        assert!((1..=LANES[batch.lane.0 as usize].0).contains(&batch.items.len()));
        assert_eq!(batch.items[0].class, batch.class);
        let mut cost = Duration::ZERO;
        for row in batch.items {
            let (entry, since, _) = self.inside[&row.ticket];
            cost += entry.cost;
            assert_eq!((entry.lane, entry.class, entry.stream), (batch.lane, row.class, row.stream));
            assert_eq!(row.waited, self.now.saturating_since(since));
            assert_eq!(Some(row.ticket), self.oldest(row.class, row.stream, batch.lane), "first in, first out");
            self.check_limit(row.ticket, false);
            self.end(row.ticket, row.item, "ran");
        }
        for (class, passed_over) in self.passed_over.iter_mut().enumerate() {
            *passed_over = if waits[class] && !carried[class] { *passed_over + cost } else { Duration::ZERO };
        }
        self.check_shares();
    }

    fn check_shares(&self) {
        let dearest = ms(1 + (LANES.len() as u64 - 1) * 7);
        let longest_batch = dearest * 8;
        for class in [Class::Interactive, Class::Job] {
            let share = self.share(class);
            // It is due, and of two that are due each goes before the other once.
            let most = dearest * share.saturating_sub(1) + longest_batch * 3;
            assert!(share == 0 || self.passed_over[class as usize] < most);
        }
    }

    fn share(&self, class: Class) -> u32 {
        [0, self.policy.interactive_share, self.policy.job_share][class as usize]
    }

    fn cancel(&mut self, place: usize) {
        let Some(ticket) = self.inside.keys().nth(place).copied() else { return };
        let item = self.queue.cancel(ticket).expect("it waits");
        self.end(ticket, item, "cancelled");
        assert_eq!(self.queue.cancel(ticket), None);
    }

    fn drain(&mut self, lane: LaneKey) {
        let expected: Vec<(Ticket, u64)> = self
            .inside
            .iter()
            .filter(|(_, (entry, ..))| entry.lane == lane)
            .map(|(ticket, (.., item))| (*ticket, *item))
            .collect();
        let items: Vec<u64> = expected.iter().map(|(_, item)| *item).collect();
        assert_eq!(self.queue.drain_lane(lane), items);
        expected.into_iter().for_each(|(ticket, item)| self.end(ticket, item, "drained"));
    }

    /// Does what the queue's owner does: sleeps until something happens by itself, and looks.
    fn pass_to_next_event(&mut self) {
        let Some(moment) = self.queue.next_event(self.now) else {
            return assert!(self.inside.is_empty(), "whatever waits has an end");
        };
        self.now = self.now.max(moment);
        for dropped in self.queue.expire(self.now) {
            self.end(dropped.ticket, dropped.item, "expired");
        }
    }

    /// Whether an entry ran into a limit is what the caller expects of it.
    fn check_limit(&self, ticket: Ticket, over: bool) {
        let (entry, since, _) = self.inside[&ticket];
        let late = entry.deadline.is_some_and(|deadline| deadline <= self.now);
        let tired = self.now.saturating_since(since) >= self.policy.class(entry.class).wait_max;
        assert_eq!(late || tired, over, "late {late}, waited too long {tired}");
    }

    fn end(&mut self, ticket: Ticket, item: u64, how: &'static str) {
        let (.., pushed) = self.inside.remove(&ticket).expect("what ends was inside");
        assert_eq!(pushed, item, "the item is the one that was pushed");
        let before = self.ended.insert(item, how);
        assert_eq!(before, None, "{item} ended twice, the second time {how}");
    }

    fn oldest(&self, class: Class, stream: StreamKey, lane: LaneKey) -> Option<Ticket> {
        let same = |entry: &Entry| (entry.class, entry.stream, entry.lane) == (class, stream, lane);
        self.inside.iter().find(|(_, (entry, ..))| same(entry)).map(|(ticket, _)| *ticket)
    }

    fn check_counts(&self) {
        assert_eq!(self.queue.len(), self.inside.len());
        for class in Class::ALL {
            let inside = self.inside.values().filter(|(entry, ..)| entry.class == class).count();
            assert_eq!(self.queue.depth(class), inside);
            assert!(inside <= self.policy.class(class).capacity);
        }
    }

    /// Lets time pass with nobody taking: everything must end by itself within the waiting limits.
    fn run_out(&mut self) {
        let begin = self.now;
        while !self.inside.is_empty() {
            self.pass_to_next_event();
        }
        assert!(self.now.saturating_since(begin) <= self.longest_wait(), "nothing outlives its waiting limit");
        assert_eq!(self.ended.len() as u64, self.pushed, "everything pushed has ended");
    }

    fn longest_wait(&self) -> Duration {
        Class::ALL.iter().map(|class| self.policy.class(*class).wait_max).max().unwrap_or_default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_entry_ends_once_and_in_time(policy in any_policy(), steps in prop::collection::vec(step(), 1..160)) {
        let mut history = History::new(policy);
        steps.iter().for_each(|step| history.step(step));
        history.run_out();
    }
}

#[test]
fn a_hundred_thousand_entries_pass_through() {
    let policy = QueuePolicy {
        interactive: ClassPolicy { capacity: 100_000, wait_max: ms(1_000_000), when_full: WhenFull::Refuse },
        ..QueuePolicy::default()
    };
    let mut queue: DeviceQueue<u64> = DeviceQueue::new(policy);
    for number in 0..100_000 {
        let waiting = Entry {
            deadline: Some(Moment(10_000_000 + number)),
            ..entry(Class::Interactive, number % 5_000, number % 7)
        };
        push(&mut queue, Moment(number), waiting, number);
    }
    let refused = queue.push(Moment(0), entry(Class::Interactive, 1, 1), 0);
    assert!(refused.is_err());
    let mut seen = vec![false; 100_000];
    while let Next::Batch(batch) = queue.take(Moment(100_000), true).next {
        for row in batch.items {
            assert!(!std::mem::replace(&mut seen[row.item as usize], true));
        }
    }
    assert!(seen.into_iter().all(|seen| seen));
}
