//! What runs for jobs while the server does: the worker inside, the look at followed jobs, the search for orphans.

use super::counted_runner::CountedRunner;
use super::{JobDesk, orphans};
use crate::app::App;
use samovar_jobs::Worker;
use std::sync::Arc;

/// Starts it. The worker gives back what it has when the server closes, within its grace; all of it ends at the latest when what is left is
/// cut off.
pub(crate) fn start(app: &Arc<App>) {
    let Some(desk) = &app.jobs else { return };
    if let Some(runner) = &desk.settings.runner {
        let runner = CountedRunner { runner: Arc::clone(runner), metrics: Arc::clone(&app.metrics) };
        let worker = Worker::new(Arc::clone(&desk.settings.queue), Arc::new(runner), desk.settings.worker.clone());
        app.tasks.spawn(app.kill.clone().run_until_cancelled_owned(worker.run(app.closing.clone())));
    }
    let followed = Arc::clone(desk);
    let look = async move { followed.watches.look_on(followed.queue()).await };
    app.tasks.spawn(app.closing.clone().run_until_cancelled_owned(look));
    let swept: Arc<JobDesk> = Arc::clone(desk);
    app.tasks.spawn(app.closing.clone().run_until_cancelled_owned(async move { orphans::sweep_on(&swept).await }));
}
