//! The watch over people, frame by frame in virtual time: no model, no clock.

use proptest::prelude::*;
use samovar_media::{Frame, FramePool, Picture, PixelFormat};
use samovar_models::{BoundingBox, Keypoint};
use samovar_pipelines::{
    AnomalyOptions, AnomalyWatch, SceneEvent, SceneEventKind, SceneFrame, SceneInput, Schedule, SeenPerson, Sighting,
    TrackWindow, TrackerOptions, Zone,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2026-11-23 00:00 UTC, a Monday.
const MONDAY: u64 = 1_795_392_000;
const FRAME: Duration = Duration::from_millis(100);

/// A stage of 640×480 at 10 frames a second.
struct Stage {
    watch: AnomalyWatch,
    picture: Picture,
    /// Number of the next frame.
    number: u64,
    wall: SystemTime,
    events: Vec<SceneEvent>,
}

impl Stage {
    fn new(options: AnomalyOptions) -> Self {
        options.validate().unwrap();
        let wall = UNIX_EPOCH + Duration::from_secs(MONDAY);
        Self { watch: AnomalyWatch::new(options), picture: picture(640, 480), number: 0, wall, events: Vec::new() }
    }

    /// One frame with somebody at each of these places, all windows scored alike.
    fn frame(&mut self, places: &[f32], score: Option<f32>) -> SceneFrame {
        self.frame_scored(places, |_| score)
    }

    fn frame_scored(&mut self, places: &[f32], score: impl Fn(&TrackWindow) -> Option<f32>) -> SceneFrame {
        let people = places.iter().map(|&x| somebody(x)).collect();
        let time = FRAME * u32::try_from(self.number).unwrap();
        let (number, wall, picture) = (self.number, self.wall + time, self.picture.clone());
        let scene = self.watch.look(Sighting { frame: SceneInput { number, time, wall, picture }, people });
        let scores: Vec<_> = scene.windows.iter().map(score).collect();
        let (frame, events) = self.watch.judge(&scene, &scores, Duration::ZERO);
        self.number += 1;
        self.events.extend(events);
        frame
    }

    fn frames(&mut self, count: usize, places: &[f32], score: f32) {
        (0..count).for_each(|_| drop(self.frame(places, Some(score))));
    }

    /// What was told so far: kind, frame, track.
    fn told(&self) -> Vec<(SceneEventKind, u64, u64)> {
        self.events.iter().map(|event| (event.kind, event.frame, event.person.track)).collect()
    }

    fn kinds(&self) -> Vec<SceneEventKind> {
        self.events.iter().map(|event| event.kind).collect()
    }
}

fn picture(width: u32, height: u32) -> Picture {
    let pixels = FramePool::new(1).take(width as usize * height as usize * 3);
    Picture::decoded(Arc::new(Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels)))
}

/// Somebody of 40×100 pixels whose feet are at (`x`, 300).
fn somebody(x: f32) -> SeenPerson {
    let keypoints: Vec<_> = (0..17).map(|joint| Keypoint { x, y: 200.0 + 6.0 * joint as f32, score: 1.0 }).collect();
    let bbox = BoundingBox::from([x - 20.0, 200.0, x + 20.0, 300.0]);
    SeenPerson { bbox, score: 0.9, keypoints: keypoints.into(), appearance: None }
}

/// Thresholds at 3 and 1.5, told after 300 ms, nothing smoothed.
fn options() -> AnomalyOptions {
    AnomalyOptions {
        score_start: 3.0,
        score_end: 1.5,
        duration_min: Duration::from_millis(300),
        smoothing: Duration::ZERO,
        ..AnomalyOptions::default()
    }
}

