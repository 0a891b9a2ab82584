//! What runs for calls while the server does: who writes, and who forgets.

use super::sweeper;
use super::writer::CallWriter;
use crate::app::App;
use std::sync::Arc;

/// Starts it. What open calls tell at the end is still written, within the server's grace.
pub(crate) fn start(app: &Arc<App>) {
    let Some(desk) = &app.calls else { return };
    let Some(writes) = desk.writes.lock().take() else { return };
    let writer = Arc::clone(desk);
    let write = async move {
        writer.interrupt_open().await;
        CallWriter::new(&writer).write_all(writes).await;
    };
    app.tasks.spawn(app.kill.clone().run_until_cancelled_owned(write));
    let swept = Arc::clone(desk);
    let sweep = async move { sweeper::sweep_on(&swept).await };
    app.tasks.spawn(app.closing.clone().run_until_cancelled_owned(sweep));
    let (desk, closing) = (Arc::clone(desk), app.closing.clone());
    app.tasks.spawn(async move {
        closing.cancelled().await;
        desk.queue.close();
    });
}
