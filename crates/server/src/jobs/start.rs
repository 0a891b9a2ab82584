//! What runs for jobs while the server does: the worker inside, or who sweeps in its place, the look at followed jobs, the search for orphans.

use super::counted_runner::CountedRunner;
use super::keeper::Keeper;
use super::{JobDesk, orphans};
use crate::Metrics;
use crate::app::App;
use samovar_jobs::{Worker, WorkerOptions};
use std::sync::Arc;

/// Starts it. The worker gives back what it has when the server closes, within its grace; all of it ends at the latest when what is left is
/// cut off.
pub(crate) fn start(app: &Arc<App>) {
    let Some(desk) = &app.jobs else { return };
    let worker = worker(desk, &app.metrics);
    desk.show(worker.figures());
    app.tasks.spawn(app.kill.clone().run_until_cancelled_owned(worker.run(app.closing.clone())));
    let followed = Arc::clone(desk);
    let look = async move { followed.watches.look_on(followed.queue()).await };
    app.tasks.spawn(app.closing.clone().run_until_cancelled_owned(look));
    let swept: Arc<JobDesk> = Arc::clone(desk);
    app.tasks.spawn(app.closing.clone().run_until_cancelled_owned(async move { orphans::sweep_on(&swept).await }));
}

/// Where others work, one without places: it takes nothing, and sees to ended leases and old jobs all the same.
fn worker(desk: &JobDesk, metrics: &Arc<Metrics>) -> Worker {
    let (queue, options) = (Arc::clone(&desk.settings.queue), desk.settings.worker.clone());
    match &desk.settings.runner {
        Some(runner) => {
            let runner = CountedRunner { runner: Arc::clone(runner), metrics: Arc::clone(metrics) };
            Worker::new(queue, Arc::new(runner), options)
        }
        None => {
            let keeper = Keeper { folder: desk.settings.folder.clone() };
            Worker::new(queue, Arc::new(keeper), WorkerOptions { jobs_at_once: 0, ..options })
        }
    }
}
