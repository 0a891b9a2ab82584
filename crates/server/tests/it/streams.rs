//! The board of open streams: who is on it, who reads, who looks, and that all is given back.

use crate::client::{PATIENCE, delete, get, raw};
use crate::feed::Feed;
use crate::house::{House, options};
use crate::pictures::png;
use crate::socket::Socket;
use crate::street::{crowded, empty};
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use samovar_engines::Gate;
use samovar_server::ServerLimits;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type View = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn list(address: SocketAddr) -> Vec<Value> {
    get(address, "/v1/streams").await.json()["data"].as_array().unwrap().clone()
}

async fn until_empty(address: SocketAddr) {
    let emptied = timeout(PATIENCE, async {
        while !list(address).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    emptied.await.expect("every stream leaves the board");
}

async fn look(address: SocketAddr, id: &str) -> Result<View, Error> {
    connect_async(format!("ws://{address}/v1/streams/{id}/view")).await.map(|(view, _)| view)
}

/// The next picture with what stands before it.
async fn shown(view: &mut View) -> (Value, Vec<u8>) {
    let mut message = async || timeout(PATIENCE, view.next()).await.unwrap().unwrap().unwrap();
    match (message().await, message().await) {
        (Message::Text(head), Message::Binary(picture)) => (serde_json::from_str(&head).unwrap(), picture.to_vec()),
        other => panic!("a text and a picture are expected: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_on_the_board_with_its_figures_until_it_is_aborted() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = Socket::open(house.address, "?weight=3").await;
    let ready = socket.event().await;
    let id = ready["stream"].as_str().unwrap().to_owned();
    let picture = png(16, 16, 1);
    for _ in 0..5 {
        socket.frame(picture.clone()).await;
        assert_eq!(socket.event().await["type"], "result");
    }
    socket.frame(b"no picture".to_vec()).await;
    assert_eq!(socket.event().await["type"], "error");
    let stream = get(house.address, &format!("/v1/streams/{id}")).await.json();
    println!("{stream}");
    let figures = &stream["figures"];
    assert_eq!((&figures["frames"], &figures["results"], &figures["errors"]), (&6.into(), &5.into(), &1.into()));
    assert_eq!(figures["bytes_in"], 5 * picture.len() + 10);
    assert!(figures["bytes_out"].as_u64().unwrap() > 500 && figures["inference_ms"].is_number());
    assert_eq!((&stream["kind"], &stream["weight"], &stream["source"]), (&"detect".into(), &3.into(), &Value::Null));
    let listed = list(house.address).await;
    assert_eq!((listed.len(), &listed[0]["id"], &listed[0]["state"]), (1, &id.as_str().into(), &"live".into()));
    drop(socket);
    until_empty(house.address).await;
    let gone = get(house.address, &format!("/v1/streams/{id}")).await;
    assert_eq!((gone.status, &gone.json()["code"]), (404, &"stream_not_found".into()));
    assert_eq!(get(house.address, "/v1/streams/..%2Fmodels").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_gets_each_picture_with_its_own_result() {
    for path in ["/v1/streams/detect?model=fake", "/v1/streams/anomaly"] {
        let (house, _) = empty(options()).await;
        let mut socket = Socket::open_at(house.address, path).await;
        let id = socket.event().await["stream"].as_str().unwrap().to_owned();
        let mut view = look(house.address, &id).await.unwrap();
        for number in 0..10_u8 {
            let picture = png(16, 16, number);
            socket.frame(picture.clone()).await;
            let result = socket.event().await;
            let (head, seen) = shown(&mut view).await;
            assert_eq!((&head["result"], &seen), (&result, &picture), "{path}");
            assert_eq!((&head["stream"]["id"], &result["frame"]), (&id.as_str().into(), &number.into()));
        }
        drop(socket);
        let last = timeout(PATIENCE, view.next()).await.unwrap();
        assert!(matches!(last, Some(Ok(Message::Close(Some(_))))), "the viewer is told of the end: {last:?}");
        until_empty(house.address).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_and_readers_are_limited_and_other_pages_refused() {
    let mut options = options();
    (options.limits.stream.viewers_max, options.limits.stream.readers_max) = (2, 2);
    let house = House::fake_with(options, true).await;
    let mut socket = Socket::open(house.address, "").await;
    let id = socket.event().await["stream"].as_str().unwrap().to_owned();
    let first = look(house.address, &id).await.unwrap();
    let _second = look(house.address, &id).await.unwrap();
    let refused = look(house.address, &id).await.unwrap_err();
    assert!(matches!(&refused, Error::Http(answer) if answer.status() == 503), "{refused}");
    drop(first);
    let again = timeout(PATIENCE, async { while look(house.address, &id).await.is_err() {} });
    again.await.expect("a place comes back");
    let events = format!("/v1/streams/{id}/events");
    let _readers = (Feed::open(house.address, &events).await, Feed::open(house.address, "/v1/events").await);
    assert_eq!(get(house.address, &events).await.json()["code"], "too_many_streams");
    for (path, code) in
        [("?results=maybe", "invalid_query"), ("?after=-1", "invalid_query"), ("?kind=detect", "invalid_query")]
    {
        assert_eq!(get(house.address, &format!("{events}{path}")).await.json()["code"], code, "{path}");
    }
    assert_eq!(get(house.address, "/v1/events?kind=cats").await.status, 400);
    let (address, origin) = (house.address, "origin: https://evil.example");
    for request in [format!("GET /v1/streams/{id}/view"), format!("DELETE /v1/streams/{id}")] {
        let request = format!("{request} HTTP/1.1\r\nhost: {address}\r\n{origin}\r\nconnection: close\r\n\r\n");
        assert_eq!(raw(address, request.as_bytes()).await.status, 403, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_who_has_gone_without_a_word_gives_its_place_back() {
    let mut limits = ServerLimits::default();
    limits.stream.viewers_max = 1;
    (limits.stream.ping_time, limits.stream.pong_time) = (Duration::from_millis(100), 2 * PATIENCE);
    let house = House::fake(limits).await;
    let _stream = Socket::ready(house.address, "").await;
    let id = list(house.address).await[0]["id"].as_str().unwrap().to_owned();
    // No picture ever comes, and it reads nothing, so that it answers nothing either.
    let _gone = look(house.address, &id).await.unwrap();
    let freed = timeout(PATIENCE, async {
        while look(house.address, &id).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    freed.await.expect("the place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_to_whoever_asks_for_them() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = Socket::open(house.address, "").await;
    let id = socket.event().await["stream"].as_str().unwrap().to_owned();
    let mut feed = Feed::open(house.address, &format!("/v1/streams/{id}/events?results=true")).await;
    for number in 0..10 {
        socket.frame(png(8, 8, number)).await;
        let result = socket.event().await;
        let sent = feed.next().await.unwrap();
        assert_eq!((sent.event.as_str(), sent.id, &sent.data), ("result", None, &result));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_ended_by_request() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = Socket::open(house.address, "").await;
    let id = socket.event().await["stream"].as_str().unwrap().to_owned();
    let mut other = Socket::ready(house.address, "").await;
    let mut feed = Feed::open(house.address, &format!("/v1/streams/{id}/events")).await;
    assert_eq!(delete(house.address, &format!("/v1/streams/{id}")).await, 204);
    assert_eq!(socket.close_code().await, 1000);
    assert_eq!(feed.next().await.unwrap().event, "closed");
    assert_eq!(delete(house.address, &format!("/v1/streams/{}", "0".repeat(32))).await, 404);
    other.frame(png(8, 8, 1)).await;
    assert_eq!(other.event().await["type"], "result", "others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_keep_the_server_from_ending() {
    let mut house = House::fake(ServerLimits::default()).await;
    let mut feed = Feed::open(house.address, "/v1/events").await;
    house.shutdown.drain_now();
    assert!(timeout(PATIENCE, &mut house.served).await.is_ok(), "the server ends");
    assert_eq!(feed.next().await, None);
}

/// One client of five hundred: it goes at some point of its life, without a word.
async fn abort_somewhere(address: SocketAddr, number: u64) {
    let path = ["/v1/streams/detect?model=fake", "/v1/streams/anomaly"][(number % 2) as usize];
    let socket = TcpStream::connect(address).await.unwrap();
    let stage = number / 2 % 5;
    if stage == 0 {
        return;
    }
    let upgraded = tokio_tungstenite::client_async(format!("ws://{address}{path}"), socket).await;
    let Ok((mut socket, _)) = upgraded else { return };
    if stage == 1 {
        return;
    }
    let picture = png(16, 16, number as u8);
    for frame in 0..number % 7 {
        drop(socket.send(Message::Binary(picture.clone().into())).await);
        if stage > 2 && frame % 2 == 0 {
            drop(socket.next().await);
        }
    }
    if stage == 4 {
        drop(socket.send(Message::Text("{".into())).await);
        drop(socket.get_mut().set_zero_linger());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_that_go_anywhere_leave_nothing_behind() {
    let (house, pose) = empty(crowded()).await;
    let address = house.address;
    for wave in 0..5 {
        let clients = (0..100).map(|number| tokio::spawn(abort_somewhere(address, wave * 100 + number)));
        join_all(clients.collect::<Vec<_>>()).await.into_iter().for_each(|client| client.unwrap());
    }
    until_empty(address).await;
    house.until("samovar_streams", |open| open == 0.0).await;
    house.until("samovar_connections", |open| open == 1.0).await;
    for name in ["pose", "movement", "fake"] {
        let model = get(address, &format!("/v1/models/{name}")).await.json();
        assert_eq!(model["holds"], 0, "{name}");
    }
    println!("the pose model ran {} times for clients that had gone or were about to", pose.counts().runs);
    let mut socket = Socket::open_at(address, "/v1/streams/anomaly").await;
    assert_eq!(socket.event().await["type"], "ready", "and one more is served as before");
}

/// A stream that always has a frame waiting, and what became of its frames.
struct Pressing {
    socket: Socket,
    results: usize,
    dropped: u64,
    sent: u64,
}

impl Pressing {
    async fn open(address: SocketAddr, weight: u16) -> Self {
        let socket = Socket::ready(address, &format!("?weight={weight}")).await;
        Self { socket, results: 0, dropped: 0, sent: 0 }
    }

    /// Sends one more frame; when this returns, the server has taken it.
    async fn press(&mut self) {
        self.socket.frame(png(8, 8, self.sent as u8)).await;
        self.sent += 1;
        self.socket.say(r#"{"type":"options"}"#).await;
        while self.count().await != "options" {}
    }

    async fn count(&mut self) -> String {
        let event = self.socket.event().await;
        match event["type"].as_str().unwrap() {
            "result" => self.results += 1,
            "dropped" => self.dropped += event["count"].as_u64().unwrap(),
            _ => {}
        }
        event["type"].as_str().unwrap().to_owned()
    }

    async fn finish(&mut self) {
        while self.results as u64 + self.dropped < self.sent {
            self.count().await;
        }
    }
}

const WEIGHTS: [u16; 8] = [1, 1, 1, 1, 1, 1, 2, 2];
const ROUNDS: usize = 60;
/// Runs in each of them.
const RUNS: usize = 2;
/// Runs at once in a test's server.
const SLOTS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn under_overload_nobody_is_left_out_and_each_stream_is_told_what_was_dropped() {
    let house = House::fake(ServerLimits::default()).await;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    let mut streams = Vec::new();
    for weight in WEIGHTS {
        streams.push(Pressing::open(house.address, weight).await);
    }
    // Of the eight frames that come in each round the engine looks at two.
    for _ in 0..ROUNDS {
        for stream in &mut streams {
            stream.press().await;
        }
        for _ in 0..RUNS {
            let before = house.fake.counts().runs;
            gate.let_through(1);
            while house.fake.counts().runs == before || gate.waiting() < SLOTS {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
    }
    gate.open();
    for stream in &mut streams {
        stream.finish().await;
    }
    let results: Vec<_> = streams.iter().map(|stream| stream.results).collect();
    println!("of {ROUNDS} frames each: {results:?}");
    assert!(results.iter().all(|&results| results > 0), "nobody is left out");
    for (stream, listed) in streams.iter().zip(list(house.address).await) {
        let figures = &listed["figures"];
        assert_eq!((&figures["frames"], &figures["results"]), (&stream.sent.into(), &stream.results.into()));
        assert_eq!(figures["dropped"]["overloaded"], stream.dropped);
    }
}
