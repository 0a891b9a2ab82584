//! One stream's watch over its people: boxes and poses in, windows to be scored out, scores in, events out. It runs no model and reads
//! no clock.
//!
//! Two steps, so that whoever drives it may have windows scored in between, and may take the next frames' first steps meanwhile:
//! [`AnomalyWatch::look`] for each frame in order, then [`AnomalyWatch::judge`] for each scene in the same order.

use super::follower::Follower;
use super::judge::{Judge, Scored};
use super::{AnomalyOptions, Scene, SceneEvent, SceneFrame, Sighting, TrackWindow, WindowScore};
use std::time::Duration;

/// One stream's watch over its people.
#[derive(Clone, Debug)]
pub struct AnomalyWatch {
    options: AnomalyOptions,
    follower: Follower,
    judge: Judge,
}

impl AnomalyWatch {
    /// Nobody is there yet.
    pub fn new(options: AnomalyOptions) -> Self {
        Self { follower: Follower::new(&options), judge: Judge::default(), options }
    }

    /// What the next frame is looked at with.
    pub const fn options(&self) -> &AnomalyOptions {
        &self.options
    }

    /// Takes other options from the next frame on. Everybody stays who they are, and what is told as an anomaly is judged anew with the
    /// next score.
    pub fn set_options(&mut self, options: AnomalyOptions) {
        self.follower.set_options(&options);
        self.options = options;
    }

    /// Sets how many frames a window has: 24 until then.
    pub fn set_window_frames(&mut self, frames: usize) {
        self.follower.set_window_frames(frames);
    }

    /// Takes the next frame: follows everybody, and tells which windows are to be scored.
    pub fn look(&mut self, sighting: Sighting) -> Scene {
        self.follower.follow(sighting)
    }

    /// Takes the scores of a scene's windows, in the order of [`Scene::windows`]: none for one that was not scored. Tells who is where,
    /// and what happened: departures first, then by track number.
    pub fn judge(&mut self, scene: &Scene, scores: &[Option<f32>], scoring: Duration) -> (SceneFrame, Vec<SceneEvent>) {
        let finite = |score: &Option<f32>| score.filter(|score| score.is_finite());
        let scored: Vec<(&TrackWindow, f32)> =
            scene.windows.iter().zip(scores).filter_map(|(window, score)| Some((window, finite(score)?))).collect();
        let of_track =
            |&(window, score): &(&TrackWindow, f32)| (window.track, Scored { at: window.middle_time, score });
        let (persons, events) = self.judge.judge(scene, &scored.iter().map(of_track).collect(), &self.options);
        let told =
            |(window, score): (&TrackWindow, f32)| WindowScore { track: window.track, frame: window.middle, score };
        let windows: Vec<_> = scored.into_iter().map(told).collect();
        let frame = SceneFrame {
            time: scene.frame.time,
            picture: scene.frame.picture.clone(),
            persons,
            scoring,
            windows_dropped: (scene.windows.len() - windows.len()) as u32,
            windows,
        };
        (frame, events)
    }

    /// Whether nobody is there who would have to be told as gone.
    pub fn is_empty(&self) -> bool {
        self.judge.is_empty()
    }

    /// The stream is over, or silent for long: tells everybody as gone, as of the last frame.
    pub fn end(&mut self) -> Vec<SceneEvent> {
        self.judge.end()
    }
}
