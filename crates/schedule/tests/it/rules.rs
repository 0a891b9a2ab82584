//! The rules of the queue, one test each.

use std::num::NonZeroU16;

use samovar_schedule::{
    Class, ClassPolicy, DeviceQueue, DisplacedReason, DropReason, Entry, LaneKey, Next, QueuePolicy, RefusedReason,
    WhenFull,
};

use crate::support::{LONG, at, batch, batched, entry, items, ms, policy, push, roomy};

#[test]
fn the_highest_class_goes_first() {
    let mut queue = roomy();
    push(&mut queue, at(0), entry(Class::Job, 1, 1), "job");
    push(&mut queue, at(0), entry(Class::Interactive, 2, 2), "interactive");
    push(&mut queue, at(0), entry(Class::Live, 3, 3), "live");
    let order: Vec<_> = (0..3).flat_map(|_| items(batch(&mut queue, at(1), true))).collect();
    assert_eq!(order, ["live", "interactive", "job"]);
    assert!(matches!(queue.take(at(1), true).next, Next::Empty));
}

#[test]
fn jobs_keep_their_reserved_share() {
    let policy = QueuePolicy { job_share: 4, live_depth: 100, ..policy(100, LONG) };
    let mut queue = DeviceQueue::new(policy);
    for number in 0..20 {
        push(&mut queue, at(0), entry(Class::Live, 1, 1), number);
        push(&mut queue, at(0), entry(Class::Job, 2, 1), number);
    }
    let classes: Vec<Class> = (0..8).map(|_| batch(&mut queue, at(0), true).class).collect();
    let share = [Class::Live, Class::Live, Class::Live, Class::Job];
    assert_eq!(classes, [share, share].concat());
}

#[test]
fn a_share_is_of_the_time_whatever_a_batch_takes() {
    let policy = QueuePolicy { job_share: 5, live_depth: 1_000, ..policy(1_000, LONG) };
    let mut queue = DeviceQueue::new(policy);
    for number in 0..1_000 {
        push(&mut queue, at(0), entry(Class::Live, 1, 1), number);
        push(&mut queue, at(0), Entry { cost: Entry::TURN * 20, ..entry(Class::Job, 2, 2) }, number);
    }
    let mut spent = [0; 3];
    for _ in 0..405 {
        let class = batch(&mut queue, at(0), true).class;
        spent[class as usize] += if class == Class::Job { 20 } else { 1 };
    }
    assert_eq!(spent, [400, 0, 100]);
}

#[test]
fn requests_keep_their_reserved_share_of_a_device_that_live_streams_fill() {
    let policy = QueuePolicy { interactive_share: 3, live_depth: 100, ..policy(100, LONG) };
    let mut queue = DeviceQueue::new(policy);
    for number in 0..20 {
        push(&mut queue, at(0), entry(Class::Live, 1, 1), number);
    }
    for number in 0..2 {
        push(&mut queue, at(0), entry(Class::Interactive, 2, 1), number);
    }
    let classes: Vec<Class> = (0..8).map(|_| batch(&mut queue, at(0), true).class).collect();
    let share = [Class::Live, Class::Live, Class::Interactive];
    assert_eq!(classes, [&share[..], &share[..], &[Class::Live; 2]].concat());
}

#[test]
fn by_default_live_work_has_seven_batches_in_ten_while_all_classes_wait() {
    let mut queue = DeviceQueue::new(QueuePolicy { live_depth: 100, ..policy(100, LONG) });
    for number in 0..100 {
        Class::ALL.iter().for_each(|class| _ = push(&mut queue, at(0), entry(*class, number, 1), number));
    }
    let mut rounds = [0; 3];
    (0..100).for_each(|_| rounds[batch(&mut queue, at(0), true).class as usize] += 1);
    assert_eq!(rounds, [71, 19, 10], "the first job's batch fell on a request's turn");
}

