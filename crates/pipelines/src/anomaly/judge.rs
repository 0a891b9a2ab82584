//! What of everybody's scores is told: who has come and gone, and whose movement is unusual since when.

use super::alarm::{Alarm, Change, Told};
use super::running_score::RunningScore;
use super::{AnomalyOptions, Scene, SceneEvent, SceneEventKind, SceneInput, ScenePerson, SeenPerson, Zone};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Judges everybody on one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    /// By track number: those that the follower remembers.
    people: BTreeMap<u64, Person>,
    /// The number of the last event.
    events: u64,
    /// The last frame's number and time.
    last: (u64, Duration),
}

/// Somebody who was seen at least once.
#[derive(Clone, Debug)]
struct Person {
    first_seen: Duration,
    /// Frames in which the person was found where it counts, until that was told.
    frames: u32,
    appeared: bool,
    score: RunningScore,
    /// When the last score came.
    scored_at: Option<Duration>,
    /// How far a score's moment lies before the frame at which it is known.
    lag: Duration,
    alarm: Alarm,
    /// The highest smoothed score so far.
    peak: Option<f32>,
    zone: Option<Arc<str>>,
    last: ScenePerson,
}

/// One person's score of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scored {
    /// When its moment was.
    pub(super) at: Duration,
    /// The model's score.
    pub(super) score: f32,
}

/// After so long without a score the last one says nothing any more.
const SCORE_AGE_MAX: Duration = Duration::from_secs(5);

impl Judge {
    /// Takes one frame's people, and the scores of their windows by track number. Frames come in order.
    pub(super) fn judge(
        &mut self,
        scene: &Scene,
        scores: &BTreeMap<u64, Scored>,
        options: &AnomalyOptions,
    ) -> (Vec<ScenePerson>, Vec<SceneEvent>) {
        self.last = (scene.frame.number, scene.frame.time);
        let mut events = Vec::new();
        scene.gone.iter().for_each(|track| self.leave(*track, &mut events));
        let on_duty = options.schedule.as_ref().is_none_or(|schedule| schedule.holds(scene.frame.wall));
        let mut people = Vec::with_capacity(scene.people.len());
        for (track, seen) in &scene.people {
            let view = View { frame: &scene.frame, score: scores.get(track).copied(), on_duty, options };
            let mut person = self.people.remove(track).unwrap_or_else(|| Person::new(*track, seen, scene.frame.time));
            for (kind, told) in person.look(seen, &view) {
                events.push(self.event(kind, told, &person));
            }
            people.push(person.last.clone());
            self.people.insert(*track, person);
        }
        (people, events)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Tells everybody as gone.
    pub(super) fn end(&mut self) -> Vec<SceneEvent> {
        let (tracks, mut events): (Vec<_>, _) = (self.people.keys().copied().collect(), Vec::new());
        tracks.into_iter().for_each(|track| self.leave(track, &mut events));
        events
    }

    fn leave(&mut self, track: u64, events: &mut Vec<SceneEvent>) {
        let Some(mut person) = self.people.remove(&track) else { return };
        if let Some(told) = person.alarm.told().copied() {
            person.last.anomalous = false;
            events.push(self.event(SceneEventKind::AnomalyEnded, Some(told), &person));
        }
        if person.appeared {
            events.push(self.event(SceneEventKind::PersonLeft, None, &person));
        }
    }

    fn event(&mut self, kind: SceneEventKind, told: Option<Told>, person: &Person) -> SceneEvent {
        self.events += 1;
        let (frame, time) = self.last;
        SceneEvent {
            kind,
            number: self.events,
            frame,
            time,
            since: told.map_or(person.first_seen, |told| told.since).min(time),
            person: person.last.clone(),
            score_max: told.map_or(person.peak, |told| Some(told.peak)),
            zone: person.zone.clone(),
        }
    }
}

/// What one person is judged by in one frame.
struct View<'a> {
    frame: &'a SceneInput,
    score: Option<Scored>,
    /// Whether it is a time at which anomalies are told.
    on_duty: bool,
    options: &'a AnomalyOptions,
}

impl Person {
    fn new(track: u64, seen: &SeenPerson, first_seen: Duration) -> Self {
        Self {
            first_seen,
            frames: 0,
            appeared: false,
            score: RunningScore::default(),
            scored_at: None,
            lag: Duration::ZERO,
            alarm: Alarm::default(),
            peak: None,
            zone: None,
            last: ScenePerson {
                track,
                bbox: seen.bbox,
                score: seen.score,
                keypoints: Arc::clone(&seen.keypoints),
                anomaly_score: None,
                anomalous: false,
            },
        }
    }

    /// Takes the person as seen in this frame; tells what is to be told of it.
    fn look(&mut self, seen: &SeenPerson, view: &View<'_>) -> Vec<(SceneEventKind, Option<Told>)> {
        let zone = Zone::under(&view.options.zones, &seen.bbox, view.frame.picture.size());
        let stands_where_it_counts = view.options.zones.is_empty() || zone.is_some();
        let anomaly_score = view.score.map(|score| self.smooth(score, view));
        let mut told = Vec::new();
        if self.has_appeared(stands_where_it_counts, view.options) {
            told.push((SceneEventKind::PersonAppeared, None));
        }
        let counts = self.appeared && stands_where_it_counts && view.on_duty;
        let change = self.alarm_step(anomaly_score, counts, view);
        told.extend(change);
        // Who has left all zones is told with the last one.
        if zone.is_some() || view.options.zones.is_empty() {
            self.zone = zone.map(|zone| Arc::clone(&zone.name));
        }
        self.last = ScenePerson {
            track: self.last.track,
            bbox: seen.bbox,
            score: seen.score,
            keypoints: Arc::clone(&seen.keypoints),
            anomaly_score,
            anomalous: self.alarm.told().is_some(),
        };
        told
    }

    fn smooth(&mut self, Scored { at, score }: Scored, view: &View<'_>) -> f32 {
        let smoothed = self.score.add(at, score, view.options.smoothing);
        self.scored_at = Some(view.frame.time);
        self.lag = view.frame.time.saturating_sub(at);
        self.peak = Some(self.peak.map_or(smoothed, |peak| peak.max(smoothed)));
        smoothed
    }

    /// Whether this is the frame at which the person is told as there.
    fn has_appeared(&mut self, counts: bool, options: &AnomalyOptions) -> bool {
        self.frames = self.frames.saturating_add(u32::from(counts));
        let now = !self.appeared && self.frames >= options.appear_frames;
        self.appeared |= now;
        now
    }

    /// A frame without a score changes nothing, unless the person does not count at present or was not scored for long.
    fn alarm_step(
        &mut self,
        score: Option<f32>,
        counts: bool,
        view: &View<'_>,
    ) -> Option<(SceneEventKind, Option<Told>)> {
        let now = view.frame.time;
        let stale = self.scored_at.is_none_or(|then| now.saturating_sub(then) > SCORE_AGE_MAX);
        let score = if counts && !stale { score? } else { f32::NEG_INFINITY };
        let change = self.alarm.step(now.saturating_sub(self.lag), score, view.options)?;
        Some(match change {
            Change::Started(told) => (SceneEventKind::AnomalyStarted, Some(told)),
            Change::Updated(told) => (SceneEventKind::AnomalyUpdated, Some(told)),
            Change::Ended(told) => (SceneEventKind::AnomalyEnded, Some(told)),
        })
    }
}
