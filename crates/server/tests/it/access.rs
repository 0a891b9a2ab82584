//! Who may ask what: every route against every kind of key, what belongs to whom, limits, and what pages may.

use crate::client::{PATIENCE, get, post, post_with};
use crate::house::{House, options};
use crate::jobs_house::{JobsHouse, video};
use crate::pictures::png;
use futures_util::{SinkExt, StreamExt};
use samovar_jobs::JobPolicy;
use samovar_server::ServerOptions;
use samovar_service::access::{Access, CallerBounds, KeyDigest, KeySpec, Keyring, Scope, Scopes};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// A key whose secret is its name twice, with one scope.
fn key(name: &str, scope: Scope) -> KeySpec {
    KeySpec { scopes: Scopes::default().with(scope), ..KeySpec::new(name, KeyDigest::of(&secret(name))) }
}

fn secret(name: &str) -> String {
    format!("{name}-{name}")
}

fn bearer(name: &str) -> String {
    format!("authorization: Bearer {}\r\n", secret(name))
}

fn keyed(keys: &[KeySpec]) -> ServerOptions {
    ServerOptions { access: Arc::new(Access::keyed(Keyring::new(keys).unwrap())), ..options() }
}

/// One key for each scope, called as the scope is.
fn one_each() -> ServerOptions {
    keyed(&Scope::ALL.map(|scope| key(scope.name(), scope)))
}

/// Asks from an address of its own and reads the head alone: some answers never end.
async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> (u16, String) {
    static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(1);
    let from = Ipv4Addr::new(127, 0, 1, NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut socket = BufReader::new(socket.connect(address).await.unwrap());
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n{headers}\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        let read = timeout(PATIENCE, socket.read_line(&mut answer)).await.expect("the server answers").unwrap();
        assert!(read > 0, "{method} {path}: {answer}");
    }
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer.to_lowercase())
}

/// Routes of the Open Inference Protocol, which has a description of its own.
const PROTOCOL: [(&str, &str); 12] = [
    ("get", "/v2"),
    ("get", "/v2/health/live"),
    ("get", "/v2/health/ready"),
    ("get", "/v2/models/fake"),
    ("get", "/v2/models/fake/stats"),
    ("post", "/v2/models/fake/infer"),
    ("post", "/v2/models/fake/versions/1/infer"),
    ("post", "/v2/repository/index"),
    ("post", "/v2/repository/models/fake/load"),
    ("post", "/v2/models/fake/trace/setting"),
    ("post", "/v2/logging"),
    ("get", "/v2/systemsharedmemory/status"),
];

