//! Each rule of the tracker on its own: who is found again, who is rescued, who is forgotten, and what is held at most.

use samovar_models::{Appearance, BoundingBox};
use samovar_pipelines::{Seen, Tracked, Tracker, TrackerOptions};
use std::collections::HashSet;

fn tracker() -> Tracker {
    Tracker::new(TrackerOptions::default())
}

/// Somebody 40 × 100 pixels large whose left edge is there.
fn at(x: f32, score: f32) -> Seen<'static> {
    Seen { bbox: [x, 100.0, x + 40.0, 200.0].into(), score, appearance: None }
}

fn ids(tracked: &[Tracked]) -> Vec<u64> {
    tracked.iter().map(|tracked| tracked.id).collect()
}

/// Numbers from 0 to 1 that are the same in every run.
fn numbers(mut seed: u64) -> impl FnMut() -> f32 {
    move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / (1_u64 << 24) as f32
    }
}

#[test]
fn somebody_new_is_told_of_from_the_second_frame_on_and_a_flicker_never() {
    let mut tracker = tracker();
    assert_eq!(ids(&tracker.update(&[at(0.0, 0.9)])), [1], "on the first frame of all there is nothing to wait for");
    assert_eq!(ids(&tracker.update(&[at(0.0, 0.9), at(300.0, 0.9), at(600.0, 0.9)])), [1]);
    assert_eq!(ids(&tracker.update(&[at(0.0, 0.9), at(302.0, 0.9)])), [1, 2]);
    assert!(tracker.removed().is_empty(), "3 has never been told of");
    assert_eq!(tracker.len(), 2);
}

#[test]
fn each_box_goes_to_one_track_and_tells_its_place_in_the_list() {
    let mut tracker = tracker();
    tracker.update(&[at(300.0, 0.9), at(0.0, 0.8)]);
    let tracked = tracker.update(&[at(2.0, 0.7), at(302.0, 0.6)]);
    let told: Vec<_> = tracked.iter().map(|tracked| (tracked.id, tracked.index, tracked.score)).collect();
    assert_eq!(told, [(1, 1, 0.6), (2, 0, 0.7)]);
}

#[test]
fn who_is_lost_for_a_while_is_found_again_where_the_walk_has_led() {
    let mut tracker = tracker();
    (0..20).for_each(|frame| drop(tracker.update(&[at(frame as f32 * 5.0, 0.9)])));
    for _ in 20..45 {
        assert_eq!(tracker.update(&[]), []);
        assert_eq!(tracker.lost().collect::<Vec<_>>(), [1]);
    }
    assert_eq!(ids(&tracker.update(&[at(45.0 * 5.0, 0.9)])), [1], "125 pixels from the last find");
    assert_eq!(tracker.lost().count(), 0);
}

#[test]
fn a_low_score_keeps_somebody_in_sight_but_begins_nobody() {
    let mut tracker = tracker();
    tracker.update(&[at(0.0, 0.9)]);
    for frame in 1..60 {
        let tracked = tracker.update(&[at(frame as f32, 0.15), at(400.0, 0.2)]);
        assert_eq!(ids(&tracked), [1]);
    }
    assert_eq!(tracker.update(&[at(60.0, 0.1)]), [], "below the low threshold there is nobody");
}

#[test]
fn who_is_lost_is_not_found_in_a_box_of_a_low_score() {
    let mut tracker = tracker();
    tracker.update(&[at(0.0, 0.9)]);
    tracker.update(&[]);
    assert_eq!(tracker.update(&[at(0.0, 0.2)]), []);
    assert_eq!(ids(&tracker.update(&[at(0.0, 0.9)])), [1]);
}

#[test]
fn two_who_cross_keep_their_ids() {
    let mut tracker = tracker();
    for frame in 0..60 {
        let (one, other) = (at(frame as f32 * 6.0, 0.9), at(354.0 - frame as f32 * 6.0, 0.85));
        let tracked = tracker.update(&[one, other]);
        assert_eq!(tracked.iter().map(|tracked| (tracked.id, tracked.index)).collect::<Vec<_>>(), [(1, 0), (2, 1)]);
    }
}

#[test]
fn who_is_lost_for_too_long_is_removed_once_and_comes_back_as_somebody_else() {
    let mut tracker = tracker();
    tracker.update(&[at(0.0, 0.9)]);
    for lost in 1..=30 {
        tracker.update(&[]);
        assert_eq!((tracker.lost().count(), tracker.removed()), (1, &[][..]), "after {lost} frames");
    }
    tracker.update(&[]);
    assert_eq!(tracker.removed(), [1]);
    assert!(tracker.is_empty());
    tracker.update(&[at(0.0, 0.9)]);
    assert!(tracker.removed().is_empty());
    assert_eq!(ids(&tracker.update(&[at(0.0, 0.9)])), [2]);
}

