//! The life of one source: its reader and its player joined, from the first frame to the last event. One task for each.

use super::counts::SourceCounts;
use super::player::Player;
use super::running::{RunningSource, SourceModels};
use crate::app::App;
use crate::error::ApiError;
use crate::evidence::Footage;
use crate::streams::{StreamEntry, StreamState};
use samovar_pipelines::{SourceItem, SourceReader, SourceState};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Plays a source until it is told to end or the server does; then everything of it is freed.
pub(super) async fn play(app: Arc<App>, source: Arc<RunningSource>, entry: StreamEntry, reader: SourceReader) {
    let leave = Leave(Arc::clone(&app), Arc::clone(&source));
    let page = source.configured.then(|| (Arc::clone(&app.metrics), Arc::clone(source.name())));
    let counts = SourceCounts::new(&source.stream, page);
    let mut playing = Playing { app: Arc::clone(&app), source: Arc::clone(&source), reader, counts };
    if let Some(mut player) = playing.wait_for_models().await {
        playing.look(&mut player).await;
        player.end(&playing.counts);
    }
    leave.forget();
    // The reader's thread may take a moment.
    playing.reader.stop();
    drop(tokio::task::spawn_blocking(move || drop(playing)).await);
    drop(entry);
}

/// However the task ends, the source is gone then and whoever waits for that is told.
struct Leave(Arc<App>, Arc<RunningSource>);

impl Leave {
    fn forget(&self) {
        self.0.sources.forget(&self.1);
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.metrics.panicked();
            tracing::error!(source = %self.1.name(), "a source ended in a panic; add it again, or start the server anew");
        }
        self.forget();
        self.1.done.cancel();
    }
}

struct Playing {
    app: Arc<App>,
    source: Arc<RunningSource>,
    reader: SourceReader,
    counts: SourceCounts,
}

/// Shortest and longest wait between two tries to open the models.
const MODELS_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often the reader's own counts are taken over.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

impl Playing {
    /// Opens the models, again and again until they are there. Frames that come meanwhile are dropped. None where the source is to end.
    async fn wait_for_models(&mut self) -> Option<Player> {
        let footage = self.reader.packets().cloned().map(Footage::Packets);
        let (app, source) = (Arc::clone(&self.app), Arc::clone(&self.source));
        let opening = open(&app, &source, footage);
        tokio::pin!(opening);
        loop {
            tokio::select! {
                player = &mut opening => return Some(player),
                item = self.reader.next() => match item {
                    SourceItem::Frame(_) => self.counts.not_ready(),
                    // That frames come tells nobody anything while none is looked at.
                    SourceItem::State(SourceState::Live { .. }) => {}
                    SourceItem::State(state) => self.show(&state),
                },
                () = stopped(&app, &source) => return None,
            }
        }
    }

    /// Looks at frames until the source is to end.
    async fn look(&mut self, player: &mut Player) {
        let (app, source) = (Arc::clone(&self.app), Arc::clone(&self.source));
        let mut options = source.options.subscribe();
        options.mark_changed();
        let mut follow = interval(FOLLOW_EVERY);
        follow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.show(&self.reader.state());
        loop {
            tokio::select! {
                item = self.reader.next() => match item {
                    SourceItem::Frame(frame) => {
                        source.stream.meter().came(frame.frame.pixels().len());
                        player.push(frame);
                    }
                    SourceItem::State(state) => self.show(&state),
                },
                found = player.next() => player.tell(found, &self.counts),
                Ok(()) = options.changed() => player.set_options(options.borrow_and_update().clone()),
                _ = follow.tick() => self.counts.follow(self.reader.figures()),
                () = stopped(&app, &source) => return,
            }
        }
    }

    fn show(&self, state: &SourceState) {
        self.counts.state(state);
        self.source.stream.set_state(match state {
            SourceState::Connecting { .. } => StreamState::Opening,
            SourceState::Live { .. } => StreamState::Live,
            SourceState::Waiting { retry_at, fault, .. } => {
                StreamState::Waiting { reason: fault.code(), retry_at: *retry_at }
            }
            SourceState::Ended | SourceState::Stopped => StreamState::Ended,
        });
    }
}

/// A player on warm models, however long that takes.
async fn open(app: &Arc<App>, source: &Arc<RunningSource>, footage: Option<Footage>) -> Player {
    loop {
        match Player::open(app, source, footage.clone()).await {
            Ok(player) => return player,
            Err(error) => {
                tracing::warn!(source = %source.name(), code = error.code(), "a source waits for its models");
                *source.models.lock() = SourceModels::Waiting(Some(error.code()));
                tokio::time::sleep(wait(&error)).await;
            }
        }
    }
}

fn wait(error: &ApiError) -> Duration {
    let (least, most) = MODELS_WAIT;
    error.retry_after().unwrap_or(most).clamp(least, most)
}

async fn stopped(app: &App, source: &RunningSource) {
    tokio::select! {
        () = source.stream.closing().cancelled() => {}
        () = app.closing.cancelled() => {}
    }
}
