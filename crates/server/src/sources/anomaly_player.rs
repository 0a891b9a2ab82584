//! An anomaly stream on a source: frames in, and results, events and evidence told to everybody who wants them.

use super::counts::SourceCounts;
use super::running::RunningSource;
use crate::anomaly_live::event_told;
use crate::app::App;
use crate::evidence::{Footage, Recorder};
use crate::sinks::{self, SinkEvent};
use crate::stream_link::StreamText;
use crate::stream_teller::StreamTeller;
use crate::wire::{AnomalyMessageBody, SceneFrameBody};
use samovar_media::Picture;
use samovar_pipelines::{AnomalyOptions, AnomalyOutput, AnomalyStream, FrameEvent, SceneEvent, SourceFrame};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

/// An anomaly stream on a source.
pub(super) struct AnomalyPlayer {
    stream: AnomalyStream,
    source: Arc<RunningSource>,
    teller: StreamTeller,
    /// When frames that are on their way were taken. Bounded by [`ON_THEIR_WAY_MAX`].
    taken: VecDeque<(u64, SystemTime)>,
    /// The last frame that was told: when it was taken, and its picture.
    last: Option<(SystemTime, Picture)>,
    /// None where nothing of this source is kept.
    recorder: Option<Recorder>,
}

/// As many frames as a stream has on their way at most.
const ON_THEIR_WAY_MAX: usize = 40;

impl AnomalyPlayer {
    pub(super) fn new(
        stream: AnomalyStream,
        app: &Arc<App>,
        source: &Arc<RunningSource>,
        footage: Option<Footage>,
    ) -> Self {
        let keeps = source.settings.evidence.then_some(());
        Self {
            stream,
            source: Arc::clone(source),
            teller: StreamTeller::new(Arc::clone(&source.stream)),
            taken: VecDeque::new(),
            last: None,
            recorder: keeps.and_then(|()| Recorder::new(app, &source.stream, footage)),
        }
    }

    pub(super) fn set_options(&mut self, options: AnomalyOptions) {
        self.stream.set_options(options);
    }

    pub(super) fn push(&mut self, frame: SourceFrame) {
        if self.taken.len() == ON_THEIR_WAY_MAX {
            self.taken.pop_front();
        }
        self.taken.push_back((frame.number, frame.wall));
        self.stream.push(frame.number, frame.time, frame.wall, Picture::decoded(frame.frame));
    }

    /// The next thing that happens. Safe to cancel.
    pub(super) async fn next(&mut self) -> AnomalyOutput {
        self.stream.next().await
    }

    /// Tells it.
    pub(super) fn tell(&mut self, output: AnomalyOutput, counts: &SourceCounts) {
        match output {
            AnomalyOutput::Event(event) => self.happened(&event, counts),
            AnomalyOutput::Frame(FrameEvent::Result { frame, completed, latency }) => {
                let scene = &completed.output;
                self.last = self.wall_of(frame).map(|wall| (wall, scene.picture.clone()));
                counts.looked_at(latency);
                // Most sources are watched by nobody most of the time: their results are not even written then.
                if !self.source.stream.is_watched() {
                    return self.source.stream.meter().answered(latency, &completed.timings);
                }
                let body = AnomalyMessageBody::Result(SceneFrameBody::new(frame, &completed, latency));
                let text = StreamText::replaceable(&body);
                self.teller.answered_about(Some(&scene.picture), (latency, &completed.timings), &text);
            }
            AnomalyOutput::Frame(FrameEvent::Dropped { frame, count }) => {
                counts.overloaded(count);
                drop(self.teller.dropped(frame, count));
            }
            AnomalyOutput::Frame(FrameEvent::Error { frame, error }) => drop(self.teller.failed(frame, error)),
        }
    }

    /// The source is over: everybody has gone.
    pub(super) fn end(&mut self, counts: &SourceCounts) {
        for event in self.stream.end() {
            self.happened(&event, counts);
        }
    }

    fn happened(&mut self, event: &SceneEvent, counts: &SourceCounts) {
        let (links, ticket) = self.recorder.as_mut().map(|recorder| recorder.links(event)).unwrap_or_default();
        let wall = self.last.as_ref().map_or_else(SystemTime::now, |(wall, _)| *wall);
        let text = event_told(&self.teller, event, wall, links);
        counts.event(event.kind);
        let name = Arc::clone(self.source.name());
        sinks::tell(&self.source.sinks, &SinkEvent::new(name, event.kind, text.text().clone()));
        if let (Some(recorder), Some(ticket), Some(last)) = (&self.recorder, ticket, self.last.clone()) {
            recorder.keep(ticket, (event, text.text()), last);
        }
    }

    /// When that frame was taken; those before it are of no use any more.
    fn wall_of(&mut self, frame: u64) -> Option<SystemTime> {
        while let Some((number, wall)) = self.taken.pop_front_if(|(number, _)| *number <= frame) {
            if number == frame {
                return Some(wall);
            }
        }
        None
    }
}