#[test]
fn frames_that_nobody_looked_at_move_who_walks_on() {
    let walk = |frame: u64| at(frame as f32 * 9.0, 0.9);
    let mut looked = tracker();
    let mut dropped = tracker();
    for frame in 0..30 {
        looked.update(&[walk(frame)]);
        dropped.update(&[walk(frame)]);
    }
    dropped.skip(9);
    assert_eq!(ids(&dropped.update(&[walk(39)])), [1], "81 pixels on: twice the width");
    assert_eq!(looked.update(&[walk(39)]), [], "without the gap told, the walk ends 9 pixels on");
}

#[test]
fn a_stream_that_is_looked_at_now_and_then_is_followed() {
    let mut tracker = tracker();
    for look in 0..40_u64 {
        tracker.skip(u64::from(look > 0) * 4);
        assert_eq!(ids(&tracker.update(&[at(look as f32 * 5.0 * 1.2, 0.9)])), [1]);
    }
}

#[test]
fn frames_that_nobody_looked_at_age_the_lost_as_frames_without_anybody() {
    for skipped in 0..40 {
        let (mut looked, mut dropped) = (tracker(), tracker());
        looked.update(&[at(0.0, 0.9)]);
        dropped.update(&[at(0.0, 0.9)]);
        looked.update(&[]);
        dropped.update(&[]);
        (0..skipped).for_each(|_| drop(looked.update(&[])));
        dropped.skip(skipped);
        let (one, other) = (looked.update(&[at(0.0, 0.9)]), dropped.update(&[at(0.0, 0.9)]));
        assert_eq!(ids(&one), ids(&other), "after {skipped} frames");
        assert_eq!(one.len(), usize::from(skipped < 30), "after {skipped} frames");
    }
}

#[test]
fn a_gap_longer_than_anybody_is_remembered_removes_all_at_once() {
    let mut tracker = tracker();
    tracker.update(&[at(0.0, 0.9), at(300.0, 0.9)]);
    tracker.skip(u64::MAX);
    tracker.skip(u64::MAX);
    assert_eq!(tracker.update(&[at(0.0, 0.9)]), []);
    assert_eq!(tracker.removed(), [1, 2]);
}

#[test]
fn of_two_tracks_on_one_person_the_older_stays() {
    let mut tracker = Tracker::new(TrackerOptions { score_new: 0.3, ..TrackerOptions::default() });
    (0..10).for_each(|_| drop(tracker.update(&[at(0.0, 0.9)])));
    // Two boxes of one person: the better one goes to the track, the other begins a second track on nearly the same place.
    (0..3).for_each(|_| drop(tracker.update(&[at(0.0, 0.9), at(3.0, 0.9)])));
    assert_eq!(tracker.len(), 2);
    let mut removed = Vec::new();
    for _ in 0..3 {
        tracker.update(&[at(1.0, 0.9)]);
        removed.extend_from_slice(tracker.removed());
    }
    assert_eq!((removed, tracker.len()), (vec![2], 1));
}

#[test]
fn of_two_tracks_on_one_person_the_older_stays_even_if_it_is_the_one_out_of_sight() {
    let mut tracker = tracker();
    (0..10).for_each(|_| drop(tracker.update(&[at(0.0, 0.9)])));
    (0..3).for_each(|_| drop(tracker.update(&[at(0.0, 0.9), at(2.0, 0.9)])));
    assert_eq!(tracker.update(&[at(2.5, 0.9)]), [], "the box is the younger track's, which is given up");
    assert_eq!(tracker.removed(), [2]);
    assert_eq!(ids(&tracker.update(&[at(2.5, 0.9)])), [1]);
}

#[test]
fn boxes_that_are_no_numbers_are_nobody_and_harm_nobody() {
    let mut clean = tracker();
    let mut hostile = tracker();
    for frame in 0..20 {
        let person = at(frame as f32 * 3.0, 0.9);
        let BoundingBox { x1, y1, x2, y2 } = person.bbox;
        let mut seen = vec![person];
        let mut add = |edges: [f32; 4], score: f32| seen.push(Seen { bbox: edges.into(), score, appearance: None });
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN] {
            [[value, y1, x2, y2], [x1, value, x2, y2], [x1, y1, value, y2], [x1, y1, x2, value], [value; 4]]
                .into_iter()
                .for_each(|edges| add(edges, 0.9));
        }
        [[x1, y1, x1, y2], [x1, y1, x2, y1 + 1e-4], [x2, y2, x1, y1]].into_iter().for_each(|edges| add(edges, 0.9));
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().for_each(|score| add([500.0, y1, 540.0, y2], score));
        assert_eq!(hostile.update(&seen), clean.update(&[person]), "on frame {frame}");
    }
    assert_eq!(hostile.len(), 1);
}

fn look(angle: f32) -> Appearance {
    Appearance(vec![angle.cos(), angle.sin()])
}

#[test]
fn looks_decide_between_two_who_stand_close() {
    let (red, blue) = (look(0.0), look(1.5));
    let dressed = |x: f32, appearance| Seen { appearance, ..at(x, 0.6) };
    let swapped = |red, blue| {
        let mut tracker = tracker();
        (0..10).for_each(|_| drop(tracker.update(&[dressed(0.0, red), dressed(12.0, blue)])));
        ids_by_box(&tracker.update(&[dressed(11.0, red), dressed(1.0, blue)]))
    };
    assert_eq!(swapped(None, None), [2, 1], "by place alone they are taken for each other");
    assert_eq!(swapped(Some(&red), Some(&blue)), [1, 2]);
}

