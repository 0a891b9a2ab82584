//! The tracker against the reference: the same boxes of a real clip get the same ids.

use samovar_models::BoundingBox;
use samovar_pipelines::{Seen, TrackFigures, TrackJudge, Tracked, Tracker, TrackerOptions};
use serde_json::Value;
use std::path::Path;

/// A box of the reference's clip and the ids that the reference gave it, 0 for none.
struct Row {
    bbox: BoundingBox,
    score: f32,
    id: u64,
    /// The id where a wall wanders over the picture; none where it hides the box.
    id_walled: Option<u64>,
}

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Frames of rows; edges are in tenths of a pixel, scores in thousandths.
fn clip() -> Vec<Vec<Row>> {
    let read = |row: &Value| {
        let number = |at: usize, unit: f64| (row[at].as_f64().unwrap() / unit) as f32;
        let bbox = [number(0, 10.0), number(1, 10.0), number(2, 10.0), number(3, 10.0)].into();
        Row { bbox, score: number(4, 1000.0), id: row[5].as_u64().unwrap(), id_walled: row[6].as_u64() }
    };
    let frames = fixture("byte_track.json");
    let rows = |frame: &Value| frame.as_array().unwrap().iter().map(read).collect();
    frames["frames"].as_array().unwrap().iter().map(rows).collect()
}

fn follow<'a>(tracker: &mut Tracker, rows: impl IntoIterator<Item = &'a Row>) -> Vec<Tracked> {
    let seen = rows.into_iter().map(|row| Seen { bbox: row.bbox, score: row.score, appearance: None });
    tracker.update(&seen.collect::<Vec<_>>())
}

/// How many boxes there are, and how many got the id of the reference; `id_of` tells which boxes are seen and their ids.
fn compared(clip: &[Vec<Row>], id_of: impl Fn(&Row) -> Option<u64>) -> (usize, usize) {
    let mut tracker = Tracker::new(TrackerOptions::default());
    let (mut all, mut same) = (0, 0);
    for rows in clip {
        let seen: Vec<&Row> = rows.iter().filter(|row| id_of(row).is_some()).collect();
        let mut ids = vec![0; seen.len()];
        follow(&mut tracker, seen.iter().copied()).iter().for_each(|tracked| ids[tracked.index] = tracked.id);
        all += seen.len();
        same += seen.iter().zip(ids).filter(|(row, id)| id_of(row) == Some(*id)).count();
    }
    (all, same)
}

#[test]
fn boxes_of_a_real_clip_get_the_ids_of_the_reference() {
    let (all, same) = compared(&clip(), |row| Some(row.id));
    println!("{same} of {all} boxes as the reference");
    assert!(all > 6000 && same == all, "{same} of {all}");
}

#[test]
fn boxes_behind_a_wandering_wall_get_the_ids_of_the_reference() {
    let (all, same) = compared(&clip(), |row| row.id_walled);
    println!("{same} of {all} boxes as the reference");
    assert!(all > 4000 && same == all, "{same} of {all}");
}

#[test]
fn boxes_are_smoothed_as_the_reference_does() {
    let reference = fixture("byte_track.json");
    let mut tracker = Tracker::new(TrackerOptions::default());
    let (mut worst, mut count) = (0.0_f32, 0);
    for (frame, rows) in clip().iter().enumerate() {
        let tracked = follow(&mut tracker, rows);
        let Some(smoothed) = reference["smoothed"][frame.to_string()].as_array() else { continue };
        for row in smoothed {
            let Some(own) = tracked.iter().find(|tracked| Some(tracked.id) == row[0].as_u64()) else { continue };
            let edges = [own.bbox.x1, own.bbox.y1, own.bbox.x2, own.bbox.y2];
            let right = (1..5).map(|at| row[at].as_f64().unwrap() as f32 / 100.0);
            worst = edges.into_iter().zip(right).map(|(own, right)| (own - right).abs()).fold(worst, f32::max);
            count += 1;
        }
    }
    println!("{count} boxes, at most {worst} pixels from the reference");
    assert!(count > 200 && worst < 0.02, "{count} boxes, at most {worst} pixels off");
}

#[test]
fn figures_of_made_up_tracks_are_those_of_motmetrics() {
    for scene in fixture("clear_mot.json")["scenes"].as_array().unwrap() {
        let mut judge = TrackJudge::new(0.5);
        for (truth, found) in scene["truth"].as_array().unwrap().iter().zip(scene["found"].as_array().unwrap()) {
            judge.frame(&rows(truth), &rows(found));
        }
        let (figures, expected) = (judge.figures(), &scene["expected"]);
        let count = |name: &str| expected[name].as_f64().unwrap() as u64;
        let TrackFigures { truths, missed, unfounded, switches, right_ids, .. } = figures;
        assert_eq!((truths, missed), (count("num_objects"), count("num_misses")));
        assert_eq!((unfounded, switches), (count("num_false_positives"), count("num_switches")));
        assert_eq!(right_ids, count("idtp"));
        assert!((figures.mota() - expected["mota"].as_f64().unwrap()).abs() < 1e-9);
        assert!((figures.idf1() - expected["idf1"].as_f64().unwrap()).abs() < 1e-9);
    }
}

/// Id, left, top, width, height.
fn rows(frame: &Value) -> Vec<(u64, BoundingBox)> {
    let read = |row: &Value| {
        let [x, y, width, height] = [1, 2, 3, 4].map(|at| row[at].as_f64().unwrap() as f32);
        (row[0].as_u64().unwrap(), [x, y, x + width, y + height].into())
    };
    frame.as_array().unwrap().iter().map(read).collect()
}

#[test]
fn streams_that_take_turns_are_followed_as_each_alone() {
    let clip = clip();
    let starts: Vec<usize> = (0..16).map(|stream| stream * 40).collect();
    let mut together: Vec<Tracker> = starts.iter().map(|_| Tracker::new(TrackerOptions::default())).collect();
    let mut told = vec![Vec::new(); starts.len()];
    for frame in 0..150 {
        for (stream, start) in starts.iter().enumerate() {
            told[stream].push(follow(&mut together[stream], &clip[start + frame]));
        }
    }
    for (start, told) in starts.iter().zip(told) {
        let mut alone = Tracker::new(TrackerOptions::default());
        let again: Vec<_> = clip[*start..start + 150].iter().map(|rows| follow(&mut alone, rows)).collect();
        assert_eq!(again, told, "bit for bit");
    }
}
