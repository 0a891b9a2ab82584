//! What the system is asked for whenever somebody wants to see the machine.

use crate::ServerOptions;
use crate::app::App;
use crate::error::ApiError;
use crate::metrics::DiskSpace;
use samovar_monitor::{MachineSample, free_bytes};
use std::path::PathBuf;
use std::sync::Arc;

/// The machine at one moment.
pub(crate) struct MachineView {
    /// CPU, memory, GPUs.
    pub(crate) sample: MachineSample,
    /// Room for what the server keeps.
    pub(crate) disks: Vec<DiskSpace>,
}

impl MachineView {
    /// Asks the system, apart from the event loop: a driver or a disk may take its time.
    ///
    /// # Errors
    /// `internal`, where asking ended in a panic.
    pub(crate) async fn now(app: &App) -> Result<Self, ApiError> {
        let (monitor, folders) = (Arc::clone(&app.monitor), folders(&app.options));
        let asked = tokio::task::spawn_blocking(move || Self { sample: monitor.sample(), disks: disks(&folders) });
        asked.await.map_err(|_| ApiError::internal())
    }
}

/// Each folder that the server keeps, by the name that it has in metrics.
fn folders(options: &ServerOptions) -> Vec<(&'static str, PathBuf)> {
    let evidence = options.evidence.as_ref().map(|settings| ("evidence", settings.folder.clone()));
    let jobs = options.jobs.as_ref().map(|settings| ("jobs", settings.folder.clone()));
    evidence.into_iter().chain(jobs).collect()
}

fn disks(folders: &[(&'static str, PathBuf)]) -> Vec<DiskSpace> {
    let space =
        |(folder, path): &(&'static str, PathBuf)| free_bytes(path).map(|free_bytes| DiskSpace { folder, free_bytes });
    folders.iter().filter_map(space).collect()
}
