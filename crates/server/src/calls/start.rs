//! What runs for calls while the server does: who writes, and who forgets.

use super::writer;
use crate::app::App;
use std::sync::Arc;

/// Starts it. What open calls tell at the end is still written, within the server's grace.
pub(crate) fn start(app: &Arc<App>) {
    let Some(desk) = &app.calls else { return };
    let Some(writing) = desk.writing.lock().take() else { return };
    let store = Arc::clone(&desk.store);
    let write = async move { writer::write_all(writing, &*store).await };
    app.tasks.spawn(app.kill.clone().run_until_cancelled_owned(write));
    let (desk, closing) = (Arc::clone(desk), app.closing.clone());
    app.tasks.spawn(async move {
        closing.cancelled().await;
        desk.queue.close();
    });
}
