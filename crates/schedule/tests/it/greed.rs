//! One client sends fifty times as much as the others: whoever asks for no more than its fair share keeps it.

use std::time::Duration;

use proptest::prelude::*;
use samovar_schedule::{Class, ClientKey, DeviceQueue, DisplacedReason, Entry, QueuePolicy, StreamKey};

use crate::device::{Asking, Got, Outcome, Row, outcome};
use crate::support::{at, batch, entry, items, ms, push, roomy};

const SLOTS: usize = 2;
const SECONDS: u64 = 60;
const GREED: f64 = 50.0;
const KEPT: f64 = 0.8;
const CONNECTIONS: usize = 8;
const UNDER_WAY: usize = 2;

fn row(lane: u64, cost_ms: u64, size_max: usize) -> Row {
    Row { lane, cost: ms(cost_ms), size_max }
}

/// Four requests a second over eight connections.
fn modest(rows: Vec<Row>) -> Asking {
    Asking { rows, per_s: 4.0, connections: CONNECTIONS }
}

fn greedy(rows: Vec<Row>, connections: usize) -> Asking {
    Asking { rows, per_s: 4.0 * GREED, connections }
}

/// Each of the modest alone, and all of them beside the greedy one, which is told last.
fn alone_and_together(modest: &[Asking], greedy: &Asking, seconds: u64) -> (Vec<Got>, Outcome) {
    let alone = modest.iter().map(|client| outcome(std::slice::from_ref(client), SLOTS, seconds).clients.remove(0));
    let all: Vec<Asking> = modest.iter().chain([greedy]).cloned().collect();
    (alone.collect(), outcome(&all, SLOTS, seconds))
}

fn kept(alone: &[Got], together: &Outcome) -> Vec<f64> {
    alone
        .iter()
        .zip(&together.clients)
        .map(|(alone, together)| together.answered as f64 / alone.answered as f64)
        .collect()
}

fn median(got: &Got) -> Duration {
    let mut waits = got.waits.clone();
    waits.sort_unstable();
    waits[waits.len() / 2]
}

/// Eight texts of three lengths.
fn texts() -> Vec<Row> {
    [1, 1, 1, 2, 2, 2, 3, 3].into_iter().map(|lane| row(lane, 2 + lane, 32)).collect()
}

#[test]
fn four_clients_of_four_kinds() {
    let kinds = [modest(texts()), modest(vec![row(10, 12, 1)]), modest(vec![row(11, 4, 8)])];
    for connections in [64, 1_000] {
        let (alone, together) = alone_and_together(&kinds, &greedy(vec![row(20, 40, 1)], connections), SECONDS);
        assert!(kept(&alone, &together).into_iter().all(|kept| kept >= 0.99), "{together:?}");
        assert!(together.clients[..3].iter().all(|got| got.refused == 0), "only the greedy one is refused");
        // Runs are not broken off: whoever comes finds two of 40 ms going on, and may let one go first that has waited as long.
        let waits = alone.iter().zip(&together.clients).map(|(alone, got)| (median(alone), median(got)));
        waits.for_each(|(alone, beside)| assert!(beside <= alone + ms(80), "{beside:?}, alone {alone:?}"));
        assert_eq!(together.idle, Duration::ZERO, "no slot rests while something waits");
    }
}

#[test]
fn clients_of_one_model_share_its_runs() {
    let kinds = [modest(texts()), modest(vec![row(1, 3, 32)])];
    let many = Asking { per_s: 4.0 * GREED, connections: 256, rows: texts() };
    let (alone, together) = alone_and_together(&kinds, &many, SECONDS);
    assert!(kept(&alone, &together).into_iter().all(|kept| kept >= 0.99), "{together:?}");
    assert!(together.clients[..2].iter().all(|got| got.refused == 0));
    assert!(together.clients[2].refused > 0, "it is greedy");
}

#[test]
fn whoever_wants_all_gets_the_same_time_of_the_device_whatever_it_asks_for() {
    let all = |rows: Vec<Row>, connections| Asking { rows, per_s: 1_000.0, connections };
    let clients =
        [all(texts(), 4), all(vec![row(10, 40, 1)], 64), all(vec![row(11, 4, 8)], 16), all(vec![row(12, 150, 1)], 8)];
    let together = outcome(&clients, SLOTS, SECONDS);
    let fair = Duration::from_secs(SECONDS) * SLOTS as u32 / 4;
    for got in &together.clients {
        assert!(got.core_time.abs_diff(fair) < fair / 20, "{:?} where {fair:?} is fair", got.core_time);
    }
    assert_eq!(together.idle, Duration::ZERO);
}

#[test]
fn what_nobody_else_wants_the_greedy_one_has() {
    let all = Asking { rows: vec![row(1, 10, 1)], per_s: 1_000.0, connections: 64 };
    let Outcome { clients, idle } = outcome(&[all, modest(vec![row(2, 10, 1)])], SLOTS, SECONDS);
    let used: Duration = clients.iter().map(|got| got.core_time).sum();
    assert!(used >= Duration::from_secs(SECONDS) * SLOTS as u32 - ms(100), "{used:?}");
    assert_eq!(idle, Duration::ZERO);
}

#[test]
fn connections_of_one_client_alternate_and_buy_nothing() {
    let mut queue = roomy();
    let of = |client, stream| Entry {
        client: ClientKey(client),
        stream: StreamKey(stream),
        ..entry(Class::Interactive, stream, 1)
    };
    for number in 0..100 {
        push(&mut queue, at(0), of(1, 1), (1, number));
    }
    for stream in 2..5 {
        (0..20).for_each(|number| _ = push(&mut queue, at(0), of(1, stream), (stream, number)));
    }
    (0..40).for_each(|number| _ = push(&mut queue, at(0), of(2, 9), (9, number)));
    let served: Vec<(u64, i32)> = (0..40).flat_map(|_| items(batch(&mut queue, at(1), true))).collect();
    let count = |stream| served.iter().filter(|(of, _)| *of == stream).count();
    assert_eq!([1, 2, 3, 4, 9].map(count), [5, 5, 5, 5, 20], "{served:?}");
}