#[test]
fn shares_of_every_batch_take_turns() {
    let greedy = QueuePolicy { job_share: 1, interactive_share: 1, ..policy(100, LONG) };
    let mut queue = DeviceQueue::new(greedy);
    for number in 0..10 {
        push(&mut queue, at(0), entry(Class::Interactive, 1, 1), number);
        push(&mut queue, at(0), entry(Class::Job, 2, 1), number);
    }
    let classes: Vec<Class> = (0..4).map(|_| batch(&mut queue, at(0), true).class).collect();
    assert_eq!(classes, [Class::Job, Class::Interactive, Class::Job, Class::Interactive]);
}

#[test]
fn without_a_reserved_share_jobs_wait_for_all_else() {
    let mut queue = DeviceQueue::new(QueuePolicy { job_share: 0, ..policy(100, LONG) });
    push(&mut queue, at(0), entry(Class::Job, 2, 1), 99);
    for number in 0..50 {
        push(&mut queue, at(0), entry(Class::Interactive, 1, 1), number);
        assert_eq!(items(batch(&mut queue, at(0), true)), [number]);
    }
    assert_eq!(items(batch(&mut queue, at(0), true)), [99]);
}

#[test]
fn among_fresh_streams_the_earlier_deadline_goes_first() {
    let mut queue = roomy();
    for (stream, deadline_ms) in [(1, None), (2, Some(50)), (3, Some(20)), (4, Some(30))] {
        let deadline = deadline_ms.map(at);
        push(&mut queue, at(0), Entry { deadline, ..entry(Class::Interactive, stream, 1) }, stream);
    }
    let order: Vec<u64> = (0..4).flat_map(|_| items(batch(&mut queue, at(0), true))).collect();
    assert_eq!(order, [3, 4, 2, 1]);
}

#[test]
fn tight_deadlines_do_not_buy_more_than_a_share() {
    let mut queue = roomy();
    for number in 0..100 {
        let hurried = Entry { deadline: Some(at(1_000 + number)), ..entry(Class::Interactive, 1, 1) };
        push(&mut queue, at(0), hurried, 1);
        push(&mut queue, at(0), entry(Class::Interactive, 2, 1), 2);
    }
    let served: Vec<u64> = (0..60).flat_map(|_| items(batch(&mut queue, at(0), true))).collect();
    let patient = served.iter().filter(|stream| **stream == 2).count();
    assert!((27..=33).contains(&patient), "{patient} of 60 turns, half less the lead of a few");
}

#[test]
fn a_batch_closes_when_full() {
    let mut queue = roomy();
    let rule = |stream| batched(Class::Interactive, stream, 1, 3, ms(10));
    push(&mut queue, at(0), rule(1), 1);
    push(&mut queue, at(0), rule(2), 2);
    assert!(matches!(queue.take(at(0), true).next, Next::WaitUntil(moment) if moment == at(10)));
    push(&mut queue, at(1), rule(3), 3);
    push(&mut queue, at(1), rule(4), 4);
    assert_eq!(items(batch(&mut queue, at(1), true)), [1, 2, 3]);
    assert!(matches!(queue.take(at(1), true).next, Next::WaitUntil(moment) if moment == at(11)));
}

#[test]
fn a_batch_closes_when_its_oldest_has_waited_enough() {
    let mut queue = roomy();
    push(&mut queue, at(0), batched(Class::Live, 1, 1, 8, ms(10)), 1);
    push(&mut queue, at(9), batched(Class::Live, 2, 1, 8, ms(10)), 2);
    assert!(matches!(queue.take(at(9), true).next, Next::WaitUntil(moment) if moment == at(10)));
    let batch = batch(&mut queue, at(10), true);
    let waited: Vec<_> = batch.items.iter().map(|row| row.waited).collect();
    assert_eq!(waited, [ms(10), ms(1)]);
}

#[test]
fn a_batch_closes_when_nothing_else_is_coming() {
    let mut queue = roomy();
    push(&mut queue, at(0), batched(Class::Live, 1, 1, 8, ms(10)), 1);
    assert_eq!(items(batch(&mut queue, at(0), false)), [1]);
}

