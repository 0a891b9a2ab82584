//! Fair turns as a property: between streams that always have work, service divided by weight stays within the bound.
//!
//! The bound, in turns of a stream of weight 1, for two streams of one lane: the lead that a deadline may give (4, and 0
//! where none is set) and one turn. It holds at every moment, for any weights, deadlines and cancellations.

use proptest::prelude::*;
use samovar_schedule::{Class, DeviceQueue, Entry, Moment, Ticket};

use crate::support::{batch, batched, ms, push, roomy};

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
