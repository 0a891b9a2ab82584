//! HTTP/2, spoken by hand: floods end the connection.

use crate::client::{PATIENCE, get};
use crate::house::House;
use samovar_server::ServerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// `GET /` over http of authority `a`, in HPACK's static table.
const GET_ROOT: &[u8] = &[0x82, 0x84, 0x86, 0x41, 0x01, b'a'];

async fn connect(house: &House) -> TcpStream {
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    socket.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    socket
}

/// Reads frames until the server goes away; its error code. None where it just closes.
async fn go_away(socket: &mut TcpStream) -> Option<u32> {
    loop {
        let (kind, payload) = next(socket).await?;
        if kind == GO_AWAY {
            return Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
}

async fn next(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    timeout(PATIENCE, socket.read_exact(&mut head)).await.expect("the server sends or closes").ok()?;
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    timeout(PATIENCE, socket.read_exact(&mut payload)).await.expect("the server sends or closes").ok()?;
    Some((head[3], payload))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = connect(&house).await;
    socket.write_all(&frame(HEADERS, 0x5, 1, GET_ROOT)).await.unwrap();
    while next(&mut socket).await.expect("an answer").0 != HEADERS {}
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_end_the_connection() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = connect(&house).await;
    let mut sent = 0;
    for number in 0..5_000_u32 {
        let stream = 2 * number + 1;
        let pair = [frame(HEADERS, 0x5, stream, GET_ROOT), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
        if socket.write_all(&pair).await.is_err() {
            break;
        }
        sent += 1;
    }
    let code = go_away(&mut socket).await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
    println!("{sent} resets were sent; the server answered {code:?}");
    assert_eq!(get(house.address, "/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_without_end_end_the_connection() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = connect(&house).await;
    socket.write_all(&frame(HEADERS, 0x1, 1, GET_ROOT)).await.unwrap();
    // One literal field of 16,384 bytes without indexing, as often as it takes.
    let field = [&[0x00, 0x01, b'x', 0x7f, 0xfb, 0x7e][..], &[b'y'; 16_378]].concat();
    for _ in 0..1_000 {
        if socket.write_all(&frame(CONTINUATION, 0, 1, &field)).await.is_err() {
            break;
        }
    }
    let code = go_away(&mut socket).await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
    println!("the server answered {code:?}");
    assert_eq!(get(house.address, "/health/live").await.status, 200);
}
