//! Live calls as a client has them: sound goes in, events come out.

use crate::house::House;
use crate::socket::Socket;
use serde_json::Value;
use std::net::SocketAddr;

/// The call as 16-bit samples at this rate, by repeating samples or leaving some out: 16,000 Hz as it is, 8,000 and 48,000 roughly.
pub(crate) fn pcm16(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes()).collect()
}

/// Opens a call; its first event, `ready`, comes with it.
pub(crate) async fn open(house: &House, query: &str) -> (Socket, Value) {
    open_at(house.address, query).await
}

pub(crate) async fn open_at(address: SocketAddr, query: &str) -> (Socket, Value) {
    let mut socket = Socket::open_at(address, &format!("/v1/streams/call{query}")).await;
    let ready = socket.event().await;
    assert_eq!(ready["type"], "ready", "{ready}");
    (socket, ready)
}

/// All events to the last one, `ended`; then the server closes with 1000.
pub(crate) async fn rest(socket: &mut Socket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = socket.event().await;
        let is_last = event["type"] == "ended";
        events.push(event);
        if is_last {
            assert_eq!(socket.close_code().await, 1000);
            return events;
        }
    }
}

/// Sends sound in chunks of these sizes, over and over, then says that it is all.
pub(crate) async fn send(socket: &mut Socket, sound: &[u8], sizes: &[usize]) {
    let mut rest = sound;
    for &size in sizes.iter().cycle() {
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        socket.frame(chunk.to_vec()).await;
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    socket.say(r#"{"type":"end"}"#).await;
}

/// Those of a kind.
pub(crate) fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// All that was said.
pub(crate) fn said(events: &[Value]) -> String {
    of(events, "final").iter().map(|event| event["text"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}
