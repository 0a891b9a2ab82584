//! Webhooks against a receiver that takes, refuses, fails, stalls, redirects and goes away.

use super::set::Sinks;
use super::{Secret, SinkEvent, WebhookPatience, WebhookSettings, tell};
use crate::Metrics;
use crate::metrics::{Moment, PageFormat};
use samovar_pipelines::SceneEventKind::{self, AnomalyEnded, AnomalyStarted, AnomalyUpdated};
use samovar_runtime::MemoryStats;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(30);

/// What the receiver does with a request.
#[derive(Clone, Debug)]
enum Act {
    Answer(&'static str),
    /// Closes without an answer.
    Hang,
    /// Never answers.
    Stall,
}

const TAKE: Act = Act::Answer("200 OK\r\n");

/// A request as it came.
#[derive(Debug)]
struct Got {
    head: String,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> String {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        line.unwrap_or_default()
    }
}

/// A receiver that acts as it is told, then takes everything.
struct Receiver {
    address: SocketAddr,
    got: UnboundedReceiver<Got>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, (told, got)) = (listener.local_addr().unwrap(), unbounded_channel());
        let mut acts: VecDeque<_> = acts.into_iter().collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                open.spawn(answer(socket, acts.pop_front().unwrap_or(TAKE), told.clone()));
            }
        });
        Self { address, got, _tasks: tasks }
    }

    async fn next(&mut self) -> Got {
        timeout(PATIENCE, self.got.recv()).await.expect("a request comes").unwrap()
    }

    fn settings(&self) -> WebhookSettings {
        settings(&format!("http://{}/hook?x=1", self.address))
    }
}

