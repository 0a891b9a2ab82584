//! Some consecutive poses of one person: what a pose-sequence model looks at, and how it is brought to its own scale.

/// Some consecutive poses of one person, oldest first, one per frame, none missing.
///
/// A model gets it prepared as STG-NF's own code does (Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly
/// Detection", ICCV 2023):
/// the neck is put between the shoulders and the joints into OpenPose's order; x is divided by the frame's width and y by its
/// height; over the whole window each axis loses its mean; both axes are divided by the standard deviation of y. That
/// leaves neither place nor size of the person, but how it moves.
///
/// The published code divides by 856×480, the size of its data's frames. What is left of that after the last step is
/// the proportion alone, so dividing by the frame's own size is the same for frames of that proportion, and right for
/// others.
#[derive(Clone, Debug, PartialEq)]
pub struct PoseWindow {
    /// Width and height of the frames, in pixels.
    pub frame_size: (u32, u32),
    /// Each frame's key points (x, y) in pixels, in the order of [`COCO_KEYPOINTS`](crate::COCO_KEYPOINTS).
    pub poses: Vec<[[f32; 2]; 17]>,
}

/// A window that cannot be scored. The message may reach a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// Not as many poses as the model takes.
    #[error("the window has {found} poses, the model takes {expected}")]
    Length {
        /// Poses of the window.
        found: usize,
        /// Frames of the model's window.
        expected: usize,
    },
    /// A frame without pixels.
    #[error("the frames of the window have no size")]
    NoSize,
    /// A coordinate that is no number, or one that no frame has.
    #[error("a key point of the window is not a finite number of pixels")]
    NotFinite,
}

impl WindowError {
    /// The stable machine code.
    pub const fn code(&self) -> &'static str {
        "invalid_window"
    }
}

/// Which joints a model looks at, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joints {
    /// COCO's, as they come.
    Coco17,
    /// OpenPose's: the neck second.
    OpenPose18,
}

/// OpenPose's joints by their index in COCO's order; 17 is the neck.
const OPENPOSE_18: [usize; 18] = [0, NECK, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3];
const NECK: usize = 17;
const SHOULDERS: [usize; 2] = [5, 6];

/// The spread of y below which a window counts as without any, as a share of the frame's height.
const SPREAD_MIN: f64 = 1e-6;

impl Joints {
    pub(crate) const fn of(count: usize) -> Option<Self> {
        match count {
            17 => Some(Self::Coco17),
            18 => Some(Self::OpenPose18),
            _ => None,
        }
    }

    pub(crate) const fn count(self) -> usize {
        match self {
            Self::Coco17 => 17,
            Self::OpenPose18 => 18,
        }
    }

    /// One coordinate of one joint.
    fn at(self, pose: &[[f32; 2]; 17], joint: usize, axis: usize) -> f64 {
        let coordinate = |index: usize| f64::from(pose[index][axis]);
        match self {
            Self::OpenPose18 if OPENPOSE_18[joint] == NECK => SHOULDERS.map(coordinate).iter().sum::<f64>() / 2.0,
            Self::OpenPose18 => coordinate(OPENPOSE_18[joint]),
            Self::Coco17 => coordinate(joint),
        }
    }
}

impl PoseWindow {
    pub(crate) fn check(&self, frames: usize) -> Result<(), WindowError> {
        if self.poses.len() != frames {
            return Err(WindowError::Length { found: self.poses.len(), expected: frames });
        }
        if self.frame_size.0 == 0 || self.frame_size.1 == 0 {
            return Err(WindowError::NoSize);
        }
        let finite = self.poses.iter().flatten().flatten().all(|value| value.is_finite());
        finite.then_some(()).ok_or(WindowError::NotFinite)
    }

    /// Writes `[2, frames, joints]`, of mean 0 in each axis and with a standard deviation of 1 in y.
    pub(crate) fn normalised(&self, joints: Joints, to: &mut [f32]) -> Result<(), WindowError> {
        let (x, y) = to.split_at_mut(to.len() / 2);
        let (mean_x, _) = self.moments(joints, 0);
        let (mean_y, spread) = self.moments(joints, 1);
        let (width, height) = (f64::from(self.frame_size.0), f64::from(self.frame_size.1));
        let spread = (spread / height).max(SPREAD_MIN);
        let places = self.poses.iter().flat_map(|pose| (0..joints.count()).map(move |joint| (pose, joint)));
        for ((x, y), (pose, joint)) in x.iter_mut().zip(y).zip(places) {
            *x = ((joints.at(pose, joint, 0) - mean_x) / width / spread) as f32;
            *y = ((joints.at(pose, joint, 1) - mean_y) / height / spread) as f32;
        }
        let finite = to.iter().all(|value| value.is_finite());
        finite.then_some(()).ok_or(WindowError::NotFinite)
    }

