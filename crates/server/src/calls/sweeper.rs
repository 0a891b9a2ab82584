//! Calls whose time is over, and audio that belongs to none, are forgotten.

use super::CallDesk;
use samovar_calls::{CallErrorKind, CallId, CallTime};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps now and then until it is dropped.
pub(super) async fn sweep_on(desk: &CallDesk) {
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        sweep(desk, CallTime::now()).await;
        remove_orphans(desk).await;
    }
}

/// Forgets what is older than is to be kept, in steps between which others write.
pub(super) async fn sweep(desk: &CallDesk, now: CallTime) {
    loop {
        match desk.store.sweep(desk.settings.keep, now).await {
            Ok(gone) if gone.is_empty() => return,
            Ok(gone) => {
                desk.metrics.calls.removed(gone.len());
                desk.audio.remove(gone.into_iter().map(|call| call.id).collect()).await;
            }
            Err(error) => {
                return tracing::warn!(code = error.kind().code(), "old calls cannot be forgotten; it is tried again");
            }
        }
    }
}

/// Audio whose call is not there: what a crash or a failing disk left of a deletion.
pub(super) async fn remove_orphans(desk: &CallDesk) {
    let audio = desk.audio.clone();
    let listed = tokio::task::spawn_blocking(move || audio.list(ORPHANS_LOOKED_AT)).await;
    let mut orphans: Vec<CallId> = Vec::new();
    for id in listed.ok().and_then(Result::ok).unwrap_or_default() {
        let known = desk.store.find(id, None).await;
        if known.is_err_and(|error| error.kind() == CallErrorKind::Unknown) {
            orphans.push(id);
        }
    }
    desk.audio.remove(orphans).await;
}

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(600);
/// Files of one look.
const ORPHANS_LOOKED_AT: usize = 100_000;
