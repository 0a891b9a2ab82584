//! All sinks of a server, and their tasks.

use super::{MqttSettings, Sink, SinkEvent, WebhookSettings, mqtt, webhook};
use crate::{Metrics, ServerError};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All sinks of a server. Their tasks are started once the server serves, and end when the sinks are closed.
pub(crate) struct Sinks {
    webhooks: Vec<(Arc<Sink>, WebhookSettings)>,
    mqtt: Option<(Arc<Sink>, MqttSettings)>,
}

impl Sinks {
    /// # Errors
    /// What is wrong with the settings.
    pub(crate) fn new(
        webhooks: &[WebhookSettings],
        mqtt: Option<&MqttSettings>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        webhooks.iter().try_for_each(webhook::check)?;
        mqtt.iter().copied().try_for_each(mqtt::check)?;
        let sink = |name: &str, events: &[_], queue_max| Arc::new(Sink::new(name, events, queue_max, metrics));
        let webhooks = webhooks.iter().map(|one| (sink(&one.name, &one.events, one.queue_max), one.clone())).collect();
        let mqtt = mqtt.map(|broker| (sink(&broker.name, &broker.events, broker.queue_max), broker.clone()));
        let sinks = Self { webhooks, mqtt };
        sinks.check_names().map(|()| sinks)
    }

    /// Starts the task of each. They end once they are closed and have nothing left, or at once when `kill` is cancelled.
    pub(crate) fn start(&self, tasks: &TaskTracker, kill: &CancellationToken) {
        for (sink, settings) in &self.webhooks {
            tasks.spawn(kill.clone().run_until_cancelled_owned(webhook::run(Arc::clone(sink), settings.clone())));
        }
        if let Some((sink, settings)) = &self.mqtt {
            tasks.spawn(kill.clone().run_until_cancelled_owned(mqtt::run(Arc::clone(sink), settings.clone())));
        }
    }

    /// The sinks of these names.
    ///
    /// # Errors
    /// The first name that no sink has.
    pub(crate) fn named(&self, names: &[String]) -> Result<Vec<Arc<Sink>>, String> {
        let find = |name: &String| self.all().find(|sink| sink.name == *name).cloned().ok_or_else(|| name.clone());
        names.iter().map(find).collect()
    }

    /// Takes no more events; what waits is still tried, once.
    pub(crate) fn close(&self) {
        self.all().for_each(|sink| sink.queue.close());
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Sink>> {
        self.webhooks.iter().map(|(sink, _)| sink).chain(self.mqtt.iter().map(|(sink, _)| sink))
    }

    fn check_names(&self) -> Result<(), ServerError> {
        let names: Vec<_> = self.all().map(|sink| sink.name.as_str()).collect();
        let twice = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name));
        twice.map_or(Ok(()), |(_, name)| Err(ServerError::Sinks(format!("there are two sinks called `{name}`"))))
    }
}

/// Tells all of these sinks.
pub(crate) fn tell(sinks: &[Arc<Sink>], event: &SinkEvent) {
    sinks.iter().for_each(|sink| sink.push(event.clone()));
}