/// What a documented route needs: nothing, any key, or a scope. Said here again, by itself.
fn needed(method: &str, path: &str) -> Option<Option<Scope>> {
    let scope = match (method, path) {
        (_, "/health/live" | "/health/ready" | "/health/startup") => return None,
        (_, "/v2/health/live" | "/v2/health/ready") => return None,
        (_, "/metrics" | "/v1/machine") => Scope::Metrics,
        (_, "/health" | "/info") => return Some(None),
        (_, path) if path.contains("sharedmemory") => Scope::Infer,
        (_, path) if path.starts_with("/v2/logging") || path.ends_with("/trace/setting") => Scope::Admin,
        ("get", path) if path.starts_with("/v1/models") || path.starts_with("/v2") => return Some(None),
        (_, "/v2/repository/index") => return Some(None),
        (_, path) if path.starts_with("/v1/models") || path.starts_with("/v2/repository") => Scope::Admin,
        (_, path) if path.starts_with("/v1/sources") || path.starts_with("/v1/evidence") => Scope::Admin,
        (_, path) if path.starts_with("/v1/jobs") => Scope::Jobs,
        _ => Scope::Infer,
    };
    Some(Some(scope))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_its_scope() {
    let house = House::fake_with(one_each(), true).await;
    let address = house.address;
    let page = get(address, "/openapi.json").await.json();
    let documented = page["paths"].as_object().unwrap().iter();
    let mut routes: Vec<(String, String)> = documented
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())))
        .collect();
    assert!(routes.len() > 40, "{} routes", routes.len());
    routes.extend(PROTOCOL.map(|(method, path)| (method.to_owned(), path.to_owned())));
    for (method, path) in &routes {
        let at = path.replace("{id}", &"0".repeat(32)).replace(['{', '}'], "");
        let (verb, needed) = (method.to_uppercase(), needed(method, path));
        let told = async |headers: &str| ask(address, &verb, &at, headers).await;
        let what = format!("{verb} {path}");
        let Some(scope) = needed else {
            assert!(!matches!(told("").await.0, 401 | 403), "{what}");
            continue;
        };
        for headers in ["", "authorization: Bearer wrong\r\n", "x-api-key: \r\n", "authorization: Basic aW5mZXI6\r\n"] {
            let (status, head) = told(headers).await;
            assert_eq!(status, 401, "{what} with {headers:?}");
            assert!(head.contains("www-authenticate: bearer"), "{what}: {head}");
        }
        for owned in Scope::ALL {
            let (status, _) = told(&bearer(owned.name())).await;
            let may = scope.is_none_or(|scope| scope == owned);
            assert_eq!(!matches!(status, 401 | 403), may, "{what} with the scope {}: {status}", owned.name());
            assert!(may || status == 403, "{what}: {status}");
        }
    }
    let (in_address, _) = ask(address, "GET", &format!("/v1/models?key={}", secret("admin")), "").await;
    assert_eq!(in_address, 401, "a key in the address is none");
    for page in ["/", "/calls", "/console/calls.js"] {
        assert_eq!(ask(address, "GET", page, "").await.0, 200, "the console's pages hold nothing: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_alike_and_in_the_form_of_the_address() {
    let house = House::fake_with(one_each(), true).await;
    let none = get(house.address, "/v1/models").await;
    let wrong = post_with(house.address, "/v1/detect", "authorization: Bearer x\r\n", b"").await;
    assert_eq!((none.status, none.text()), (wrong.status, wrong.text()));
    assert_eq!(none.json()["code"], "unauthenticated");
    let other = post_with(house.address, "/v1/detect", &bearer("jobs"), b"").await.json();
    assert_eq!((other["code"].as_str(), other["status"].as_u64()), (Some("forbidden"), Some(403)));
    assert!(other["detail"].as_str().unwrap().contains("`infer`"), "{other}");
}

/// Opens a WebSocket with these subprotocols; the one agreed to, or the status of the refusal.
async fn socket(address: SocketAddr, protocols: Option<String>) -> Result<String, u16> {
    let mut request = format!("ws://{address}/v1/streams/detect").into_client_request().unwrap();
    if let Some(protocols) = protocols {
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    }
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    match tokio_tungstenite::client_async(request, socket).await {
        Ok((mut socket, answer)) => {
            assert!(timeout(PATIENCE, socket.next()).await.unwrap().is_some());
            Ok(answer.headers()["sec-websocket-protocol"].to_str().unwrap().to_owned())
        }
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_its_key_among_the_subprotocols() {
    let house = House::fake_with(one_each(), true).await;
    let with = |name: &str| Some(format!("samovar, samovar.key.{}", secret(name)));
    assert_eq!(socket(house.address, with("infer")).await, Ok("samovar".to_owned()), "the key is not sent back");
    assert_eq!(socket(house.address, with("jobs")).await, Err(403));
    assert_eq!(socket(house.address, Some("samovar".to_owned())).await, Err(401));
    assert_eq!(socket(house.address, None).await, Err(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_seen_by_their_key_and_by_administrators() {
    let place = tempfile::tempdir().unwrap();
    let both = KeySpec { scopes: Scopes::default().with(Scope::Jobs).with(Scope::Admin), ..key("root", Scope::Admin) };
    let given = keyed(&[key("one", Scope::Jobs), key("two", Scope::Jobs), both]);
    let jobs = JobsHouse::with(place.path(), JobPolicy::default(), given, |_| {}).await;
    let address = jobs.house.address;
    let answer = post_with(address, "/v1/jobs?name=walk.mp4", &bearer("one"), &video(1_000)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", ""),
        ("GET", "/result"),
        ("GET", "/events"),
        ("GET", "/files/report.html"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("DELETE", ""),
    ] {
        let (status, _) = ask(address, method, &format!("/v1/jobs/{id}{path}"), &bearer("two")).await;
        assert_eq!(status, 404, "{method} {path}");
    }
    for (name, seen) in [("one", 1), ("two", 0), ("root", 1)] {
        assert_eq!(list(address, "/v1/jobs", name).await.len(), seen, "{name}");
    }
    for name in ["one", "root"] {
        assert_eq!(ask(address, "GET", &format!("/v1/jobs/{id}"), &bearer(name)).await.0, 200, "{name}");
    }
}

/// What is listed there for that key.
async fn list(address: SocketAddr, path: &str, name: &str) -> Vec<serde_json::Value> {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n", bearer(name));
    let answer = crate::client::raw(address, head.as_bytes()).await;
    answer.json()["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_seen_by_their_key_alone() {
    let house = House::fake_with(keyed(&[key("one", Scope::Infer), key("two", Scope::Infer)]), true).await;
    let address = house.address;
    let mut request = format!("ws://{address}/v1/streams/detect").into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", secret("one").parse().unwrap());
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, socket).await.unwrap();
    assert!(timeout(PATIENCE, socket.next()).await.unwrap().is_some(), "it is open");
    assert!(list(address, "/v1/streams", "two").await.is_empty());
    let listed = list(address, "/v1/streams", "one").await;
    let id = listed[0]["id"].as_str().unwrap();
    for (method, path) in [("GET", ""), ("GET", "/events"), ("DELETE", "")] {
        let (status, _) = ask(address, method, &format!("/v1/streams/{id}{path}"), &bearer("two")).await;
        assert_eq!(status, 404, "{method} {path}");
    }
    assert_eq!(ask(address, "GET", &format!("/v1/streams/{id}/events"), &bearer("one")).await.0, 200);
    assert_eq!(ask(address, "DELETE", &format!("/v1/streams/{id}"), &bearer("one")).await.0, 204);
}

/// Opens a feed of events and reads its head.
async fn feed(address: SocketAddr, path: &str, name: &str) -> tokio::net::TcpStream {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n", bearer(name));
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    timeout(PATIENCE, socket.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    socket
}

/// Opens a WebSocket with a key and waits for its first message, if one is to come.
async fn open(address: SocketAddr, path: &str, name: &str) -> WebSocketStream<tokio::net::TcpStream> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", secret(name).parse().unwrap());
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio_tungstenite::client_async(request, socket).await.unwrap().0
}

/// What comes until the close, and the close.
async fn to_the_close(socket: &mut WebSocketStream<tokio::net::TcpStream>) -> (String, u16, String) {
    let mut told = String::new();
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap().expect("a close comes before the end").unwrap() {
            Message::Close(Some(close)) => return (told, close.code.into(), close.reason.to_string()),
            Message::Text(text) => told.push_str(&text),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_has_open_ends_with_the_key() {
    let given = keyed(&[key("one", Scope::Infer), key("two", Scope::Infer)]);
    let access = Arc::clone(&given.access);
    let house = House::fake_with(given, true).await;
    let address = house.address;
    let mut stream = open(address, "/v1/streams/detect", "one").await;
    assert!(timeout(PATIENCE, stream.next()).await.unwrap().is_some(), "it is ready");
    let mut other = open(address, "/v1/streams/detect", "two").await;
    assert!(timeout(PATIENCE, other.next()).await.unwrap().is_some());
    let id = list(address, "/v1/streams", "one").await[0]["id"].as_str().unwrap().to_owned();
    let mut viewer = open(address, &format!("/v1/streams/{id}/view"), "one").await;
    let mut feeds = vec![feed(address, &format!("/v1/streams/{id}/events"), "one").await];
    feeds.push(feed(address, "/v1/events", "one").await);
    access.replace(&[key("two", Scope::Infer)]).unwrap();
    let (told, code, reason) = to_the_close(&mut stream).await;
    assert!(told.contains(r#""type":"error""#) && told.contains(r#""code":"unauthenticated""#), "{told}");
    assert_eq!((code, reason.as_str()), (1008, "unauthenticated"));
    let (_, code, reason) = to_the_close(&mut viewer).await;
    assert!(code == 1008 && reason == "unauthenticated" || code == 1000, "{code} {reason}: the stream may end first");
    let all = crate::client::read_to_end(&mut feeds[1]).await;
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains("event: error") && all.contains(r#""code":"unauthenticated""#), "{all}");
    let own = crate::client::read_to_end(&mut feeds[0]).await;
    assert!(String::from_utf8_lossy(&own).contains("event: "), "an error, or that the stream has ended");
    other.send(Message::Binary(png(8, 8, 1).into())).await.unwrap();
    let answer = timeout(PATIENCE, other.next()).await.unwrap().unwrap().unwrap();
    assert!(answer.to_text().unwrap().contains(r#""type":"result""#), "another key's goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_holds_one_of_its_keys_places_and_bodies_have_the_keys_size() {
    let bounds = CallerBounds { body_bytes_max: Some(2_000), items_max: None };
    let house =
        House::fake_with(keyed(&[KeySpec { concurrent_max: Some(1), bounds, ..key("one", Scope::Infer) }]), true).await;
    let address = house.address;
    let large = post_with(address, "/v1/detect", &bearer("one"), &vec![0; 2_001]).await;
    assert_eq!((large.status, large.json()["code"].as_str()), (413, Some("body_too_large")));
    let chunked = format!("{}transfer-encoding: chunked\r\n", bearer("one"));
    let body = [format!("{:x}\r\n", 2_001).into_bytes(), vec![0; 2_001], b"\r\n0\r\n\r\n".to_vec()].concat();
    let head = format!("POST /v1/detect HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{chunked}\r\n");
    let answer = crate::client::raw(address, &[head.as_bytes(), &body].concat()).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(post_with(address, "/v1/detect", &bearer("one"), &png(8, 8, 1)).await.status, 200);
    let mut request = format!("ws://{address}/v1/streams/detect").into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", secret("one").parse().unwrap());
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, socket).await.unwrap();
    assert!(timeout(PATIENCE, socket.next()).await.unwrap().is_some());
    let full = post_with(address, "/v1/detect", &bearer("one"), &png(8, 8, 1)).await;
    assert_eq!((full.status, full.header("retry-after")), (429, Some("1")), "{}", full.text());
    socket.close(None).await.unwrap();
    drop(socket);
    let freed = timeout(PATIENCE, async {
        while post_with(address, "/v1/detect", &bearer("one"), &png(8, 8, 1)).await.status != 200 {}
    });
    assert!(freed.await.is_ok(), "the stream's place comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_lift_the_refusal_to_be_reached_and_names_are_checked_without_them() {
    let reached = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let house = House::fake_with(ServerOptions { address: reached, ..one_each() }, true).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, house.address.port()));
    assert_eq!(ask(address, "GET", "/v1/models", "").await.0, 401);
    let open = House::fake_with(options(), true).await;
    let foreign = |host: &str| format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = crate::client::raw(open.address, foreign("evil.example").as_bytes()).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (421, Some("host_not_allowed")));
    assert_eq!(crate::client::raw(open.address, foreign("localhost:1").as_bytes()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_of_listed_origins_read_answers() {
    let allowed_origins = vec!["https://cameras.example".to_owned()];
    let house = House::fake_with(ServerOptions { allowed_origins, ..one_each() }, true).await;
    let before = "access-control-request-method: POST\r\n";
    let (status, head) =
        ask(house.address, "OPTIONS", "/v1/detect", &format!("origin: https://cameras.example\r\n{before}")).await;
    assert_eq!(status, 204, "{head}");
    assert!(
        head.contains("access-control-allow-origin: https://cameras.example") && head.contains("authorization"),
        "{head}"
    );
    let (status, head) =
        ask(house.address, "OPTIONS", "/v1/detect", &format!("origin: https://evil.example\r\n{before}")).await;
    assert!(status >= 400 && !head.contains("access-control"), "{head}");
    let (_, head) = ask(house.address, "GET", "/health/live", "origin: https://cameras.example\r\n").await;
    assert!(head.contains("access-control-allow-origin: https://cameras.example"), "{head}");
    let (_, head) = ask(house.address, "GET", "/health/live", "").await;
    assert!(!head.contains("access-control"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_names_its_request() {
    let house = House::fake_with(options(), true).await;
    let (_, head) = ask(house.address, "GET", "/nothing", "x-request-id: abc-1\r\n").await;
    assert!(head.contains("x-request-id: abc-1\r\n"), "{head}");
    let bad = ask(house.address, "GET", "/v1/models", "x-request-id: a b\r\n").await.1;
    let new = bad.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().to_owned();
    assert!(!new.contains(' ') && new.len() > 16, "{new}");
    assert!(post(house.address, "/v1/detect", b"x").await.header("x-request-id").is_some_and(|id| id != new));
}