#[test]
fn a_ripe_lane_goes_before_an_unripe_one_of_its_class() {
    let mut queue = roomy();
    push(&mut queue, at(0), batched(Class::Live, 1, 1, 8, ms(10)), "fills");
    push(&mut queue, at(1), batched(Class::Live, 2, 2, 8, ms(0)), "ripe");
    assert_eq!(items(batch(&mut queue, at(1), true)), ["ripe"]);
}

#[test]
fn an_unripe_batch_closes_rather_than_wait_behind_a_lower_class() {
    let mut queue = roomy();
    push(&mut queue, at(0), batched(Class::Live, 1, 1, 8, ms(10)), "live");
    push(&mut queue, at(0), entry(Class::Job, 2, 2), "job");
    assert_eq!(items(batch(&mut queue, at(0), true)), ["live"]);
    assert_eq!(items(batch(&mut queue, at(0), true)), ["job"]);
}

#[test]
fn lower_classes_ride_in_the_rows_that_are_left() {
    let mut queue = roomy();
    for (class, item) in [(Class::Job, "j"), (Class::Interactive, "i"), (Class::Live, "l"), (Class::Live, "m")] {
        push(&mut queue, at(0), batched(class, 1, 1, 3, ms(0)), item);
    }
    push(&mut queue, at(0), batched(Class::Live, 1, 7, 3, ms(0)), "another lane");
    let first = batch(&mut queue, at(0), true);
    assert_eq!((first.class, first.lane), (Class::Live, LaneKey(1)));
    assert_eq!(items(first), ["l", "m", "i"], "class by class, and never across lanes");
    assert_eq!(items(batch(&mut queue, at(0), true)), ["another lane"]);
    assert_eq!(items(batch(&mut queue, at(0), true)), ["j"]);
}

#[test]
fn the_latest_frame_of_a_stream_wins() {
    let mut queue = DeviceQueue::new(policy(10, LONG));
    let first = push(&mut queue, at(0), entry(Class::Live, 1, 1), "old");
    push(&mut queue, at(0), entry(Class::Live, 2, 1), "of another stream");
    push(&mut queue, at(0), entry(Class::Live, 1, 2), "for another model");
    let admitted = queue.push(at(1), entry(Class::Live, 1, 1), "new").expect("room is made");
    let displaced = admitted.displaced.expect("the older frame made room");
    assert_eq!((displaced.ticket, displaced.item, displaced.reason), (first, "old", DisplacedReason::Newer));
    assert_eq!(queue.cancel(first), None);
    assert_eq!(queue.len(), 3);
}

#[test]
fn a_stream_that_displaces_its_own_work_keeps_its_turn() {
    let mut queue = DeviceQueue::new(policy(10, LONG));
    let mut served = [0; 3];
    for stream in 0..3 {
        push(&mut queue, at(0), entry(Class::Live, stream, 1), stream);
    }
    for round in 0..300 {
        // The frame of stream 0 is replaced before every take; the others keep theirs until it is taken.
        let _ = queue.push(at(round), entry(Class::Live, 0, 1), 0).expect("there is room");
        let [stream] = items(batch(&mut queue, at(round), true))[..] else { continue };
        served[stream as usize] += 1;
        push(&mut queue, at(round), entry(Class::Live, stream, 1), stream);
    }
    assert_eq!(served, [100, 100, 100]);
}

