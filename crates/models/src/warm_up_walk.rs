//! Representative work for pose-sequence models: somebody who walks through the picture, by formula.

use crate::{PoseWindow, SequenceModel};
use samovar_runtime::{InputRow, OutputRow, Scratch, TaskError, WarmUpRow};
use std::f32::consts::TAU;

/// One walk through a pose-sequence model, over and over.
pub(crate) struct WarmUpWalk {
    model: SequenceModel,
    window: PoseWindow,
}

impl WarmUpWalk {
    pub(crate) fn new(model: SequenceModel) -> Self {
        let window = walk(model.window_frames());
        Self { model, window }
    }
}

impl WarmUpRow for WarmUpWalk {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.window, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.read(row).map(drop)
    }
}

/// Height of whoever walks, in pixels of a 1280×720 frame.
const HEIGHT: f32 = 200.0;
/// Frames of a full step of both legs, at some 24 frames a second.
const CYCLE: f32 = 26.0;

/// Somebody of 200 pixels who walks from left to right through a 1280×720 frame, 3 pixels a frame: limbs are pendulums from the
/// shoulders and hips, arms against legs; knees bend when they are in front, elbows always a little.
pub(crate) fn walk(frames: usize) -> PoseWindow {
    PoseWindow { frame_size: (1280, 720), poses: (0..frames).map(|frame| pose(frame as f32)).collect() }
}

/// COCO's key points of one frame; seen from the side, so that left and right lie close to each other.
fn pose(frame: f32) -> [[f32; 2]; 17] {
    let phase = TAU * frame / CYCLE;
    let (x, ground) = (400.0 + 3.0 * frame, 600.0);
    let up = |share: f32| ground - HEIGHT * share - 3.0 * (2.0 * phase).cos();
    let at = |across: f32, share: f32| [x + HEIGHT * across, up(share)];
    let head = [at(0.05, 0.93), at(0.04, 0.95), at(0.03, 0.95), at(0.0, 0.94), at(-0.01, 0.94)];
    let arm = |side: f32| limb(at(0.02 * side, 0.82), [0.17, 0.15], [-0.5 * side * phase.sin(), 0.35]);
    let leg = |side: f32| {
        let swing = side * phase.sin();
        limb(at(0.015 * side, 0.52), [0.25, 0.25], [0.45 * swing, -0.3 - 0.3 * swing])
    };
    let ([left_arm, right_arm], [left_leg, right_leg]) = ([arm(1.0), arm(-1.0)], [leg(1.0), leg(-1.0)]);
    let mut points = [[0.0; 2]; 17];
    points[..5].copy_from_slice(&head);
    for joint in 0..3 {
        points[5 + 2 * joint] = left_arm[joint];
        points[6 + 2 * joint] = right_arm[joint];
        points[11 + 2 * joint] = left_leg[joint];
        points[12 + 2 * joint] = right_leg[joint];
    }
    points
}

/// Upper joint, middle joint and end of a limb: lengths as shares of the height, angles from straight down in radians, the
/// second one relative to the first.
fn limb(from: [f32; 2], lengths: [f32; 2], angles: [f32; 2]) -> [[f32; 2]; 3] {
    let hang = |[x, y]: [f32; 2], length: f32, angle: f32| {
        [x + HEIGHT * length * angle.sin(), y + HEIGHT * length * angle.cos()]
    };
    let middle = hang(from, lengths[0], angles[0]);
    [from, middle, hang(middle, lengths[1], angles[0] + angles[1])]
}
