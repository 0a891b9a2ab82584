//! Fair turns as a property: between streams that always have work, service divided by weight stays within the bound.
//!
//! The bound, in turns of a stream of weight 1, for two streams of one lane: the lead that a deadline may give (4, and 0
//! where none is set) and one turn. It holds at every moment, for any weights, deadlines and cancellations.

use proptest::prelude::*;
use samovar_schedule::{Class, DeviceQueue, Entry, Moment, QueuePolicy, Ticket};

use crate::support::{LONG, at, batch, batched, entry, items, ms, policy, push, roomy};

const LANE: u64 = 1;
const LEAD_TURNS: f64 = 4.0;

#[derive(Clone, Debug)]
struct Stream {
    weight: u16,
    /// How far ahead of the push its deadlines lie, in ms, if it sets any.
    deadline_ms: Option<u64>,
    /// Every how many rounds its newest entry is cancelled; 0: never.
    cancels_every: usize,
}

fn stream(with_deadline: bool) -> impl Strategy<Value = Stream> {
    let deadline_ms =
        if with_deadline { prop::option::of(1_000_000_u64..3_000_000).boxed() } else { Just(None).boxed() };
    (1_u16..9, deadline_ms, 0_usize..5).prop_map(|(weight, deadline_ms, cancels_every)| Stream {
        weight,
        deadline_ms,
        cancels_every,
    })
}

/// Keeps every stream backlogged, serves `rounds` batches and returns the widest gap of service ÷ weight ever seen.
fn widest_gap(streams: &[Stream], size_max: usize, rounds: usize) -> f64 {
    let mut queue = roomy();
    let mut served = vec![0_u32; streams.len()];
    let mut widest: f64 = 0.0;
    streams.iter().enumerate().for_each(|(number, stream)| {
        for _ in 0..size_max + 1 {
            push_one(&mut queue, Moment::ZERO, number, stream, size_max);
        }
    });
    for round in 0..rounds {
        let now = Moment(round as u64);
        for row in batch(&mut queue, now, true).items {
            served[row.item] += 1;
            push_one(&mut queue, now, row.item, &streams[row.item], size_max);
        }
        for (number, stream) in streams.iter().enumerate() {
            if stream.cancels_every > 0 && round % stream.cancels_every == 0 {
                let newest = push_one(&mut queue, now, number, stream, size_max);
                assert_eq!(queue.cancel(newest), Some(number));
            }
        }
        widest = widest.max(gap(&served, streams));
    }
    widest
}

fn push_one(queue: &mut DeviceQueue<usize>, now: Moment, number: usize, stream: &Stream, size_max: usize) -> Ticket {
    let waiting = Entry {
        deadline: stream.deadline_ms.map(|span| now + ms(span)),
        weight: stream.weight.try_into().expect("weights start at one"),
        follow_up: false,
        ..batched(Class::Interactive, number as u64, LANE, size_max, ms(0))
    };
    push(queue, now, waiting, number)
}

fn gap(served: &[u32], streams: &[Stream]) -> f64 {
    let shares = served.iter().zip(streams).map(|(count, stream)| f64::from(*count) / f64::from(stream.weight));
    let (least, most) = shares.fold((f64::MAX, 0.0_f64), |(least, most), share| (least.min(share), most.max(share)));
    most - least
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn without_deadlines_streams_stay_within_one_turn(
        streams in prop::collection::vec(stream(false), 2..8), size_max in 1_usize..6,
    ) {
        let gap = widest_gap(&streams, size_max, 200);
        prop_assert!(gap <= 1.0 + 1e-6, "{gap} turns apart");
    }

    #[test]
    fn with_deadlines_streams_stay_within_the_lead_and_one_turn(
        streams in prop::collection::vec(stream(true), 2..8), size_max in 1_usize..6,
    ) {
        let gap = widest_gap(&streams, size_max, 200);
        prop_assert!(gap <= LEAD_TURNS + 1.0 + 1e-6, "{gap} turns apart");
    }
}

#[test]
fn a_flood_from_one_stream_costs_a_newcomer_one_turn() {
    let mut queue = roomy();
    let calm = Stream { weight: 1, deadline_ms: None, cancels_every: 0 };
    for _ in 0..1_000 {
        push_one(&mut queue, Moment::ZERO, 0, &calm, 1);
    }
    for _ in 0..10 {
        drop(batch(&mut queue, Moment(1), true));
    }
    push_one(&mut queue, Moment(2), 1, &calm, 1);
    let next: Vec<usize> = (0..2).map(|_| batch(&mut queue, Moment(3), true).items[0].item).collect();
    assert!(next.contains(&1), "{next:?}");
}

/// Live streams that each send one frame a round, of which the newest counts, while the device has time for a few of them: how
/// often each is served in `rounds`.
fn live_rounds(weights: &[u16], served_a_round: usize, rounds: u64) -> Vec<u32> {
    let mut queue = DeviceQueue::new(QueuePolicy { live_depth: 1, ..policy(1_000, LONG) });
    let mut served = vec![0; weights.len()];
    for round in 0..rounds {
        for (stream, weight) in weights.iter().enumerate() {
            let weight = (*weight).try_into().expect("weights start at one");
            let frame = Entry { weight, ..entry(Class::Live, stream as u64, 1) };
            drop(queue.push(at(round), frame, stream).expect("there is room"));
        }
        for _ in 0..served_a_round {
            items(batch(&mut queue, at(round), true)).into_iter().for_each(|stream: usize| served[stream] += 1);
        }
    }
    served
}

#[test]
fn live_streams_that_wait_for_their_next_frame_keep_their_share() {
    for (served_a_round, fair) in [(4, [40, 80]), (2, [20, 40])] {
        let served = live_rounds(&[1, 1, 1, 1, 1, 1, 2, 2], served_a_round, 100);
        for (stream, count) in served.iter().enumerate() {
            let fair = fair[usize::from(stream >= 6)];
            assert!(count.abs_diff(fair) <= 2, "{served_a_round} a round: {served:?}");
        }
    }
}

#[test]
fn live_streams_of_one_weight_get_the_same() {
    for served_a_round in 1..12 {
        let served = live_rounds(&[1; 12], served_a_round, 120);
        let (least, most) = (served.iter().min().expect("streams"), served.iter().max().expect("streams"));
        assert!(most - least <= 1, "{served_a_round} a round: {served:?}");
    }
}

#[test]
fn heavy_live_streams_get_their_share_of_a_device_that_is_never_idle() {
    // One run at a time; the stream that was served has its next frame before the next run begins.
    let weights = [1_u16, 1, 2, 4];
    let mut queue = DeviceQueue::new(QueuePolicy { live_depth: 1, ..policy(1_000, LONG) });
    let mut served = [0_u32; 4];
    let frame = |stream: usize| {
        let weight = weights[stream].try_into().expect("weights start at one");
        Entry { weight, ..entry(Class::Live, stream as u64, 1) }
    };
    (0..4).for_each(|stream| drop(queue.push(at(0), frame(stream), stream).expect("there is room")));
    for moment in 1..=160 {
        for stream in items(batch(&mut queue, at(moment), true)) {
            served[stream] += 1;
            drop(queue.push(at(moment), frame(stream), stream).expect("there is room"));
        }
    }
    assert!(served.iter().zip([20, 20, 40, 80]).all(|(got, fair)| got.abs_diff(fair) <= 2), "{served:?}");
}