#[test]
fn a_full_class_does_what_its_policy_says() {
    let mut queue = DeviceQueue::new(policy(2, ms(5_000)));
    for class in Class::ALL {
        for stream in 0..2 {
            push(&mut queue, at(0), entry(class, stream, 1), stream);
        }
        assert!(!queue.has_room(class));
    }
    let mut reason = |class| queue.push(at(0), entry(class, 9, 1), 9).expect_err("it is full").reason;
    assert_eq!(reason(Class::Live), RefusedReason::Full { retry_after: ms(1_000) }, "nothing measured yet");
    assert_eq!(reason(Class::Interactive), RefusedReason::Full { retry_after: ms(1_000) });
    assert_eq!(reason(Class::Job), RefusedReason::WouldWait);
    let own = queue.push(at(0), entry(Class::Live, 1, 1), 10).expect("its own frame makes room");
    assert_eq!(own.displaced.map(|displaced| displaced.item), Some(1));
    assert_eq!(queue.depth(Class::Live), 2);
}

#[test]
fn retry_after_follows_the_measured_rate() {
    let mut queue = DeviceQueue::new(policy(10, ms(60_000)));
    for number in 0..10 {
        push(&mut queue, at(0), entry(Class::Interactive, 1, 1), number);
    }
    for step in 0..40 {
        drop(batch(&mut queue, at(step * 25), true));
        push(&mut queue, at(step * 25), entry(Class::Interactive, 1, 1), 0);
    }
    let refused = queue.push(at(1_000), entry(Class::Interactive, 1, 1), 0).expect_err("it is full");
    assert_eq!(refused.reason, RefusedReason::Full { retry_after: ms(250) }, "ten entries at 25 ms each");
}

#[test]
fn time_without_work_does_not_count_as_slow() {
    let mut queue = DeviceQueue::new(policy(2, ms(60_000)));
    push(&mut queue, at(0), entry(Class::Interactive, 1, 1), 0);
    let gone = push(&mut queue, at(0), entry(Class::Interactive, 1, 1), 1);
    drop(batch(&mut queue, at(0), true));
    assert_eq!(queue.cancel(gone), Some(1));
    for now in [at(90_000), at(90_010)] {
        while queue.has_room(Class::Interactive) {
            push(&mut queue, now, entry(Class::Interactive, 1, 1), 2);
        }
        drop(batch(&mut queue, now, true));
    }
    push(&mut queue, at(90_010), entry(Class::Interactive, 1, 1), 3);
    let refused = queue.push(at(90_010), entry(Class::Interactive, 1, 1), 4).expect_err("it is full");
    assert_eq!(refused.reason, RefusedReason::Full { retry_after: ms(20) });
}

#[test]
fn what_is_too_late_is_never_started() {
    let mut queue = DeviceQueue::new(policy(10, ms(100)));
    let hurried = Entry { deadline: Some(at(30)), ..entry(Class::Interactive, 1, 1) };
    push(&mut queue, at(0), hurried, "deadline");
    push(&mut queue, at(10), entry(Class::Interactive, 2, 1), "patience");
    let late = queue.push(at(30), hurried, "late").expect_err("its deadline is now");
    assert_eq!((late.reason, late.item), (RefusedReason::Late, "late"));
    assert_eq!(queue.next_event(at(10)), Some(at(30)));
    let dropped = queue.expire(at(30));
    assert_eq!((dropped[0].item, dropped[0].reason, dropped[0].waited), ("deadline", DropReason::Deadline, ms(30)));
    let take = queue.take(at(110), true);
    assert!(matches!(take.next, Next::Empty));
    assert_eq!((take.expired[0].item, take.expired[0].reason), ("patience", DropReason::WaitLimit));
    assert_eq!(queue.next_event(at(110)), None);
}

#[test]
fn cancelled_work_is_gone() {
    let mut queue = roomy();
    let gone = push(&mut queue, at(0), entry(Class::Interactive, 1, 1), "gone");
    push(&mut queue, at(0), entry(Class::Interactive, 1, 1), "stays");
    assert_eq!(queue.cancel(gone), Some("gone"));
    assert_eq!(queue.cancel(gone), None);
    assert_eq!(items(batch(&mut queue, at(0), true)), ["stays"]);
    assert!(queue.is_empty());
}

