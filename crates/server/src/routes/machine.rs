//! `GET /v1/machine`: what the machine does, and what the server does with it.

use super::health::status;
use crate::app::App;
use crate::error::ApiError;
use crate::machine_view::MachineView;
use crate::wire::{ClassBody, HardwareBody, JobCountsBody, MachineBody};
use axum::Json;
use axum::extract::State;
use samovar_media::PoolPurpose;
use std::sync::Arc;

/// CPU, memory and GPUs; the queue, the time in each stage and the pools. `samovar top` shows it.
#[utoipa::path(get, path = "/v1/machine", tag = "operation", responses((status = 200, body = MachineBody)))]
pub(crate) async fn machine(State(app): State<Arc<App>>) -> Result<Json<MachineBody>, ApiError> {
    let MachineView { sample, disks } = MachineView::now(&app).await?;
    if let Some(jobs) = &app.jobs {
        jobs.sample(&app.metrics).await;
    }
    let device = app.registry.device_stats();
    let classes = app.metrics.classes().into_iter().zip(device.waiting);
    Ok(Json(MachineBody {
        object: "machine",
        version: env!("CARGO_PKG_VERSION"),
        status: status(&app, &app.registry.list()),
        up_s: app.began.elapsed().as_secs_f64(),
        machine: HardwareBody::from(&sample),
        process: sample.process.into(),
        children: sample.children.into(),
        children_count: sample.children_count,
        gpus: sample.gpus.into_iter().map(Into::into).collect(),
        slots: device.slots,
        classes: classes.map(|(figures, waiting)| ClassBody::new(figures, waiting)).collect(),
        jobs: app.jobs.as_ref().map(|_| JobCountsBody::from(&app.metrics.jobs)),
        pools: PoolPurpose::ALL.into_iter().map(Into::into).collect(),
        disk_free_bytes: disks.into_iter().map(|disk| (disk.folder, disk.free_bytes)).collect(),
    }))
}
