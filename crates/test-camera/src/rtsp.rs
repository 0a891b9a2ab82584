//! An RTSP camera: enough of RFC 2326 for a client that asks for one video track over TCP.

use crate::base64;
use crate::footage::{Footage, PPS, SPS};
use crate::house::{House, Mode, Switch, TICK, garbage, lock};
use crate::http::{Request, header};
use crate::rtp::{CLOCK_HZ, PAYLOAD_TYPE, Packetiser};
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A camera at `rtsp://127.0.0.1:…/stream`. Every client gets the footage from its beginning, over and over. Its threads end
/// when it is dropped.
#[derive(Debug)]
pub struct RtspCamera {
    house: House,
    scene: Arc<Scene>,
}

#[derive(Debug)]
struct Scene {
    footage: Mutex<Arc<Footage>>,
    /// What the client must say, in base64; anybody may watch where none.
    credentials: Option<String>,
}

impl RtspCamera {
    /// Starts a camera that anybody may watch.
    ///
    /// # Errors
    /// Where no port can be had.
    pub fn start(footage: Footage) -> io::Result<Self> {
        Self::open(footage, None)
    }

    /// Starts a camera that asks for a name and a password.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_locked(footage: Footage, name: &str, password: &str) -> io::Result<Self> {
        Self::open(footage, Some(base64::encode(format!("{name}:{password}").as_bytes())))
    }

    fn open(footage: Footage, credentials: Option<String>) -> io::Result<Self> {
        let scene = Arc::new(Scene { footage: Mutex::new(Arc::new(footage)), credentials });
        let inside = Arc::clone(&scene);
        let house = House::open(move |stream, switch| {
            // A client that goes away is no failure of the camera.
            let _ = converse(stream, switch, &inside);
        })?;
        Ok(Self { house, scene })
    }

    /// Its address, without credentials.
    pub fn url(&self) -> String {
        format!("rtsp://{}/stream", self.house.address)
    }

    /// Its address with credentials.
    pub fn url_with(&self, name: &str, password: &str) -> String {
        format!("rtsp://{name}:{password}@{}/stream", self.house.address)
    }

    /// Makes it drop, stall, send garbage.
    pub fn switch(&self) -> &Switch {
        &self.house.switch
    }

    /// Shows something else from the next picture on, to those who watch too: a change of size in the middle of a stream.
    pub fn show(&self, footage: Footage) {
        *lock(&self.scene.footage) = Arc::new(footage);
    }
}

/// Answers one client's requests; pictures go out from a thread of their own.
fn converse(stream: TcpStream, switch: &Switch, scene: &Arc<Scene>) -> io::Result<()> {
    let writer = Arc::new(Mutex::new(stream.try_clone()?));
    let goes_on = Arc::new(AtomicBool::new(true));
    let mut reader = BufReader::new(stream);
    let mut player = None;
    while let Some(request) = Request::read(&mut reader)? {
        let sequence = request.header("cseq").unwrap_or("0").to_owned();
        let answer = answer(&request, scene);
        write!(
            lock(&writer),
            "RTSP/1.0 {}\r\nCSeq: {sequence}\r\n{}\r\n{}",
            answer.status,
            answer.headers,
            answer.body
        )?;
        match request.method.as_str() {
            "TEARDOWN" => break,
            "PLAY" if player.is_none() => {
                let (writer, switch) = (Arc::clone(&writer), switch.clone());
                let (scene, goes_on) = (Arc::clone(scene), Arc::clone(&goes_on));
                let play = move || drop(play(&writer, &switch, &scene, &goes_on));
                player = Some(std::thread::Builder::new().name("test-camera-player".into()).spawn(play)?);
            }
            _ => {}
        }
    }
    goes_on.store(false, Ordering::SeqCst);
    player.map(std::thread::JoinHandle::join);
    Ok(())
}

struct Answer {
    status: &'static str,
    headers: String,
    body: String,
}

fn answer(request: &Request, scene: &Scene) -> Answer {
    let said = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    if scene.credentials.is_some() && said != scene.credentials.as_deref() && request.method != "OPTIONS" {
        let headers = header("WWW-Authenticate", "Basic realm=\"camera\"");
        return Answer { status: "401 Unauthorized", headers, body: String::new() };
    }
    let (headers, body) = match request.method.as_str() {
        "OPTIONS" => (header("Public", "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"), String::new()),
        "DESCRIBE" => describe(&lock(&scene.footage)),
        "SETUP" => {
            let transport = header("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
            (transport + &header("Session", "12345678;timeout=60"), String::new())
        }
        _ => (header("Session", "12345678"), String::new()),
    };
    Answer { status: "200 OK", headers, body }
}

fn describe(footage: &Footage) -> (String, String) {
    let sets = [SPS, PPS].map(|kind| base64::encode(footage.parameter_set(kind))).join(",");
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP {PAYLOAD_TYPE}\r\n\
         a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}\r\na=fmtp:{PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={sets}\r\n\
         a=control:track1\r\n"
    );
    (header("Content-Type", "application/sdp") + &header("Content-Length", &body.len().to_string()), body)
}

/// Sends pictures at their pace until somebody ends it.
fn play(writer: &Mutex<TcpStream>, switch: &Switch, scene: &Scene, goes_on: &AtomicBool) -> io::Result<()> {
    let mut packetiser = Packetiser::new();
    let mut footage = Arc::clone(&lock(&scene.footage));
    let (mut index, mut timestamp, mut due) = (0, 123_456_u32, Instant::now());
    while goes_on.load(Ordering::SeqCst) && !switch.is_over() {
        let newest = Arc::clone(&lock(&scene.footage));
        if !Arc::ptr_eq(&newest, &footage) {
            (footage, index) = (newest, 0);
        }
        let unit = &footage.units[index % footage.units.len()];
        let bytes = match switch.mode() {
            Mode::Normal => packetiser.access_unit(unit, timestamp),
            Mode::Stall => Vec::new(),
            Mode::GarbagePictures => {
                let nals: Vec<_> = unit.iter().map(|nal| spoil(nal, u64::from(timestamp))).collect();
                packetiser.access_unit(&nals, timestamp)
            }
            Mode::GarbageProtocol => garbage(u64::from(timestamp), 4_000),
        };
        if !bytes.is_empty() {
            lock(writer).write_all(&bytes)?;
            switch.count_sent();
        }
        index += 1;
        timestamp = timestamp.wrapping_add(CLOCK_HZ / footage.rate);
        due += Duration::from_secs(1) / footage.rate;
        while Instant::now() < due && goes_on.load(Ordering::SeqCst) {
            std::thread::sleep(TICK.min(due.saturating_duration_since(Instant::now())));
        }
    }
    Ok(())
}

/// A NAL unit of the same kind and length with garbage behind its head.
fn spoil(nal: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = garbage(seed, nal.len());
    if let (Some(first), Some(head)) = (bytes.first_mut(), nal.first()) {
        *first = *head;
    }
    bytes
}