#[test]
fn somebody_comes_is_unusual_for_a_while_and_goes() {
    use SceneEventKind::{AnomalyEnded, AnomalyStarted, AnomalyUpdated, PersonAppeared, PersonLeft};
    let mut stage = Stage::new(options());
    stage.frames(30, &[320.0], 0.0);
    assert_eq!(stage.told(), [(PersonAppeared, 2, 1)]);
    stage.frames(20, &[320.0], 5.0);
    stage.frames(10, &[320.0], 0.0);
    stage.frames(60, &[], 0.0);
    let expected = [
        (PersonAppeared, 2, 1),
        (AnomalyStarted, 33, 1),
        (AnomalyUpdated, 43, 1),
        (AnomalyEnded, 53, 1),
        (PersonLeft, 90, 1),
    ];
    assert_eq!(stage.told(), expected);
    let started = &stage.events[1];
    // The first high score is that of the window of frames 7 to 30, whose middle is frame 19.
    assert_eq!((started.since, started.time, started.score_max), (FRAME * 19, FRAME * 33, Some(5.0)));
    assert!(started.person.anomalous && !stage.events[3].person.anomalous);
    assert_eq!((stage.events[4].since, stage.events[4].score_max), (Duration::ZERO, Some(5.0)));
    let numbers: Vec<_> = stage.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn nobody_is_scored_before_a_window_is_full_or_without_17_key_points() {
    let mut stage = Stage::new(options());
    let scored: Vec<_> = (0..25).map(|_| stage.frame(&[320.0], Some(1.0)).persons[0].anomaly_score).collect();
    assert_eq!(scored[..23], [None; 23]);
    assert_eq!(scored[23..], [Some(1.0); 2]);

    let mut watch = AnomalyWatch::new(options());
    for number in 0..40 {
        let people = vec![SeenPerson { keypoints: [Keypoint::default(); 5].into(), ..somebody(320.0) }];
        let (time, wall) = (FRAME * number, UNIX_EPOCH);
        let frame = SceneInput { number: u64::from(number), time, wall, picture: picture(64, 48) };
        assert!(watch.look(Sighting { frame, people }).windows.is_empty());
    }
}

#[test]
fn frames_that_the_stream_dropped_are_interpolated_up_to_a_limit() {
    let scored_after = |dropped: u64, options: AnomalyOptions| {
        let mut stage = Stage::new(options);
        stage.frames(24, &[320.0], 1.0);
        stage.number += dropped;
        stage.frame(&[320.0], Some(1.0)).persons[0].anomaly_score.is_some()
    };
    assert!(scored_after(2, options()) && !scored_after(3, options()));
    assert!(scored_after(4, AnomalyOptions { missing_frames_max: 4, ..options() }));
}

#[test]
fn a_window_that_was_refused_costs_one_frame_and_is_counted() {
    let mut stage = Stage::new(options());
    stage.frames(40, &[320.0], 5.0);
    let frame = stage.frame(&[320.0], None);
    assert_eq!((frame.windows_dropped, frame.windows.len()), (1, 0));
    assert_eq!((frame.persons[0].anomaly_score, frame.persons[0].anomalous), (None, true));
    let next = stage.frame(&[320.0], Some(5.0));
    assert_eq!((next.windows_dropped, next.persons[0].anomaly_score), (0, Some(5.0)));
    assert_eq!((next.windows[0].frame, next.windows[0].score), (41 - 23 + 12, 5.0));
}

#[test]
fn who_leaves_while_unusual_is_told_as_both() {
    let mut stage = Stage::new(options());
    stage.frames(30, &[320.0], 5.0);
    stage.frames(60, &[], 5.0);
    let kinds = stage.kinds();
    assert_eq!(kinds[kinds.len() - 2..], [SceneEventKind::AnomalyEnded, SceneEventKind::PersonLeft]);
    let mut open = Stage::new(options());
    open.frames(30, &[320.0], 5.0);
    let ends: Vec<_> = open.watch.end().iter().map(|event| (event.kind, event.number)).collect();
    assert_eq!(ends, [(SceneEventKind::AnomalyEnded, 3), (SceneEventKind::PersonLeft, 4)]);
    assert_eq!(open.watch.end(), []);
}

#[test]
fn boxes_of_a_single_frame_take_no_number_from_people() {
    let mut stage = Stage::new(options());
    stage.frames(5, &[100.0], 0.0);
    (0..10).for_each(|ghost| {
        stage.frames(1, &[100.0, 220.0 + 5.0 * ghost as f32], 0.0);
        stage.frames(1, &[100.0], 0.0);
    });
    stage.frames(5, &[100.0, 500.0], 0.0);
    assert_eq!(stage.events.iter().map(|event| event.person.track).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn only_people_in_a_zone_count() {
    let corners = vec![[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]];
    let right = Zone { name: "right".into(), corners };
    let mut stage = Stage::new(AnomalyOptions { zones: vec![right], ..options() });
    stage.frames(40, &[100.0, 500.0], 5.0);
    let tracks: Vec<_> = stage.events.iter().map(|event| (event.person.track, event.zone.as_deref())).collect();
    assert!(tracks.iter().all(|told| *told == (2, Some("right"))), "{tracks:?}");
    assert_eq!(stage.kinds()[..2], [SceneEventKind::PersonAppeared, SceneEventKind::AnomalyStarted]);
    stage.watch.set_options(options());
    stage.frames(10, &[100.0, 500.0], 5.0);
    let left_too = stage.told().iter().any(|told| told.0 == SceneEventKind::AnomalyStarted && told.2 == 1);
    assert!(left_too, "without zones everybody counts: {:?}", stage.told());
}

#[test]
fn an_anomaly_ends_when_its_person_walks_out_of_the_zone() {
    let corners = vec![[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]];
    let mut stage = Stage::new(AnomalyOptions {
        zones: vec![Zone { name: "right".into(), corners }],
        update_every: Duration::from_secs(60),
        ..options()
    });
    stage.frames(40, &[340.0], 5.0);
    (0..10).for_each(|step| stage.frames(1, &[340.0 - 6.0 * step as f32], 5.0));
    let last = stage.events.last().unwrap();
    assert_eq!((last.kind, last.zone.as_deref()), (SceneEventKind::AnomalyEnded, Some("right")));
}

#[test]
fn anomalies_are_told_only_within_the_schedule() {
    // Sunday 23:59 to Monday 00:00:04.
    let schedule = Schedule { utc_offset_min: 0, spans: vec![(10_079, 10_081)] };
    let mut stage = Stage::new(AnomalyOptions { schedule: Some(schedule), ..options() });
    stage.wall += Duration::from_secs(56);
    stage.frames(60, &[320.0], 5.0);
    let told = stage.told();
    assert_eq!(told[1].0, SceneEventKind::AnomalyStarted);
    assert_eq!(told.last().map(|told| (told.0, told.1)), Some((SceneEventKind::AnomalyEnded, 43)), "4 s and 300 ms");
    let mut before = Stage::new(stage.watch.options().clone());
    before.wall -= Duration::from_secs(3_600);
    before.frames(60, &[320.0], 5.0);
    assert_eq!(before.kinds(), [SceneEventKind::PersonAppeared]);
}

#[test]
fn thresholds_change_while_it_runs_and_everybody_stays_who_they_are() {
    let mut stage = Stage::new(options());
    stage.frames(30, &[100.0, 500.0], 2.0);
    assert_eq!(stage.kinds(), [SceneEventKind::PersonAppeared; 2]);
    stage.watch.set_options(AnomalyOptions { score_start: 1.8, ..options() });
    stage.frames(10, &[100.0, 500.0], 2.0);
    assert_eq!(stage.told()[2..], [(SceneEventKind::AnomalyStarted, 33, 1), (SceneEventKind::AnomalyStarted, 33, 2)]);
    stage.watch.set_options(AnomalyOptions { score_start: 9.0, score_end: 2.5, ..options() });
    stage.frames(10, &[100.0, 500.0], 2.0);
    assert_eq!(stage.told()[4..], [(SceneEventKind::AnomalyEnded, 43, 1), (SceneEventKind::AnomalyEnded, 43, 2)]);
}

#[test]
fn after_a_break_nobody_is_taken_for_who_was_there_before() {
    let mut stage = Stage::new(options());
    stage.frames(30, &[320.0], 0.0);
    stage.number += 101;
    let late = stage.frame(&[320.0], Some(0.0));
    assert!(late.persons.iter().all(|person| person.track != 1));
    assert_eq!(stage.kinds().last(), Some(&SceneEventKind::PersonLeft));

    let mut resized = Stage::new(options());
    resized.frames(30, &[320.0], 0.0);
    resized.picture = picture(1_280, 720);
    resized.frames(3, &[320.0], 0.0);
    assert_eq!(resized.kinds()[1], SceneEventKind::PersonLeft);
}

#[test]
fn a_score_that_does_not_come_again_is_forgotten() {
    let mut stage = Stage::new(options());
    stage.frames(30, &[320.0], 5.0);
    (0..80).for_each(|_| drop(stage.frame(&[320.0], None)));
    let last = stage.events.last().unwrap();
    assert_eq!((last.kind, last.frame), (SceneEventKind::AnomalyEnded, 29 + 51 + 3), "5 s and 300 ms after the last");
}

#[test]
fn a_score_that_is_no_number_counts_as_none() {
    let mut stage = Stage::new(options());
    stage.frames(30, &[320.0], 0.0);
    let frame = stage.frame(&[320.0], Some(f32::NAN));
    assert_eq!((frame.windows_dropped, frame.persons[0].anomaly_score), (1, None));
}

#[test]
fn what_is_held_and_told_is_bounded_however_many_people_there_are() {
    let mut stage = Stage::new(AnomalyOptions { appear_frames: 1, ..options() });
    for frame in 0..200 {
        let places: Vec<_> = (0..400).map(|person| (person * 97 + frame * 61) as f32).collect();
        let scene = stage.frame(&places, Some(9.0));
        assert!(scene.persons.len() <= 100);
    }
    let per_frame = stage.events.iter().fold(HashMap::<u64, usize>::new(), |mut counts, event| {
        *counts.entry(event.frame).or_default() += 1;
        counts
    });
    assert!(per_frame.values().all(|&count| count <= 2 * (100 + TrackerOptions::default().tracks_max)));
}

/// One person's part in a random play.
#[derive(Clone, Debug)]
enum Step {
    /// So many frames with these people and this score.
    Frames(usize, u8, f32),
    /// So many frames that the stream dropped.
    Dropped(u64),
    /// Other options from here on.
    Options(Box<AnomalyOptions>),
}

fn step() -> impl Strategy<Value = Step> {
    let frames = (1..40_usize, 0..8_u8, -2.0..8.0_f32).prop_map(|(count, who, score)| Step::Frames(count, who, score));
    let options = (-1.0..4.0_f32, 0.0..3.0_f32, 0..5_u64, any::<bool>(), 1..5_u32).prop_map(
        |(score_end, above, tenths, zoned, appear_frames)| {
            let zone = Zone { name: "left".into(), corners: vec![[0.0, 0.0], [0.4, 0.0], [0.4, 1.0], [0.0, 1.0]] };
            Step::Options(Box::new(AnomalyOptions {
                score_start: score_end + above,
                score_end,
                duration_min: Duration::from_millis(100 * tenths),
                smoothing: Duration::from_millis(100 * tenths),
                zones: zoned.then_some(zone).into_iter().collect(),
                appear_frames,
                ..AnomalyOptions::default()
            }))
        },
    );
    prop_oneof![6 => frames, 1 => (1..130_u64).prop_map(Step::Dropped), 1 => options]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn events_are_always_well_formed(steps in prop::collection::vec(step(), 1..30)) {
        let mut stage = Stage::new(AnomalyOptions::default());
        for step in steps {
            match step {
                Step::Frames(count, who, score) => {
                    let places: Vec<_> = (0..3).filter(|bit| who & (1 << bit) != 0).map(|bit| 100.0 + 200.0 * bit as f32).collect();
                    stage.frames(count, &places, score);
                }
                Step::Dropped(count) => stage.number += count,
                Step::Options(options) => stage.watch.set_options(*options),
            }
        }
        stage.events.extend(stage.watch.end());
        check(&stage.events)?;
    }
}

/// Where one person stands by the events so far.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Here,
    Unusual { since: Duration, peak: f32 },
    Left,
}

/// Numbers rise by one, times do not go back; everybody appears once and leaves once; what starts is ended before its person leaves.
fn check(events: &[SceneEvent]) -> Result<(), TestCaseError> {
    let mut people: HashMap<u64, Told> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        prop_assert_eq!(event.number, index as u64 + 1);
        prop_assert!(event.since <= event.time);
        prop_assert!(index == 0 || (events[index - 1].frame <= event.frame && events[index - 1].time <= event.time));
        let before = people.get(&event.person.track).copied();
        let peak = event.score_max.unwrap_or(f32::NEG_INFINITY);
        let after = match (before, event.kind) {
            (None, SceneEventKind::PersonAppeared) | (Some(Told::Unusual { .. }), SceneEventKind::AnomalyEnded) => {
                Told::Here
            }
            (Some(Told::Here), SceneEventKind::AnomalyStarted) => Told::Unusual { since: event.since, peak },
            (Some(Told::Unusual { since, peak: until_now }), SceneEventKind::AnomalyUpdated) => {
                prop_assert_eq!(since, event.since);
                prop_assert!(peak >= until_now);
                Told::Unusual { since, peak }
            }
            (Some(Told::Here), SceneEventKind::PersonLeft) => Told::Left,
            odd => return Err(TestCaseError::fail(format!("{odd:?} in event {index}: {event:?}"))),
        };
        people.insert(event.person.track, after);
    }
    prop_assert!(people.values().all(|told| *told == Told::Left), "{:?}", people);
    Ok(())
}