/// Every connection serves one request.
async fn answer(socket: TcpStream, act: Act, told: UnboundedSender<Got>) {
    let mut socket = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let got = Got { head, body: String::new() };
    let mut body = vec![0; got.header("content-length").parse().unwrap()];
    socket.read_exact(&mut body).await.unwrap();
    told.send(Got { body: String::from_utf8(body).unwrap(), ..got }).unwrap();
    match act {
        Act::Answer(lines) => {
            let text = format!("HTTP/1.1 {lines}connection: close\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(text.as_bytes()).await.unwrap();
        }
        Act::Hang => {}
        Act::Stall => std::future::pending().await,
    }
}

fn settings(url: &str) -> WebhookSettings {
    let (wait_first, wait_max) = (Duration::from_millis(1), Duration::from_millis(20));
    let patience = WebhookPatience { tries_max: 5, wait_first, wait_max, ..WebhookPatience::default() };
    WebhookSettings { patience, ..WebhookSettings::new("hook", url) }
}

/// Sinks that run, and what is counted of them.
struct Running {
    sinks: Sinks,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    kill: CancellationToken,
}

impl Running {
    fn start(settings: WebhookSettings) -> Self {
        let metrics = Arc::new(Metrics::new());
        let sinks = Sinks::new(&[settings], None, &metrics).unwrap();
        let (tasks, kill) = (TaskTracker::new(), CancellationToken::new());
        sinks.start(&tasks, &kill);
        Self { sinks, metrics, tasks, kill }
    }

    fn tell(&self, kind: SceneEventKind, body: &str) {
        let sinks = self.sinks.named(&["hook".to_owned()]).unwrap();
        tell(&sinks, &SinkEvent::new("yard".into(), kind, body.to_owned().into()));
    }

    /// Everything is tried to its end.
    async fn end(&self) {
        self.sinks.close();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.expect("the task ends");
    }

    fn count(&self, name: &str) -> u64 {
        let memory = MemoryStats { held_bytes: 0, limit_bytes: None };
        let page = self.metrics.page(&Moment { memory, ..Moment::default() }, PageFormat::Classic);
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not on the page")).parse().unwrap()
    }

    fn lost(&self, reason: &str) -> u64 {
        self.count(&format!("samovar_sink_lost_total{{sink=\"hook\",reason=\"{reason}\"}}"))
    }

    fn delivered(&self) -> u64 {
        self.count("samovar_sink_delivered_total{sink=\"hook\"}")
    }

    /// Waits for what the receiver cannot show.
    async fn until(&self, reached: impl Fn() -> bool) {
        let wait = async {
            while !reached() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("it is counted");
    }
}

#[tokio::test]
async fn an_event_is_posted_with_its_name_and_a_signature_that_can_be_checked() {
    let mut receiver = Receiver::start([]).await;
    let secret = Some(Secret::new("shared"));
    let running = Running::start(WebhookSettings { secret, ..receiver.settings() });
    running.tell(AnomalyStarted, r#"{"event":"anomaly.started"}"#);
    let got = receiver.next().await;
    assert!(got.head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{}", got.head);
    assert_eq!(got.body, r#"{"event":"anomaly.started"}"#);
    assert_eq!(
        (got.header("content-type"), got.header("samovar-event")),
        ("application/json".into(), "anomaly.started".into())
    );
    assert_eq!(got.header("samovar-delivery").len(), 32);
    let signed = format!("{}.{}", got.header("samovar-timestamp"), got.body);
    let expected = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "shared"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    if let Ok(mut openssl) = expected {
        std::io::Write::write_all(openssl.stdin.as_mut().unwrap(), signed.as_bytes()).unwrap();
        let output = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
        let digest = output.trim().rsplit(' ').next().unwrap().to_owned();
        assert_eq!(got.header("samovar-signature"), format!("v1={digest}"));
    } else {
        println!("skipped: openssl is absent, the signature is held against its own kind alone");
    }
    running.end().await;
    assert_eq!((running.delivered(), running.count("samovar_sink_waiting{sink=\"hook\"}")), (1, 0));
}

#[tokio::test]
async fn what_may_mend_itself_is_tried_again_in_order_under_one_name() {
    let fail = |status: &'static str| Act::Answer(status);
    let acts = [
        fail("500 Internal Server Error\r\n"),
        fail("429 Too Many Requests\r\nretry-after: 1\r\n"),
        Act::Hang,
        fail("408 Request Timeout\r\n"),
        TAKE,
    ];
    let mut receiver = Receiver::start(acts).await;
    let running = Running::start(receiver.settings());
    running.tell(AnomalyStarted, "1");
    running.tell(AnomalyEnded, "2");
    let mut names = Vec::new();
    for _ in 0..5 {
        let got = receiver.next().await;
        assert_eq!(got.body, "1", "the second event waits for the first");
        names.push(got.header("samovar-delivery"));
    }
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    let second = receiver.next().await;
    assert_eq!(second.body, "2");
    assert_ne!(second.header("samovar-delivery"), names[0]);
    running.end().await;
    assert_eq!((running.delivered(), running.count("samovar_sink_failures_total{sink=\"hook\"}")), (2, 4));
    assert_eq!(running.lost("unreachable"), 0);
}

#[tokio::test]
async fn what_is_refused_is_given_up_at_once_and_redirects_are_not_followed() {
    let mut elsewhere = Receiver::start([]).await;
    let location: &'static str = format!("302 Found\r\nlocation: http://{}/\r\n", elsewhere.address).leak();
    let mut receiver = Receiver::start([Act::Answer("410 Gone\r\n"), Act::Answer(location)]).await;
    let running = Running::start(receiver.settings());
    for body in ["1", "2", "3"] {
        running.tell(AnomalyStarted, body);
    }
    for body in ["1", "2", "3"] {
        assert_eq!(receiver.next().await.body, body);
    }
    running.end().await;
    assert_eq!((running.delivered(), running.lost("refused")), (1, 2));
    assert!(elsewhere.got.try_recv().is_err(), "nobody followed");
}

#[tokio::test]
async fn an_event_is_given_up_after_so_many_tries_or_so_long() {
    let mut receiver = Receiver::start(vec![Act::Answer("503 Service Unavailable\r\n"); 5]).await;
    let running = Running::start(receiver.settings());
    running.tell(AnomalyStarted, "1");
    running.tell(AnomalyStarted, "2");
    for body in ["1", "1", "1", "1", "1", "2"] {
        assert_eq!(receiver.next().await.body, body);
    }
    running.end().await;
    assert_eq!((running.delivered(), running.lost("unreachable")), (1, 1));

    let patience = WebhookPatience { age_max: Duration::ZERO, ..receiver.settings().patience };
    let gone = WebhookSettings { patience, ..settings("http://127.0.0.1:9/") };
    let running = Running::start(gone);
    running.tell(AnomalyStarted, "1");
    running.until(|| running.lost("unreachable") == 1).await;
    assert_eq!(running.count("samovar_sink_failures_total{sink=\"hook\"}"), 1, "too old for another try");
}

#[tokio::test]
async fn a_receiver_that_stalls_costs_events_and_no_stream() {
    let mut receiver = Receiver::start([Act::Stall]).await;
    let timeout = Duration::from_millis(200);
    let running = Running::start(WebhookSettings { queue_max: 10, timeout, ..receiver.settings() });
    running.tell(AnomalyStarted, "first");
    receiver.next().await;
    for number in 0..50 {
        let kind = if number % 10 == 0 { AnomalyEnded } else { AnomalyUpdated };
        running.tell(kind, &number.to_string());
    }
    assert_eq!(running.lost("overflow"), 40, "told at once, whatever the receiver does");
    let bodies = [receiver.next().await.body, receiver.next().await.body];
    assert_eq!(bodies, ["first", "0"], "after the timeout again, and what matters most was kept");
    running.end().await;
    assert_eq!(running.delivered() + running.lost("overflow"), 51);
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_told_and_the_end_does_not_wait_for_the_unreachable() {
    let events = vec![AnomalyStarted];
    let away = settings("http://127.0.0.1:9/");
    let patience = WebhookPatience { wait_first: PATIENCE, wait_max: PATIENCE, ..away.patience };
    let running = Running::start(WebhookSettings { events, patience, ..away });
    running.tell(AnomalyEnded, "not asked for");
    for body in ["1", "2", "3"] {
        running.tell(AnomalyStarted, body);
    }
    running.until(|| running.count("samovar_sink_failures_total{sink=\"hook\"}") == 1).await;
    running.end().await;
    assert_eq!((running.delivered(), running.lost("shutdown")), (0, 3));
    assert!(!running.kill.is_cancelled());
}

#[test]
fn settings_that_cannot_be_are_refused_without_the_address() {
    let metrics = Arc::new(Metrics::new());
    for url in ["", "hook", "ftp://user:secret@host/", "http://", "file:///etc/passwd", "https:/secret"] {
        let error = Sinks::new(&[settings(url)], None, &metrics).err().unwrap().to_string();
        assert!(error.contains("`hook`") && !error.contains("secret"), "{url}: {error}");
    }
    let twice = [settings("http://a/"), settings("http://b/")];
    assert!(Sinks::new(&twice, None, &metrics).err().unwrap().to_string().contains("two sinks"));
    assert!(!format!("{:?}", Secret::new("words")).contains("words"));
}
