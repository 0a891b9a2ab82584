//! Short ways to write entries, policies and times.

use std::num::NonZeroU16;
use std::time::Duration;

use samovar_schedule::{
    Batch, BatchRule, Class, ClassPolicy, ClientKey, DeviceQueue, Entry, LaneKey, Moment, Next, QueuePolicy, StreamKey,
    Take, Ticket, WhenFull,
};

pub const LONG: Duration = Duration::from_secs(3_600);

pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub fn at(count_ms: u64) -> Moment {
    Moment::from_duration(ms(count_ms))
}

/// An entry of one turn and of weight 1 without deadline, alone in its batch; each stream is a client of its own.
pub fn entry(class: Class, stream: u64, lane: u64) -> Entry {
    Entry {
        class,
        client: ClientKey(stream),
        stream: StreamKey(stream),
        lane: LaneKey(lane),
        batch: BatchRule::SINGLE,
        deadline: None,
        weight: NonZeroU16::MIN,
        cost: Entry::TURN,
        follow_up: false,
    }
}

pub fn batched(class: Class, stream: u64, lane: u64, size_max: usize, delay_max: Duration) -> Entry {
    Entry { batch: BatchRule { size_max, delay_max }, ..entry(class, stream, lane) }
}

/// The same limits for every class, with the overflow rule of each.
pub fn policy(capacity: usize, wait_max: Duration) -> QueuePolicy {
    let class = |when_full| ClassPolicy { capacity, wait_max, when_full };
    QueuePolicy {
        live: class(WhenFull::DropOldestOfStream),
        interactive: class(WhenFull::Refuse),
        job: class(WhenFull::ProducerWaits),
        ..QueuePolicy::default()
    }
}

/// A queue in which nothing is ever full or too late.
pub fn roomy<T>() -> DeviceQueue<T> {
    let policy = policy(1_000_000, LONG);
    DeviceQueue::new(QueuePolicy { live_depth: 1_000_000, ..policy })
}

/// Pushes what must be admitted and must displace nothing.
pub fn push<T: std::fmt::Debug>(queue: &mut DeviceQueue<T>, now: Moment, entry: Entry, item: T) -> Ticket {
    let admitted = queue.push(now, entry, item).expect("there is room");
    assert!(admitted.displaced.is_none(), "displaced {:?}", admitted.displaced);
    admitted.ticket
}

/// Takes what must be a batch, with nothing expired.
pub fn batch<T: std::fmt::Debug>(queue: &mut DeviceQueue<T>, now: Moment, may_wait: bool) -> Batch<T> {
    let Take { expired, next } = queue.take(now, may_wait);
    assert!(expired.is_empty(), "expired {expired:?}");
    let batch = if let Next::Batch(batch) = next { Some(batch) } else { None };
    batch.expect("a batch is ready")
}

pub fn items<T>(batch: Batch<T>) -> Vec<T> {
    batch.items.into_iter().map(|row| row.item).collect()
}
