//! The task that sends spans, and the queue in front of it.

use super::TelemetrySettings;
use crate::{Metrics, ServerError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Spans that wait to be sent.
const QUEUE: usize = 4_096;
/// Spans that are sent at once.
const BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// The longest that one batch may take.
const SEND_MAX: Duration = Duration::from_secs(10);
/// The longest that what is left at the end may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// The queue of spans; a task of its own sends them.
pub(super) struct Exporter {
    sender: mpsc::Sender<SpanData>,
    ending: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
    metrics: Arc<Metrics>,
}

impl Exporter {
    pub(super) fn start(settings: &TelemetrySettings, metrics: Arc<Metrics>) -> Result<Self, ServerError> {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(&settings.endpoint).with_timeout(SEND_MAX);
        let mut exporter = exporter.build().map_err(|error| ServerError::Telemetry(error.to_string()))?;
        exporter.set_resource(&Resource::builder().with_service_name(settings.service_name.clone()).build());
        let (sender, spans) = mpsc::channel(QUEUE);
        let ending = CancellationToken::new();
        let sending = Sending { exporter, spans, metrics: Arc::clone(&metrics), failing: false };
        let task = tokio::spawn(sending.run(ending.clone()));
        Ok(Self { sender, ending, task: Mutex::new(Some(task)), metrics })
    }

    /// Never waits: where the queue is full the span is dropped and counted.
    pub(super) fn take(&self, span: SpanData) {
        if self.sender.try_send(span).is_err() {
            self.metrics.spans_dropped.inc();
        }
    }

    /// Sends what is left.
    pub(super) async fn finish(&self) {
        self.ending.cancel();
        let task = self.task.lock().take();
        if let Some(mut task) = task
            && timeout(FAREWELL, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

struct Sending {
    exporter: SpanExporter,
    spans: mpsc::Receiver<SpanData>,
    metrics: Arc<Metrics>,
    /// Told once, not with every batch.
    failing: bool,
}

impl Sending {
    async fn run(mut self, ending: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let ended = tokio::select! {
                biased;
                () = ending.cancelled() => true,
                count = self.spans.recv_many(&mut batch, BATCH) => count == 0,
            };
            if ended {
                self.spans.close();
                while self.spans.recv_many(&mut batch, BATCH).await > 0 {
                    self.send(std::mem::take(&mut batch)).await;
                }
                return;
            }
            self.fill(&mut batch, &ending).await;
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    /// Waits a moment for more.
    async fn fill(&mut self, batch: &mut Vec<SpanData>, ending: &CancellationToken) {
        let until = sleep(LINGER);
        tokio::pin!(until);
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            tokio::select! {
                () = &mut until => return,
                () = ending.cancelled() => return,
                count = self.spans.recv_many(batch, room) => if count == 0 { return },
            }
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        let sent = timeout(SEND_MAX, self.exporter.export(batch)).await;
        let reason = match sent {
            Ok(Ok(())) => {
                self.failing = false;
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it does not answer in time".to_owned(),
        };
        self.metrics.spans_dropped.inc_by(count);
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(reason, "the collector of traces does not take them; spans are dropped until it does");
        }
    }
}