fn ids_by_box(tracked: &[Tracked]) -> Vec<u64> {
    let mut by_box: Vec<_> = tracked.iter().map(|tracked| (tracked.index, tracked.id)).collect();
    by_box.sort_unstable();
    by_box.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn looks_help_where_place_and_score_do_not_suffice_but_only_those_that_are_alike() {
    let (red, orange, green) = (look(0.0), look(0.8), look(1.2));
    let found_as = |now| {
        let mut tracker = tracker();
        let dressed = |x: f32, score, look| Seen { appearance: Some(look), ..at(x, score) };
        (0..5).for_each(|_| drop(tracker.update(&[dressed(0.0, 0.9, &red)])));
        ids(&tracker.update(&[dressed(11.0, 0.3, now)]))
    };
    assert_eq!(found_as(&red), [1], "an IoU of 0.57 and a score of 0.3 would cost 0.83");
    assert_eq!(found_as(&orange), [1], "a similarity of 0.70");
    assert!(found_as(&green).is_empty(), "a similarity of 0.36");
}

#[test]
fn nobody_learns_looks_from_boxes_of_low_scores() {
    let (red, blue) = (look(0.0), look(1.5));
    let mut tracker = tracker();
    let dressed = |x: f32, score, look| Seen { appearance: Some(look), ..at(x, score) };
    (0..5).for_each(|_| drop(tracker.update(&[dressed(0.0, 0.9, &red)])));
    (0..40).for_each(|_| drop(tracker.update(&[dressed(0.0, 0.15, &blue)])));
    assert_eq!(ids(&tracker.update(&[dressed(11.0, 0.3, &red)])), [1]);
}

#[test]
fn looks_alone_bring_nobody_from_far_away() {
    let red = look(0.0);
    let mut tracker = tracker();
    let dressed = |x: f32| Seen { appearance: Some(&red), ..at(x, 0.9) };
    (0..5).for_each(|_| drop(tracker.update(&[dressed(0.0)])));
    assert_eq!(tracker.update(&[dressed(300.0)]), []);
    assert_eq!(ids(&tracker.update(&[dressed(300.0)])), [2]);
}

/// Boxes anywhere, of any size and score.
fn random(number: &mut impl FnMut() -> f32, count: usize) -> Vec<Seen<'static>> {
    let mut any = || {
        let (x, y, score) = (number() * 600.0, number() * 300.0, number());
        let bbox = [x, y, x + 5.0 + number() * 80.0, y + 5.0 + number() * 160.0].into();
        Seen { bbox, score, appearance: None }
    };
    (0..count).map(|_| any()).collect()
}

#[test]
fn what_is_held_stays_bounded_over_100_000_frames_of_random_boxes_that_stay_for_two() {
    let options = TrackerOptions { tracks_max: 48, ..TrackerOptions::default() };
    let (mut tracker, mut number) = (Tracker::new(options), numbers(3));
    let (mut alive, mut gone, mut fullest) = (HashSet::new(), HashSet::new(), 0);
    let mut seen = Vec::new();
    for frame in 0..100_000 {
        if frame % 2 == 0 {
            let count = (number() * 9.0) as usize;
            seen = random(&mut number, count);
        }
        tracker.skip(u64::from(frame % 97 == 0) * 3);
        let tracked = tracker.update(&seen);
        fullest = fullest.max(tracker.len());
        for tracked in tracked {
            assert!(
                [tracked.bbox.x1, tracked.bbox.y1, tracked.bbox.x2, tracked.bbox.y2]
                    .iter()
                    .all(|edge| edge.is_finite())
            );
            assert!(!gone.contains(&tracked.id), "{} comes back", tracked.id);
            alive.insert(tracked.id);
        }
        for id in tracker.removed() {
            alive.remove(id);
            assert!(gone.insert(*id), "{id} is removed twice");
        }
        assert!(alive.len() <= 48, "whoever has been told of is in sight, lost or removed");
    }
    assert_eq!(fullest, 48, "the bound is met");
    assert!(gone.len() > 10_000, "{}", gone.len());
}

#[test]
fn a_frame_of_more_boxes_than_tracks_keeps_the_surest() {
    let mut tracker = Tracker::new(TrackerOptions { tracks_max: 3, ..TrackerOptions::default() });
    let crowd: Vec<_> = (0..10).map(|at_| at(at_ as f32 * 60.0, 0.3 + at_ as f32 * 0.05)).collect();
    let tracked = tracker.update(&crowd);
    assert_eq!(tracked.iter().map(|tracked| tracked.index).collect::<Vec<_>>(), [7, 8, 9]);
}

#[test]
fn the_same_boxes_give_the_same_tracks_bit_for_bit() {
    let run = || {
        let (mut tracker, mut number) = (tracker(), numbers(8));
        (0..300).map(|_| tracker.update(&random(&mut number, 20))).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