#[test]
fn short_texts_that_keep_coming_do_not_keep_the_same_clients_longer_ones_waiting() {
    let mut queue = roomy();
    let of = |stream, lane| Entry { client: ClientKey(1), ..entry(Class::Interactive, stream, lane) };
    (0..8).for_each(|stream| _ = push(&mut queue, at(0), of(stream, 1), stream));
    push(&mut queue, at(0), of(8, 2), 8);
    let mut served = Vec::new();
    while !served.contains(&8) && served.len() < 100 {
        for stream in items(batch(&mut queue, at(1), true)) {
            served.push(stream);
            // Each asks again as soon as it is answered.
            push(&mut queue, at(1), of(stream, if stream == 8 { 2 } else { 1 }), stream);
        }
    }
    assert!(served.len() <= 9, "the longer one came ninth: {served:?}");
}

#[test]
fn a_full_queue_has_a_place_for_whoever_holds_few() {
    let mut queue = DeviceQueue::new(QueuePolicy::default());
    let of = |client| entry(Class::Interactive, client, 1);
    let capacity = QueuePolicy::default().interactive.capacity;
    (0..capacity).for_each(|_| _ = push(&mut queue, at(0), of(0), 0));
    assert!(queue.push(at(1), of(0), 0).is_err(), "one client fills the queue for itself");
    for _ in 0..capacity / 4 {
        for client in 1..4 {
            let displaced =
                queue.push(at(1), of(client), client).expect("there is a place").displaced.expect("a full queue");
            assert_eq!(displaced.item, 0, "the greedy one's");
            assert!(matches!(displaced.reason, DisplacedReason::Crowded { .. }));
        }
    }
    assert!((0..4).all(|client| queue.push(at(2), of(client), client).is_err()), "a fourth for each");
    assert_eq!(queue.depth(Class::Interactive), capacity);
}

#[test]
fn an_ordinary_time_limit_is_no_hurry() {
    let mut queue = DeviceQueue::new(QueuePolicy::default());
    let wait_max = QueuePolicy::default().interactive.wait_max;
    let waiting = |stream, limit| Entry { deadline: Some(at(0) + limit), ..entry(Class::Interactive, stream, 1) };
    (0..6).for_each(|_| _ = push(&mut queue, at(0), waiting(1, 2 * wait_max), 1));
    (0..6).for_each(|_| _ = push(&mut queue, at(0), waiting(2, 3 * wait_max), 2));
    let served: Vec<i32> = (0..6).flat_map(|_| items(batch(&mut queue, at(1), true))).collect();
    assert_eq!(served, [1, 2, 1, 2, 1, 2], "both would have been given up by then");
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let size_max = prop_oneof![Just(1_usize), Just(8), Just(32)];
    (prop::collection::vec((0_u64..3, 1_u64..60), 1..12), size_max).prop_map(|(rows, size_max)| {
        // One lane has one cost, and one rule.
        let cost = |lane| rows.iter().find(|(of, _)| *of == lane).map_or(1, |(_, cost_ms)| *cost_ms);
        rows.iter().map(|(lane, _)| row(*lane, cost(*lane), size_max)).collect()
    })
}

/// The longest that one run holds a slot: runs are not broken off.
fn longest_run(rows: &[Row]) -> Duration {
    rows.iter().map(|row| row.cost * row.size_max as u32).max().unwrap_or_default()
}

/// The same rows on a model of the client's own.
fn on_model(rows: &[Row], model: usize) -> Vec<Row> {
    rows.iter().map(|row| Row { lane: model as u64 * 10 + row.lane, ..*row }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn whoever_asks_for_less_than_its_share_keeps_its_rate(
        modest_rows in prop::collection::vec((rows(), 0.1_f64..0.8), 1..5), greedy_rows in rows(), connections in 16_usize..600,
    ) {
        let share = SLOTS as f64 / (modest_rows.len() + 1) as f64;
        // Whoever has all its connections waiting behind a long run asks for no more, whatever its rate was meant to be.
        let longest = modest_rows.iter().map(|(rows, _)| rows).chain([&greedy_rows]).map(|rows| longest_run(rows)).max();
        let rate_max = CONNECTIONS as f64 / 4.0 / longest.unwrap_or_default().as_secs_f64();
        let kinds: Vec<Asking> = modest_rows.iter().enumerate().map(|(model, (rows, of_share))| {
            let cost: Duration = rows.iter().map(|row| row.cost).sum();
            let per_s = (of_share * share / cost.as_secs_f64()).min(rate_max);
            Asking { rows: on_model(rows, model), per_s, connections: CONNECTIONS }
        }).collect();
        let greedy = Asking { rows: on_model(&greedy_rows, 9), per_s: 500.0, connections };
        let (alone, together) = alone_and_together(&kinds, &greedy, 20);
        for (alone, got) in alone.iter().zip(&together.clients) {
            // What was asked last may still be under way at the end.
            let most = alone.answered.saturating_sub(UNDER_WAY) as f64;
            prop_assert!(got.answered as f64 >= KEPT * most, "{} of {}", got.answered, alone.answered);
            prop_assert_eq!(got.refused, 0);
        }
        prop_assert_eq!(together.idle, Duration::ZERO);
    }
}
