//! The page of the demo and its feed.

use crate::client::{PATIENCE, get, raw};
use crate::house::{House, options};
use futures_util::StreamExt;
use samovar_server::{DemoFigures, DemoFrame, DemoView, ServerLimits, ServerOptions};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Feed = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn house(view: &DemoView) -> House {
    House::fake_with(ServerOptions { demo: Some(view.clone()), ..options() }, true).await
}

async fn look(address: SocketAddr) -> Result<Feed, Error> {
    connect_async(format!("ws://{address}/demo/feed")).await.map(|(feed, _)| feed)
}

/// The next picture with what stands before it.
async fn next(feed: &mut Feed) -> (serde_json::Value, Vec<u8>) {
    let mut message = async || timeout(PATIENCE, feed.next()).await.unwrap().unwrap().unwrap();
    match (message().await, message().await) {
        (Message::Text(head), Message::Binary(picture)) => (serde_json::from_str(&head).unwrap(), picture.to_vec()),
        other => panic!("a text and a picture are expected: {other:?}"),
    }
}

fn frame(number: u8) -> DemoFrame {
    let event = serde_json::json!({ "type": "result", "frame": number, "detections": [] });
    let figures = DemoFigures { results_per_s: 12.0, p50_ms: 9.0, p99_ms: 21.0, dropped: 0 };
    DemoFrame { picture: vec![number; 3].into(), event, figures }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_demo_there_is_no_page() {
    let house = House::fake(ServerLimits::default()).await;
    for path in ["/demo", "/demo/feed"] {
        let answer = get(house.address, path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &"not_found".into()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
    let house = house(&DemoView::new(1)).await;
    let page = get(house.address, "/demo").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let text = page.text();
    for outside in ["http://", "https://", "src=\"", "@import"] {
        assert!(!text.contains(outside), "{outside}");
    }
    assert_eq!(get(house.address, "/demo/feed").await.status, 426, "the feed speaks WebSocket only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_gets_each_picture_with_its_own_event() {
    let view = DemoView::new(2);
    let house = house(&view).await;
    view.publish(0, frame(1));
    view.publish(0, frame(2));
    let mut feed = look(house.address).await.unwrap();
    let (head, picture) = next(&mut feed).await;
    assert_eq!((&head["stream"], &head["event"]["frame"], picture), (&0.into(), &2.into(), vec![2; 3]));
    assert_eq!(head["figures"]["p99_ms"], 21.0);
    view.publish(1, frame(3));
    let (head, picture) = next(&mut feed).await;
    assert_eq!((&head["stream"], &head["event"]["frame"], picture), (&1.into(), &3.into(), vec![3; 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_are_limited_and_other_pages_refused() {
    let house = house(&DemoView::new(1)).await;
    let mut viewers = Vec::new();
    let refused = loop {
        match look(house.address).await {
            Ok(viewer) => viewers.push(viewer),
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, Error::Http(answer) if answer.status() == 503), "{refused}");
    assert!((1..100).contains(&viewers.len()), "{}", viewers.len());
    let address = house.address;
    let origin = "origin: https://evil.example";
    let request = format!("GET /demo/feed HTTP/1.1\r\nhost: {address}\r\n{origin}\r\nconnection: close\r\n\r\n");
    assert_eq!(raw(address, request.as_bytes()).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_does_not_keep_the_server_from_ending() {
    let mut house = house(&DemoView::new(1)).await;
    let mut feed = look(house.address).await.unwrap();
    house.shutdown.drain_now();
    assert!(timeout(PATIENCE, &mut house.served).await.is_ok(), "the server ends");
    while let Some(Ok(_)) = timeout(PATIENCE, feed.next()).await.expect("the feed ends") {}
}