#[test]
fn a_lane_is_drained_in_order_and_alone() {
    let mut queue = roomy();
    for number in 0..6 {
        push(&mut queue, at(0), entry(Class::ALL[number % 3], number as u64, number as u64 % 2), number);
    }
    assert_eq!(queue.drain_lane(LaneKey(1)), [1, 3, 5]);
    assert_eq!(queue.drain_lane(LaneKey(1)), [] as [usize; 0]);
    assert_eq!(queue.len(), 3);
}

#[test]
fn a_closed_queue_refuses_and_is_emptied() {
    let mut queue = roomy();
    push(&mut queue, at(0), entry(Class::Live, 1, 1), 1);
    queue.close();
    let refused = queue.push(at(0), entry(Class::Live, 2, 1), 2).expect_err("it is closed");
    assert_eq!(refused.reason, RefusedReason::Closed);
    assert_eq!(items(batch(&mut queue, at(0), false)), [1]);
}

#[test]
fn slots_that_ask_in_turn_each_get_a_batch() {
    let mut queue = roomy();
    for number in 0..4 {
        push(&mut queue, at(0), batched(Class::Live, number, 1, 2, ms(5)), number);
    }
    assert_eq!(items(batch(&mut queue, at(0), true)), [0, 1]);
    assert_eq!(items(batch(&mut queue, at(0), true)), [2, 3]);
}

#[test]
fn weights_divide_the_turns() {
    let mut queue = roomy();
    for number in 0..90 {
        push(&mut queue, at(0), entry(Class::Interactive, 1, 1), 1);
        let heavy = Entry { weight: NonZeroU16::new(2).expect("two"), ..entry(Class::Interactive, 2, 1) };
        push(&mut queue, at(number), heavy, 2);
    }
    let served: Vec<i32> = (0..60).flat_map(|_| items(batch(&mut queue, at(90), true))).collect();
    assert_eq!(served.iter().filter(|stream| **stream == 2).count(), 40);
}

#[test]
fn a_class_without_capacity_admits_nothing() {
    let closed = ClassPolicy { capacity: 0, wait_max: LONG, when_full: WhenFull::DropOldestOfStream };
    let mut queue = DeviceQueue::new(QueuePolicy { live: closed, ..QueuePolicy::default() });
    let refused = queue.push(at(0), entry(Class::Live, 1, 1), ()).expect_err("there is no room");
    assert!(matches!(refused.reason, RefusedReason::Full { .. }));
}

#[test]
fn work_that_goes_on_goes_first_and_takes_no_turn() {
    let mut queue = DeviceQueue::new(QueuePolicy { live_depth: 1, ..policy(100, LONG) });
    for stream in 0..3 {
        push(&mut queue, at(0), entry(Class::Live, stream, 1), stream * 10);
    }
    let goes_on = |stream| Entry { follow_up: true, ..entry(Class::Live, stream, 2) };
    for person in 1..4 {
        push(&mut queue, at(1), goes_on(2), 20 + person);
    }
    let order: Vec<_> = (0..6).flat_map(|_| items(batch(&mut queue, at(2), true))).collect();
    assert_eq!(order, [21, 22, 23, 0, 10, 20], "all three of stream 2 before any frame, and its own frame in its turn");
}

#[test]
fn work_that_goes_on_neither_displaces_nor_is_displaced() {
    let mut queue = DeviceQueue::new(QueuePolicy { live_depth: 1, ..policy(3, LONG) });
    let goes_on = Entry { follow_up: true, ..entry(Class::Live, 1, 1) };
    push(&mut queue, at(0), goes_on, "first");
    push(&mut queue, at(0), goes_on, "second");
    push(&mut queue, at(0), entry(Class::Live, 1, 1), "frame");
    let full = queue.push(at(0), goes_on, "fourth").expect_err("the class is full");
    assert!(matches!(full.reason, RefusedReason::Full { .. }));
    let displaced = queue.push(at(0), entry(Class::Live, 1, 1), "newer").expect("the older frame makes room").displaced;
    assert_eq!(displaced.map(|displaced| displaced.item), Some("frame"));
}
