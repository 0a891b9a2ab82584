//! People of an anomaly run drawn into their frame: boxes, numbers, skeletons, and how unusual the last seconds were.

use samovar_media::Canvas;
use samovar_models::{COCO_LIMBS, Keypoint};
use samovar_pipelines::{AnomalyOptions, ScenePerson};
use std::collections::VecDeque;

/// Draws the frames of one video, in their order.
pub struct SceneDrawing {
    score_start: f32,
    zones: Vec<Vec<[f32; 2]>>,
    /// The highest score of each of the last frames; none where nobody had one. Bounded by [`CURVE_FRAMES`].
    curve: VecDeque<Option<f32>>,
}

/// Frames that the curve shows: some ten seconds.
const CURVE_FRAMES: usize = 150;
/// Height of the curve, as a share of the picture's.
const CURVE_SHARE: f32 = 0.12;
/// What the curve's height stands for, as a multiple of what an anomaly begins at.
const CURVE_TOP: f32 = 2.0;
/// Key points below it are guesses.
const KEYPOINT_SCORE_MIN: f32 = 0.5;

const RED: [u8; 3] = [235, 40, 40];
const GREEN: [u8; 3] = [60, 200, 90];
const GREY: [u8; 3] = [170, 170, 170];
const BLUE: [u8; 3] = [70, 140, 255];

impl SceneDrawing {
    /// Nothing drawn yet.
    pub fn new(options: &AnomalyOptions) -> Self {
        let zones = options.zones.iter().map(|zone| zone.corners.clone()).collect();
        Self { score_start: options.score_start, zones, curve: VecDeque::with_capacity(CURVE_FRAMES) }
    }

    /// Draws the next frame.
    pub fn draw(&mut self, canvas: &mut Canvas, persons: &[ScenePerson]) {
        let size = [canvas.frame().width() as f32, canvas.frame().height() as f32];
        for zone in &self.zones {
            let corners: Vec<[f32; 2]> = zone.iter().map(|[x, y]| [x * size[0], y * size[1]]).collect();
            canvas.draw_polygon(&corners, BLUE);
        }
        // Who is unusual lies on top.
        for person in persons.iter().filter(|person| !person.anomalous) {
            draw_person(canvas, person, GREEN);
        }
        for person in persons.iter().filter(|person| person.anomalous) {
            draw_person(canvas, person, RED);
        }
        if self.curve.len() == CURVE_FRAMES {
            self.curve.pop_front();
        }
        self.curve.push_back(persons.iter().filter_map(|person| person.anomaly_score).reduce(f32::max));
        self.draw_curve(canvas, size);
    }

    /// The scores at the bottom, the newest on the right; red above the line at which an anomaly begins.
    fn draw_curve(&self, canvas: &mut Canvas, [width, height]: [f32; 2]) {
        let step = width / (CURVE_FRAMES - 1) as f32;
        let left = width - (self.curve.len() - 1) as f32 * step;
        let share = |score: f32| (score / (self.score_start.abs().max(1.0) * CURVE_TOP)).clamp(0.0, 1.0);
        let y = |score: f32| height - 1.0 - share(score) * height * CURVE_SHARE;
        let begins = y(self.score_start);
        canvas.draw_polygon(&[[0.0, begins], [width, begins]], GREY);
        let points = self.curve.iter().enumerate().map(|(index, score)| Some((left + index as f32 * step, (*score)?)));
        let points: Vec<Option<(f32, f32)>> = points.collect();
        for pair in points.windows(2) {
            let &[Some((x1, score1)), Some((x2, score2))] = pair else { continue };
            let color = if score2 >= self.score_start { RED } else { GREEN };
            canvas.draw_polygon(&[[x1, y(score1)], [x2, y(score2)]], color);
        }
    }
}

fn draw_person(canvas: &mut Canvas, person: &ScenePerson, color: [u8; 3]) {
    let bbox = &person.bbox;
    let label = match person.anomaly_score {
        Some(score) => format!("{} {score:.1}", person.track),
        None => person.track.to_string(),
    };
    let point = |Keypoint { x, y, score }: &Keypoint| [*x, *y, *score];
    let points: Vec<[f32; 3]> = person.keypoints.iter().map(point).collect();
    canvas.draw_pose(&points, &COCO_LIMBS, color, KEYPOINT_SCORE_MIN);
    canvas.draw_colored_box([bbox.x1, bbox.y1, bbox.x2, bbox.y2], &label, color);
}
