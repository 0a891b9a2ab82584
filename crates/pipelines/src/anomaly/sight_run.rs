//! The first half of a frame's way: who is in it. The pose model alone, or a detector beside it, and then how everybody looks.

use super::follower::PEOPLE_MAX;
use super::scoring::FOLLOW_UP_MAX;
use super::sighting::{from_boxes, from_poses};
use super::{AnomalyModels, AnomalyOptions, SceneInput, SeenPerson, Sighting};
use futures_util::future::join_all;
use samovar_media::Picture;
use samovar_models::{AppearanceEncoder, BoundingBox, DetectOptions, Detections, Detector, Poses};
use samovar_runtime::{Call, Class, Completed, RunError};
use std::future::Future;
use std::pin::Pin;

/// Who is in one frame, on its way.
pub(super) type SightRun = Pin<Box<dyn Future<Output = Result<Completed<Sighting>, RunError>> + Send>>;

/// People of a frame whose looks are encoded at most, the best scores first.
const ENCODED_MAX: usize = 32;

/// What is in a frame, as soon as it is known: a detector's boxes where there is one, and poses.
type Found = Result<(Option<Detections>, Completed<Poses>), RunError>;

/// Whose looks are encoded, and how.
struct Encoding {
    encoder: AppearanceEncoder,
    score_min: f32,
    call: Call,
}

impl AnomalyModels {
    /// Queues what tells who is in a live frame, without waiting for a place.
    ///
    /// A frame takes one turn. Were both runs of a detector and a pose model queued as ordinary work, newer frames would displace now
    /// the one, now the other half of a frame under overload, and both models would run all the time for frames that are never whole.
    pub(super) fn see(&self, frame: SceneInput, options: &AnomalyOptions, call: Call) -> Result<SightRun, RunError> {
        let (picture, pose_options) = (frame.picture.clone(), pose_options(options));
        let Some(detector) = &self.detector else {
            let poses = self.pose.estimate(picture, pose_options, call)?;
            return Ok(self.sighting(frame, async move { Ok((None, poses.await?)) }, options, call));
        };
        let boxes = detector.detect(picture.clone(), box_options(detector, options)?, call)?;
        let pose = self.pose.clone();
        let found = async move {
            let boxes = boxes.await?.output;
            let poses = pose.estimate(picture, pose_options, call.following_up().within(FOLLOW_UP_MAX))?;
            Ok((Some(boxes), poses.await?))
        };
        Ok(self.sighting(frame, found, options, call))
    }

    /// The same for recorded frames, of which none displaces another: both runs at once. Waits for a place in the queue.
    pub(super) async fn see_waiting(
        &self,
        frame: SceneInput,
        options: &AnomalyOptions,
        call: Call,
    ) -> Result<SightRun, RunError> {
        let boxes = match &self.detector {
            Some(detector) => {
                let options = box_options(detector, options)?;
                Some(detector.detect_waiting(frame.picture.clone(), options, call).await?)
            }
            None => None,
        };
        let poses = self.pose.estimate_waiting(frame.picture.clone(), pose_options(options), call).await?;
        let found = async move {
            let poses = poses.await?;
            Ok(match boxes {
                Some(boxes) => (Some(boxes.await?.output), poses),
                None => (None, poses),
            })
        };
        Ok(self.sighting(frame, found, options, call))
    }

    fn sighting(
        &self,
        frame: SceneInput,
        found: impl Future<Output = Found> + Send + 'static,
        options: &AnomalyOptions,
        call: Call,
    ) -> SightRun {
        let score_min = options.tracker().score_high;
        let encoding = self.appearance.clone().map(|encoder| Encoding { encoder, score_min, call });
        Box::pin(async move {
            let (boxes, Completed { output: poses, timings, generation }) = found.await?;
            let mut people = match boxes {
                Some(boxes) => from_boxes(&boxes, &poses),
                None => from_poses(poses),
            };
            if let Some(encoding) = encoding {
                encoding.encode(&frame.picture, &mut people).await?;
            }
            Ok(Completed { output: Sighting { frame, people }, timings, generation })
        })
    }
}

impl Encoding {
    /// Encodes how the best people look, all at once. In a live frame somebody who cannot be encoded in time goes without.
    async fn encode(&self, picture: &Picture, people: &mut [SeenPerson]) -> Result<(), RunError> {
        let wanted: Vec<_> =
            people.iter_mut().filter(|person| person.score >= self.score_min).take(ENCODED_MAX).collect();
        let runs = wanted.iter().map(|person| self.encode_one(picture.clone(), person.bbox));
        let looks = join_all(runs).await;
        for (person, look) in wanted.into_iter().zip(looks) {
            person.appearance = match look {
                Err(error) if self.call.class == Class::Job => return Err(error),
                look => look.ok().map(|completed| completed.output),
            };
        }
        Ok(())
    }

    async fn encode_one(
        &self,
        picture: Picture,
        bbox: BoundingBox,
    ) -> Result<Completed<samovar_models::Appearance>, RunError> {
        let call = self.call.following_up();
        match call.class {
            Class::Job => self.encoder.encode_waiting(picture, bbox, call).await?.await,
            _ => self.encoder.encode(picture, bbox, call.within(FOLLOW_UP_MAX))?.await,
        }
    }
}

fn pose_options(options: &AnomalyOptions) -> DetectOptions {
    DetectOptions { score_min: options.box_score_min(), detections_max: PEOPLE_MAX, ..DetectOptions::default() }
}

/// Those of people alone, where the detector knows them by the label `person`; else everything that it finds.
fn box_options(detector: &Detector, options: &AnomalyOptions) -> Result<DetectOptions, RunError> {
    let classes = detector.model()?.classes_named(&["person"]).ok();
    Ok(DetectOptions { classes, ..pose_options(options) })
}
