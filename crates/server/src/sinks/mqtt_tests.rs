//! MQTT against Debian's broker: every event once confirmed, over a restart of the broker, with the last will.

use super::set::Sinks;
use super::{MqttSettings, SinkEvent, tell};
use crate::Metrics;
use crate::metrics::{Moment, PageFormat};
use samovar_pipelines::SceneEventKind::{AnomalyEnded, AnomalyStarted};
use samovar_runtime::MemoryStats;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command as AsyncCommand};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(30);

struct Broker(Child);

impl Broker {
    /// None, with a line that says so, where mosquitto is absent.
    fn start(port: u16) -> Option<Self> {
        let program = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find_map(|name| {
            let mut command = Command::new(name);
            command.args(["-p", &port.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        });
        if program.is_none() {
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "mosquitto is absent");
            println!("skipped: mosquitto is absent");
        }
        program.map(Self)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Everything below `test/`, as `topic body`.
struct Subscriber {
    _child: tokio::process::Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    async fn start(port: u16) -> Self {
        for _ in 0..200 {
            let mut command = AsyncCommand::new("mosquitto_sub");
            command.args(["-p", &port.to_string(), "-t", "test/#", "-q", "1", "-v"]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            if child.try_wait().unwrap().is_none() {
                let lines = BufReader::new(child.stdout.take().unwrap()).lines();
                return Self { _child: child, lines };
            }
        }
        panic!("the broker does not listen");
    }

    async fn next(&mut self) -> String {
        timeout(PATIENCE, self.lines.next_line()).await.expect("a message comes").unwrap().unwrap()
    }

    async fn until(&mut self, line: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let next = self.next().await;
            if next == line {
                return before;
            }
            before.push(next);
        }
    }
}

fn settings(port: u16) -> MqttSettings {
    let wait_max = Duration::from_millis(200);
    MqttSettings { port, topic_prefix: "test".to_owned(), wait_max, ..MqttSettings::new("broker", "127.0.0.1") }
}

#[tokio::test]
async fn events_reach_the_broker_in_order_over_its_restart_and_the_end_is_told() {
    let port = free_port();
    let Some(broker) = Broker::start(port) else { return };
    if Command::new("mosquitto_sub").arg("--help").stdout(Stdio::null()).status().is_err() {
        println!("skipped: mosquitto_sub is absent");
        return;
    }
    let metrics = Arc::new(Metrics::new());
    let sinks = Sinks::new(&[], Some(&settings(port)), &metrics).unwrap();
    let (tasks, kill) = (TaskTracker::new(), CancellationToken::new());
    let mut subscriber = Subscriber::start(port).await;
    sinks.start(&tasks, &kill);
    let all = sinks.named(&["broker".to_owned()]).unwrap();
    let say = |number: u32| {
        let kind = if number.is_multiple_of(2) { AnomalyStarted } else { AnomalyEnded };
        tell(&all, &SinkEvent::new("yard".into(), kind, format!("{number}").into()));
    };
    (0..50).for_each(say);
    subscriber.until("test/status online").await;
    for number in 0..50 {
        let kind = if number % 2 == 0 { "anomaly.started" } else { "anomaly.ended" };
        assert_eq!(subscriber.next().await, format!("test/yard/{kind} {number}"));
    }
    drop((broker, subscriber));
    // Nobody is there: what happens now waits.
    (50..100).for_each(say);
    let _broker = Broker::start(port);
    let mut subscriber = Subscriber::start(port).await;
    (100..110).for_each(say);
    let mut numbers = Vec::new();
    while numbers.last() != Some(&109) {
        let line = subscriber.next().await;
        let (topic, body) = line.split_once(' ').unwrap();
        if topic.starts_with("test/yard/") {
            numbers.push(body.parse::<u32>().unwrap());
        }
    }
    // Some of the first may have gone out before the subscriber was there again.
    assert!(numbers.is_sorted() && numbers.len() >= 10, "{numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[1] <= pair[0] + 1), "nothing is missing between: {numbers:?}");
    sinks.close();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("the task ends");
    subscriber.until("test/status offline").await;
}

#[tokio::test]
async fn a_broker_that_is_not_there_costs_nothing_but_its_events() {
    let metrics = Arc::new(Metrics::new());
    let sinks = Sinks::new(&[], Some(&settings(9)), &metrics).unwrap();
    let (tasks, kill) = (TaskTracker::new(), CancellationToken::new());
    sinks.start(&tasks, &kill);
    let all = sinks.named(&["broker".to_owned()]).unwrap();
    tell(&all, &SinkEvent::new("yard".into(), AnomalyStarted, "1".into()));
    sinks.close();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("the end does not wait for the broker");
}

/// Takes a connection and whatever comes, and confirms nothing; tells the bytes.
async fn mute_broker(listener: tokio::net::TcpListener, told: tokio::sync::watch::Sender<usize>) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut bytes = vec![0; 4 << 10];
    assert!(socket.read(&mut bytes).await.unwrap() > 0);
    socket.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    while let Ok(count @ 1..) = socket.read(&mut bytes).await {
        told.send_modify(|all| *all += count);
    }
}

#[tokio::test]
async fn a_broker_that_confirms_nothing_does_not_hold_the_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, mut taken) = tokio::sync::watch::channel(0);
    let broker = tokio::spawn(mute_broker(listener, told));
    let metrics = Arc::new(Metrics::new());
    let sinks = Sinks::new(&[], Some(&settings(port)), &metrics).unwrap();
    let (tasks, kill) = (TaskTracker::new(), CancellationToken::new());
    sinks.start(&tasks, &kill);
    let all = sinks.named(&["broker".to_owned()]).unwrap();
    // More than may be on their way unconfirmed.
    (0..40).for_each(|_| tell(&all, &SinkEvent::new("yard".into(), AnomalyStarted, "x".repeat(100).into())));
    timeout(PATIENCE, taken.wait_for(|bytes| *bytes > 10 * 100)).await.expect("they are sent").unwrap();
    sinks.close();
    tasks.close();
    // From here on waiting takes no time.
    tokio::time::pause();
    timeout(PATIENCE, tasks.wait()).await.expect("the end does not wait for the broker");
    broker.abort();
    let memory = MemoryStats { held_bytes: 0, limit_bytes: None };
    let page = metrics.page(&Moment { memory, ..Moment::default() }, PageFormat::Classic);
    assert!(page.contains("samovar_sink_lost_total{sink=\"broker\",reason=\"shutdown\"} 40"), "{page}");
}

#[test]
fn a_topic_that_is_none_is_refused() {
    let metrics = Arc::new(Metrics::new());
    for prefix in ["", "a/#", "+", "a\0", &"a".repeat(300)] {
        let wrong = MqttSettings { topic_prefix: prefix.to_owned(), ..settings(1) };
        assert!(Sinks::new(&[], Some(&wrong), &metrics).is_err(), "{prefix}");
    }
    assert!(Sinks::new(&[], Some(&MqttSettings { host: String::new(), ..settings(1) }), &metrics).is_err());
}
