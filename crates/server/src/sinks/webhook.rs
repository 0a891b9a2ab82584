//! A webhook: events in order, each tried until it is taken, refused or too old.

use super::webhook_post::{Answer, Post};
use super::{Sink, SinkEvent, SinkLoss, WebhookSettings};
use crate::ServerError;
use crate::random_id::random_share;
use samovar_runtime::Backoff;
use std::sync::Arc;
use std::time::Duration;

/// Whether the settings can be right.
///
/// # Errors
/// What is wrong with them, without the address: it may hold a password.
pub(super) fn check(settings: &WebhookSettings) -> Result<(), ServerError> {
    let wrong = |what: &str| Err(ServerError::Sinks(format!("webhook `{}`: {what}", settings.name)));
    let uri = settings.url.parse::<http::Uri>().ok().filter(|uri| uri.host().is_some());
    match uri.as_ref().and_then(http::Uri::scheme_str) {
        Some("http" | "https") if settings.timeout.is_zero() => wrong("its timeout must be above 0"),
        Some("http" | "https") => Ok(()),
        _ => wrong("its address must begin with http:// or https://"),
    }
}

/// Delivers what comes, in order, until the sink is closed and nothing is left.
pub(super) async fn run(sink: Arc<Sink>, settings: WebhookSettings) {
    let post = Post::new(&settings);
    while let Some(event) = sink.queue.next().await {
        match deliver(&sink, &settings, &post, &event).await {
            Ok(()) => sink.delivered(),
            Err(loss) => {
                sink.lost(loss, 1);
                tracing::warn!(sink = sink.name, event = event.kind.name(), loss = loss.name(), "an event is given up");
                if loss == SinkLoss::Shutdown {
                    sink.abandon(loss);
                }
            }
        }
    }
}

/// One event, to its end.
async fn deliver(sink: &Sink, settings: &WebhookSettings, post: &Post, event: &SinkEvent) -> Result<(), SinkLoss> {
    let patience = &settings.patience;
    let mut backoff = Backoff::new(patience.wait_first, patience.wait_max);
    loop {
        let asked = match post.send(event).await {
            Answer::Taken => return Ok(()),
            Answer::Refused(code) => {
                tracing::warn!(sink = sink.name, code, "the receiver refuses an event");
                sink.failed();
                return Err(SinkLoss::Refused);
            }
            Answer::Later(asked, why) => {
                tracing::debug!(sink = sink.name, why, tries = backoff.tries() + 1, "an event was not taken");
                asked
            }
        };
        sink.failed();
        let own = backoff.next_wait(random_share());
        let wait = asked.unwrap_or(own).max(own).min(patience.wait_max);
        if backoff.tries() >= patience.tries_max || event.at.elapsed() + wait >= patience.age_max {
            return Err(SinkLoss::Unreachable);
        }
        rest(sink, wait).await?;
    }
}

/// Waits before the next try; a sink that is being closed does not.
async fn rest(sink: &Sink, wait: Duration) -> Result<(), SinkLoss> {
    tokio::select! {
        () = tokio::time::sleep(wait) => Ok(()),
        () = sink.queue.closed() => Err(SinkLoss::Shutdown),
    }
}
