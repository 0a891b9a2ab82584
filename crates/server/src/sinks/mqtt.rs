//! MQTT: events in order to one broker, each until the broker has confirmed it.
//!
//! Every connection is a session of its own: what was not confirmed goes again over the next one, first. An event may therefore come
//! twice, and none is lost while the broker is away, as long as it waits in the queue.

use super::{MqttSettings, Sink, SinkEvent, SinkLoss};
use crate::ServerError;
use crate::random_id::{RandomId, random_share};
use parking_lot::Mutex;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, LastWill, MqttOptions, NetworkOptions, QoS,
    TlsConfiguration, Transport,
};
use samovar_runtime::Backoff;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Events that were sent and are not confirmed.
const WINDOW: usize = 16;
/// What the event loop takes beside the window: the state, and the farewell.
const BESIDE: usize = 2;
const PACKET_BYTES_MAX: usize = 256 << 10;
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const CONNECT_TIME_S: u64 = 10;
/// What is left is tried for so long when the sink is closed: a broker may take everything and confirm nothing.
const FAREWELL_MAX: Duration = Duration::from_secs(5);
const WAIT_FIRST: Duration = Duration::from_millis(500);

/// Whether the settings can be right.
///
/// # Errors
/// What is wrong with them.
pub(super) fn check(settings: &MqttSettings) -> Result<(), ServerError> {
    let prefix = &settings.topic_prefix;
    let topic_ok =
        (1..=256).contains(&prefix.len()) && !prefix.contains(['+', '#']) && !prefix.contains(char::is_control);
    let wrong = |what: &str| Err(ServerError::Sinks(format!("broker `{}`: {what}", settings.name)));
    match settings.host.is_empty() {
        true => wrong("it has no host"),
        false if !topic_ok => wrong("its topic must be 1 to 256 bytes without `+` and `#`"),
        false => Ok(()),
    }
}

/// Delivers what comes, in order, until the sink is closed and nothing is left.
pub(super) async fn run(sink: Arc<Sink>, settings: MqttSettings) {
    let options = options(&settings);
    let state = state_topic(&settings);
    let window = Window::default();
    let mut backoff = Backoff::new(WAIT_FIRST, settings.wait_max);
    loop {
        let (client, events) = AsyncClient::new(options.clone(), WINDOW + BESIDE);
        let mut link = Link { sink: &sink, settings: &settings, state: &state, window: &window, connected: false };
        let ended = tokio::select! {
            ended = link.run(&client, events) => ended,
            () = patience_over(&sink) => break,
        };
        let Err(error) = ended else { return };
        tracing::debug!(sink = sink.name, %error, "the broker cannot be reached");
        sink.failed();
        if link.connected {
            backoff.reset();
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next_wait(random_share())) => {}
            () = sink.queue.closed() => break,
        }
    }
    sink.lost(SinkLoss::Shutdown, window.len());
    sink.abandon(SinkLoss::Shutdown);
}

async fn patience_over(sink: &Sink) {
    sink.queue.closed().await;
    tokio::time::sleep(FAREWELL_MAX).await;
}

/// Events that were sent and are not confirmed, oldest first. Brokers confirm in the order of sending (MQTT 3.1.1, 4.6).
#[derive(Default)]
struct Window {
    events: Mutex<VecDeque<SinkEvent>>,
    /// Told when one is confirmed.
    confirmed: Notify,
}

/// One connection.
struct Link<'a> {
    sink: &'a Sink,
    settings: &'a MqttSettings,
    /// Where the server tells that it is there.
    state: &'a str,
    window: &'a Window,
    /// Whether the broker has ever answered.
    connected: bool,
}

impl Link<'_> {
    /// Until the connection fails, or everything is delivered and the sink closed.
    async fn run(&mut self, client: &AsyncClient, mut events: EventLoop) -> Result<(), Box<ConnectionError>> {
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_TIME_S);
        events.set_network_options(network);
        // The first answer of the broker is the connection.
        events.poll().await.map_err(Box::new)?;
        self.connected = true;
        tracing::info!(sink = self.sink.name, "connected to the broker");
        let pump = self.pump(client);
        let listen = self.listen(&mut events);
        tokio::pin!(pump, listen);
        tokio::select! {
            failed = &mut listen => return failed,
            () = &mut pump => {}
        }
        // The farewell is sent by the loop, which ends with the connection.
        tokio::select! {
            _ = &mut listen => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        Ok(())
    }

    /// Sends what was not confirmed, then what comes; ends once all is confirmed and the sink closed.
    async fn pump(&self, client: &AsyncClient) {
        let tell = |word: &'static str| client.publish(self.state, QoS::AtLeastOnce, true, word);
        drop(tell("online").await);
        let again: Vec<_> = self.window.events.lock().iter().cloned().collect();
        for event in again {
            self.publish(client, &event).await;
        }
        loop {
            // Before the event is taken: one that waited for its place here would be lost with the connection.
            self.window.until(WINDOW - 1).await;
            let Some(event) = self.sink.queue.next().await else { break };
            if event.body.len() > PACKET_BYTES_MAX / 2 {
                self.sink.lost(SinkLoss::Refused, 1);
                continue;
            }
            self.window.events.lock().push_back(event.clone());
            self.publish(client, &event).await;
        }
        self.window.until(0).await;
        drop(tell("offline").await);
        drop(client.disconnect().await);
    }

    async fn publish(&self, client: &AsyncClient, event: &SinkEvent) {
        let topic = format!("{}/{}/{}", self.settings.topic_prefix, event.source, event.kind.name());
        // Fails only where the loop is gone, which ends this connection anyway.
        drop(client.publish(topic, QoS::AtLeastOnce, false, event.body.as_bytes()).await);
    }

    /// Drives the connection and counts what the broker confirms.
    async fn listen(&self, events: &mut EventLoop) -> Result<(), Box<ConnectionError>> {
        // The first confirmation is that of the state.
        let mut told = false;
        loop {
            let confirmed = matches!(events.poll().await.map_err(Box::new)?, Event::Incoming(Incoming::PubAck(_)));
            if confirmed && std::mem::replace(&mut told, true) && self.window.confirm() {
                self.sink.delivered();
            }
        }
    }
}

impl Window {
    /// The oldest was confirmed. Tells whether there was one.
    fn confirm(&self) -> bool {
        let confirmed = self.events.lock().pop_front().is_some();
        self.confirmed.notify_one();
        confirmed
    }

    /// Waits until at most so many are not confirmed.
    async fn until(&self, count: usize) {
        while self.len() > count {
            self.confirmed.notified().await;
        }
    }

    fn len(&self) -> usize {
        self.events.lock().len()
    }
}

fn state_topic(settings: &MqttSettings) -> String {
    format!("{}/status", settings.topic_prefix)
}

fn options(settings: &MqttSettings) -> MqttOptions {
    let id = settings.client_id.clone().unwrap_or_else(|| format!("samovar-{:.12}", RandomId::new().to_string()));
    let mut options = MqttOptions::new(id, &settings.host, settings.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX)
        .set_inflight((WINDOW + BESIDE) as u16)
        .set_last_will(LastWill::new(state_topic(settings), "offline", QoS::AtLeastOnce, true));
    if let Some(username) = &settings.username {
        options.set_credentials(username, settings.password.as_ref().map_or("", |password| password.words()));
    }
    if settings.tls {
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(tls()))));
    }
    options
}

/// The usual authorities, compiled in.
fn tls() -> rustls::ClientConfig {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the protocols that it is built with")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