    /// Mean and population standard deviation of one axis over all joints of all frames, in pixels.
    fn moments(&self, joints: Joints, axis: usize) -> (f64, f64) {
        let values = || self.poses.iter().flat_map(|pose| (0..joints.count()).map(move |j| joints.at(pose, j, axis)));
        let count = (self.poses.len() * joints.count()) as f64;
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warm_up_walk::walk;
    use proptest::prelude::*;

    fn normalised(window: &PoseWindow, joints: Joints) -> Vec<f32> {
        let mut row = vec![0.0; 2 * window.poses.len() * joints.count()];
        window.normalised(joints, &mut row).unwrap();
        row
    }

    #[test]
    fn the_neck_lies_between_the_shoulders_and_second() {
        let window = walk(24);
        let pose = &window.poses[3];
        let neck = Joints::OpenPose18.at(pose, 1, 0);
        assert_eq!(neck, (f64::from(pose[5][0]) + f64::from(pose[6][0])) / 2.0);
        assert_eq!(Joints::OpenPose18.at(pose, 2, 1), f64::from(pose[6][1]));
        assert_eq!(Joints::OpenPose18.at(pose, 17, 1), f64::from(pose[3][1]));
        assert_eq!(Joints::Coco17.at(pose, 9, 1), f64::from(pose[9][1]));
    }

    #[test]
    fn frames_of_the_published_proportion_need_not_have_the_published_size() {
        let window = walk(24);
        let published = PoseWindow { frame_size: (856, 480), ..window.clone() };
        let doubled = PoseWindow {
            frame_size: (1712, 960),
            poses: window.poses.iter().map(|pose| pose.map(|[x, y]| [2.0 * x, 2.0 * y])).collect(),
        };
        let (a, b) = (normalised(&published, Joints::OpenPose18), normalised(&doubled, Joints::OpenPose18));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn somebody_without_any_extent_gives_numbers() {
        let window = PoseWindow { frame_size: (640, 480), poses: vec![[[5.0, 5.0]; 17]; 24] };
        assert!(normalised(&window, Joints::OpenPose18).iter().all(|value| *value == 0.0));
    }

    #[test]
    fn what_cannot_be_scored_is_told() {
        let window = walk(24);
        assert_eq!(window.check(24), Ok(()));
        assert_eq!(window.check(25), Err(WindowError::Length { found: 24, expected: 25 }));
        assert_eq!(PoseWindow { frame_size: (0, 480), ..window.clone() }.check(24), Err(WindowError::NoSize));
        let mut broken = window;
        broken.poses[23][16][1] = f32::NAN;
        assert_eq!(broken.check(24), Err(WindowError::NotFinite));
        // One far joint in a window of no height: the quotient leaves 32 bits.
        let mut far = PoseWindow { frame_size: (1, 1), poses: vec![[[0.0; 2]; 17]; 24] };
        far.poses[0][0][0] = f32::MAX;
        assert_eq!(far.normalised(Joints::Coco17, &mut vec![0.0; 2 * 24 * 17]), Err(WindowError::NotFinite));
    }

    proptest! {
        #[test]
        fn place_and_size_leave_no_trace(scale in 0.25_f32..4.0, right in -500.0_f32..500.0, down in -500.0_f32..500.0) {
            let window = walk(24);
            let moved = window.poses.iter().map(|pose| pose.map(|[x, y]| [x * scale + right, y * scale + down]));
            let moved = PoseWindow { poses: moved.collect(), ..window.clone() };
            for joints in [Joints::Coco17, Joints::OpenPose18] {
                let (a, b) = (normalised(&window, joints), normalised(&moved, joints));
                prop_assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3));
            }
        }

        #[test]
        fn hostile_coordinates_give_numbers_or_an_error(values in prop::collection::vec(any::<f32>(), 2 * 17 * 4)) {
            let pose = |values: &[f32]| std::array::from_fn(|joint| [values[2 * joint], values[2 * joint + 1]]);
            let window = PoseWindow { frame_size: (640, 480), poses: values.chunks(34).map(pose).collect() };
            let mut row = vec![0.0; 2 * 4 * 18];
            if window.check(4).is_ok() && window.normalised(Joints::OpenPose18, &mut row).is_ok() {
                prop_assert!(row.iter().all(|value| value.is_finite()));
            }
        }
    }
}
