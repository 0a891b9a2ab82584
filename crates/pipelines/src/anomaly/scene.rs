//! What an anomaly stream tells: of every frame who is where, and of what happens an event.

use samovar_media::Picture;
use samovar_models::{BoundingBox, Keypoint};
use std::sync::Arc;
use std::time::Duration;

/// Who is where in one frame.
#[derive(Clone, Debug)]
pub struct SceneFrame {
    /// The frame's time on its stream's clock.
    pub time: Duration,
    /// The picture itself, for whoever draws or keeps it.
    pub picture: Picture,
    /// Everybody who is followed, by track number.
    pub persons: Vec<ScenePerson>,
    /// From the pose result to the last window's score.
    pub scoring: Duration,
    /// What the model said of each person's window that ends with this frame, before any smoothing.
    pub windows: Vec<WindowScore>,
    /// Windows that found no place in the queue, or none in time: those persons have no score in this frame.
    pub windows_dropped: u32,
}

/// How unusual one person's window is, as the model said it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowScore {
    /// Whose window it is.
    pub track: u64,
    /// The frame that the score belongs to: the one in the window's middle (its first + T / 2).
    pub frame: u64,
    /// The model's score; for STG-NF bits per number.
    pub score: f32,
}

/// One person in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenePerson {
    /// The number of the person within its stream, from 1 without gaps; never used again.
    pub track: u64,
    /// Where the person is.
    pub bbox: BoundingBox,
    /// How sure the detector is, in 0..=1.
    pub score: f32,
    /// In the order of [`COCO_KEYPOINTS`](samovar_models::COCO_KEYPOINTS); empty where none were found.
    pub keypoints: Arc<[Keypoint]>,
    /// How unusual the person moves, smoothed along time: about the middle of the window that ends with this frame. None where
    /// no window was scored: too short in view, too many frames missed, no 17 key points, or no time.
    pub anomaly_score: Option<f32>,
    /// Whether that is told as an anomaly at present.
    pub anomalous: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneEvent {
    /// What.
    pub kind: SceneEventKind,
    /// Its number within the stream, from 1.
    pub number: u64,
    /// The number of the frame at which it was told.
    pub frame: u64,
    /// That frame's time on its stream's clock.
    pub time: Duration,
    /// When the person appeared, or the anomaly began, on the stream's clock.
    pub since: Duration,
    /// The person as last seen.
    pub person: ScenePerson,
    /// The highest smoothed score since then; none for somebody who never had one.
    pub score_max: Option<f32>,
    /// The zone that the person stands in, where zones are set.
    pub zone: Option<Arc<str>>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SceneEventKind {
    /// Somebody is there who was not.
    PersonAppeared,
    /// Somebody is no longer there.
    PersonLeft,
    /// Somebody's movement is unusual from here on.
    AnomalyStarted,
    /// It still is.
    AnomalyUpdated,
    /// It no longer is, or the person has left.
    AnomalyEnded,
}

impl SceneEventKind {
    /// All of them, in the order of a person's life.
    pub const ALL: [Self; 5] =
        [Self::PersonAppeared, Self::PersonLeft, Self::AnomalyStarted, Self::AnomalyUpdated, Self::AnomalyEnded];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PersonAppeared => "person.appeared",
            Self::PersonLeft => "person.left",
            Self::AnomalyStarted => "anomaly.started",
            Self::AnomalyUpdated => "anomaly.updated",
            Self::AnomalyEnded => "anomaly.ended",
        }
    }
}
