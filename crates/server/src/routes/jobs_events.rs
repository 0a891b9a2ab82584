//! `/v1/jobs/{id}/events`: how far a job is, as Server-Sent Events, to its end.

use super::feed_end::FeedEnd;
use super::jobs::Named;
use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::jobs::{JobSeen, JobWatch};
use crate::wire::{JobBody, JobProgressBody, Problem};
use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use samovar_jobs::{Job, JobState};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How far a job is, as Server-Sent Events.
///
/// First and whenever it changes its state `state`, in between `progress`, and last `end`, with the job as `GET /v1/jobs/{id}` tells it;
/// `deleted` where it was forgotten. Who reads slowly misses some progress, never the end.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 200, description = "Server-Sent Events", body = String, content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many readers", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Named { desk, id }: Named,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    /// What stands between keeps a connection that nobody speaks on.
    const HEARTBEAT: Duration = Duration::from_secs(15);
    let full = || ApiError::new(Refusal::Streams, "as many readers follow events as may");
    let place = app.board.reader_place().ok_or_else(full)?;
    let watch = desk.watches.follow(desk.queue().get(id).await?);
    let end = FeedEnd::new(&app, peer.caller);
    let following = Following { watch, told: None, end, ended: false, _place: place };
    let events = unfold(following, async |mut following| Some((Ok(following.next().await?), following)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// One who follows a job, to its end.
struct Following {
    watch: JobWatch,
    /// The state that was told last, and whether somebody had asked for its end.
    told: Option<(JobState, bool, u32)>,
    /// What ends it from outside.
    end: FeedEnd,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let seen = tokio::select! {
            seen = self.watch.next() => seen,
            last = self.end.wait() => {
                self.ended = true;
                return last;
            }
        };
        match seen {
            JobSeen::Job(job) => Some(self.tell(&job)),
            JobSeen::Gone => {
                self.ended = true;
                Some(Event::default().event("deleted").data("{}"))
            }
        }
    }

    fn tell(&mut self, job: &Job) -> Event {
        let state = Some((job.state, job.cancel_asked, job.attempts));
        self.ended = job.state.is_end();
        let same = self.told == state;
        self.told = state;
        let (name, data) = match (self.ended, same) {
            (true, _) => ("end", serde_json::to_string(&JobBody::whole(job))),
            (false, true) => ("progress", serde_json::to_string(&JobProgressBody::from(job))),
            (false, false) => ("state", serde_json::to_string(&JobBody::brief(job))),
        };
        let data = data.expect("a job's body is plain strings and finite numbers");
        Event::default().event(name).id(job.revision.to_string()).data(data)
    }
}
