//! Recordings that are sent by the worst of clients: forms that are none, bodies that end too early, too late or never, answers that nobody
//! takes. Each is told by its code or cut, and leaves neither a place nor a file behind.

use crate::client::{Answer, PATIENCE, post_with, raw, read_to_end};
use crate::house::{House, options};
use crate::speech_house::{begun, call, call_truth, form, hearing, long_call, wav, wav_head, word_errors};
use crate::street::ffmpeg;
use samovar_server::{AudioUploadLimits, ServerLimits, ServerOptions};
use samovar_service::speech::SpeechSettings;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";
const ASR: &str = "/asr/transcribe";
const ANALYZE: &str = "/api/analyze";
const SHORT: Duration = Duration::from_millis(300);
const EDGE: &str = "content-type: multipart/form-data; boundary=edge\r\n";
const FILE: &[u8] = b"form-data; name=\"file\"; filename=\"call.mp3\"";

/// One recording on its way in at a time, and one that is heard; little patience.
fn narrow() -> ServerOptions {
    let audio = AudioUploadLimits { uploads_max: 1, ..AudioUploadLimits::default() };
    let limits = ServerLimits {
        audio,
        body_idle_time: SHORT,
        write_stall_time: SHORT,
        socket_send_bytes: 4 << 10,
        ..ServerLimits::default()
    };
    let speech = SpeechSettings { recordings_max: 1, ffmpeg: ffmpeg(), ..SpeechSettings::default() };
    ServerOptions { limits, speech, ..options() }
}

/// The stable code, in whichever form the route tells it.
fn code(answer: &Answer) -> String {
    let told = answer.json();
    let code = told["error"]["code"].as_str().or(told["code"].as_str());
    code.unwrap_or_else(|| panic!("no code: {told}")).to_owned()
}

fn part(disposition: &[u8], content: &[u8]) -> Vec<u8> {
    [b"--edge\r\ncontent-disposition: ", disposition, b"\r\n\r\n", content, b"\r\n"].concat()
}

fn whole(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--edge--\r\n"].concat()
}

fn named(name: &[u8]) -> Vec<u8> {
    [b"form-data; name=\"", name, b"\""].concat()
}

/// Temporary files that this process has open; they have no names, so that is where they are seen.
fn temporary_files() -> usize {
    let folder = std::env::temp_dir();
    let descriptors =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.unwrap().path().read_link().ok());
    descriptors.filter(|path| path.starts_with(&folder) && path.to_string_lossy().ends_with("(deleted)")).count()
}

/// Everything that a request takes is given back: the places, the files.
async fn all_is_given_back(house: &House) {
    let (head, body) = form(&[], Some(&call()));
    let free = timeout(PATIENCE, async {
        while post_with(house.address, TRANSCRIPTIONS, &head, &body).await.status != 200 {
            sleep(Duration::from_millis(20)).await;
        }
        while temporary_files() > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    });
    free.await.expect("places and files are given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_none_are_told_by_their_code() {
    let house = hearing(narrow()).await;
    let (flac, one) = (call(), part(FILE, &call()));
    let bodies: [(&str, Vec<u8>, u16, &str); 13] = [
        ("nothing", Vec::new(), 400, "invalid_body"),
        ("no part", whole(&[]), 400, "invalid_body"),
        ("no end", one.clone(), 400, "invalid_body"),
        ("cut within the recording", whole(&[part(FILE, &long_call(4))])[..3 << 20].to_vec(), 400, "invalid_body"),
        ("twice", whole(&[one.clone(), one.clone()]), 400, "invalid_body"),
        ("no recording", whole(&[part(&named(b"files"), &flac)]), 400, "invalid_body"),
        ("thousands of unknown parts", whole(&vec![part(&named(b"x"), b""); 5_000]), 400, "invalid_body"),
        ("a long name", whole(&[part(&named(&[b'a'; 100 << 10]), b""), one.clone()]), 400, "invalid_body"),
        ("a name without an end", whole(&[part(&named(&vec![b'a'; 2 << 20]), b"")]), 413, "body_too_large"),
        ("a NUL in a name", whole(&[part(&named(b"fi\0le"), &flac)]), 400, "invalid_body"),
        ("a name of no language", whole(&[part(&named(b"\xff\xfe"), &flac)]), 400, "invalid_body"),
        ("no name", whole(&[part(b"form-data", &flac)]), 400, "invalid_body"),
        ("no disposition", whole(&[[b"--edge\r\n\r\n", &flac[..], b"\r\n"].concat()]), 400, "invalid_body"),
    ];
    for path in [TRANSCRIPTIONS, ANALYZE, ASR] {
        for (name, body, status, expected) in &bodies {
            let answer = post_with(house.address, path, EDGE, body).await;
            assert_eq!((answer.status, &*code(&answer)), (*status, *expected), "{path}: {name}");
            assert!(answer.body.len() < 2_000, "{path}: {name}: what was sent is not told back");
        }
        let answer =
            post_with(house.address, path, "content-type: multipart/form-data\r\n", &whole(std::slice::from_ref(&one)))
                .await;
        assert_eq!((answer.status, &*code(&answer)), (400, "invalid_body"), "{path}: no boundary");
    }
    let keywords = whole(&[vec![part(&named(b"keywords[]"), b""); 20_000], vec![one.clone()]].concat());
    let prompts = whole(&[part(&named(b"prompt"), &[b'a'; 100 << 10]), one.clone()]);
    let bytes = whole(&[part(&named(b"prompt"), b"\xff\xfe"), one.clone()]);
    for (name, body, status, expected) in [
        ("thousands of parts", keywords, 413, "body_too_large"),
        ("a long text", prompts, 400, "invalid_body"),
        ("a text of no language", bytes, 400, "invalid_body"),
    ] {
        let answer = post_with(house.address, TRANSCRIPTIONS, EDGE, &body).await;
        assert_eq!((answer.status, &*code(&answer)), (status, expected), "{name}");
    }
    // The order of parts plays no role; a field that comes twice holds as it was said last.
    let [text, json] = ["text", "json"].map(|format| part(&named(b"response_format"), format.as_bytes()));
    for parts in [[json.clone(), text.clone(), one.clone()], [one.clone(), json, text]] {
        let answer = post_with(house.address, TRANSCRIPTIONS, EDGE, &whole(&parts)).await;
        assert_eq!((answer.status, answer.text().trim()), (200, call_truth()["text"].as_str().unwrap()));
    }
    all_is_given_back(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_that_are_none_are_told_by_their_code() {
    let house = hearing(narrow()).await;
    if ffmpeg().is_none() {
        return;
    }
    let text = b"no recording at all, but a text of some length".repeat(30);
    let page = b"<!doctype html><html><body>no recording</body></html>".repeat(30_000);
    for path in [TRANSCRIPTIONS, ANALYZE, ASR] {
        for (name, recording, status, expected) in [
            ("nothing", &b""[..], 422, "audio_empty"),
            ("4 GB of nothing", &wav_head(16_000, 1, u32::MAX), 422, "audio_empty"),
            ("a text", &text, 415, "audio_unsupported"),
            ("a page of 1.5 MB", &page, 415, "audio_unsupported"),
        ] {
            let answer = post_with(house.address, path, EDGE, &whole(&[part(FILE, recording)])).await;
            assert_eq!((answer.status, &*code(&answer)), (status, expected), "{path}: {name}");
        }
    }
    let claims = [&wav_head(16_000, 1, u32::MAX - 1)[..], &wav(16_000, 1, &crate::speech_house::call_samples())[44..]];
    let answer =
        post_with(house.address, "/api/analyze?language=en", EDGE, &whole(&[part(FILE, &claims.concat())])).await;
    let told = answer.json();
    assert_eq!((answer.status, told["degraded"][0]["part"].as_str()), (200, Some("audio")), "{told}");
    let heard = told["transcript"]["text"].as_str().unwrap();
    assert!(word_errors(heard, call_truth()["text"].as_str().unwrap()) <= 0.05, "{heard}");
    all_is_given_back(&house).await;
}

/// A request whose body is said to have so many bytes.
fn request(path: &str, declared: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\n{EDGE}content-length: {declared}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_length_than_it_says_holds_nobody_up() {
    let house = hearing(narrow()).await;
    for path in [TRANSCRIPTIONS, ANALYZE] {
        let body = whole(&[part(FILE, &call())]);
        // What comes behind it is no request.
        let longer = raw(house.address, &request(path, body.len(), &[&body[..], b"and so on\r\n\r\n"].concat())).await;
        assert_eq!(longer.status, 200, "{path}");
        let cut = raw(house.address, &request(path, body.len() - 100, &body)).await;
        assert_eq!(cut.status, 400, "{path}");
        // The client waits for an answer, the server for the rest.
        let shorter = raw(house.address, &request(path, body.len(), &body[..body.len() - 100])).await;
        assert_eq!((shorter.status, &*code(&shorter)), (408, "body_too_slow"), "{path}");
        let mut gone = TcpStream::connect(house.address).await.unwrap();
        gone.write_all(&request(path, 8 << 20, &whole(&[part(FILE, &long_call(3))])[..(2 << 20)])).await.unwrap();
        drop(gone);
        all_is_given_back(&house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_dribbles_is_cut_and_frees_its_place() {
    let house = hearing(narrow()).await;
    let (head, good) = form(&[], Some(&call()));
    for (path, begin) in [
        (TRANSCRIPTIONS, part(FILE, &call())),
        (ANALYZE, part(FILE, &long_call(4)[..2 << 20])),
        (TRANSCRIPTIONS, part(&named(b"prompt"), b"a")),
        (ANALYZE, b"before the first part".to_vec()),
    ] {
        let takes_place = begin.len() > 1_000;
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        // Without the line end, so that it goes on within the part.
        socket.write_all(&request(path, 8 << 20, &begin[..begin.len() - 2])).await.unwrap();
        let (mut read, mut write) = socket.into_split();
        let dribbling = tokio::spawn(async move {
            while write.write_all(b"a").await.is_ok() {
                sleep(SHORT / 10).await;
            }
            write
        });
        if takes_place {
            let refused = timeout(PATIENCE, async {
                loop {
                    let answer = post_with(house.address, TRANSCRIPTIONS, &head, &good).await;
                    if answer.status != 200 {
                        return answer;
                    }
                }
            });
            let refused = refused.await.expect("it has the only place");
            assert_eq!((refused.status, &*code(&refused)), (503, "too_many_uploads"), "{path}");
        }
        let mut told = Vec::new();
        drop(timeout(PATIENCE, tokio::io::AsyncReadExt::read_to_end(&mut read, &mut told)).await.expect("it is cut"));
        let told = String::from_utf8_lossy(&told);
        assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("body_too_slow"), "{path}: {told}");
        dribbling.abort();
        all_is_given_back(&house).await;
    }
}

/// A connection that keeps little of what it does not read.
async fn small(house: &House) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(house.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_events_that_stops_is_cut_and_frees_its_place() {
    let house = hearing(narrow()).await;
    let fields = [
        ("stream", "true"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("include[]", "logprobs"),
    ];
    let body = form(&fields, Some(&long_call(9))).1;
    let mut socket = small(&house).await;
    socket.write_all(&request(TRANSCRIPTIONS, body.len(), &body)).await.unwrap();
    house
        .until("samovar_speech_requests_total{surface=\"transcriptions\",outcome=\"left\"}", |count| count == 1.0)
        .await;
    assert_eq!(house.metric("samovar_connections_cut_total").await, 1.0);
    all_is_given_back(&house).await;
    // The same client that only looks away for a while gets all of it.
    let read = read_to_end(&mut socket).await;
    assert!(!String::from_utf8_lossy(&read).contains("transcript.text.done"), "it was cut");
}

/// So many steps the decoder has made.
async fn steps(house: &House) -> f64 {
    house.metric("samovar_speech_decoder_steps_total{model=\"whisper\"}").await
}

/// A recording of five minutes and more is work of the class of jobs; it ends with its client all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_recording_ends_with_its_client() {
    let house = hearing(narrow()).await;
    let before = steps(&house).await;
    all_is_given_back(&house).await;
    let (one, long) = (steps(&house).await - before, long_call(11));
    let job_rows = "samovar_rows_total{class=\"job\"}";
    for path in [TRANSCRIPTIONS, ASR, ANALYZE] {
        let (before, rows) = (steps(&house).await, house.metric(job_rows).await);
        let socket = begun(&house, path, &[], &long).await;
        house.until("samovar_speech_decoder_steps_total{model=\"whisper\"}", |now| now > before).await;
        house.until(job_rows, |now| now > rows).await;
        drop(socket);
        house.until("samovar_speech_recordings{state=\"heard\"}", |heard| heard == 0.0).await;
        let after = steps(&house).await;
        assert!(after < before + 5.0 * one, "{path}: it had eleven windows");
        all_is_given_back(&house).await;
        // A step that ran when it left, and the one in which that is noticed.
        let alone = steps(&house).await - after;
        assert!((one..=one + 3.0).contains(&alone), "{path}: {alone}, where {one} are its own");
    }
}

/// A connection from an address of this machine: without keys each address is a client.
async fn from(client: u8, house: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, client], 0))).unwrap();
    socket.connect(house).await.unwrap()
}

/// The answer to a recording from that client, to its end.
async fn told(client: u8, house: SocketAddr, path: &str, recording: &[u8]) -> String {
    let mut socket = from(client, house).await;
    let length = recording.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    socket.write_all(&[head.as_bytes(), recording].concat()).await.unwrap();
    String::from_utf8_lossy(&read_to_end(&mut socket).await).into_owned()
}

/// A client that has many recordings waits for one that has few, on either route.
#[tokio::test(flavor = "multi_thread")]
async fn recordings_that_wait_take_turns_between_clients() {
    let speech = SpeechSettings { recordings_max: 1, ..SpeechSettings::default() };
    let house = hearing(ServerOptions { speech, ..options() }).await;
    // It has the place as long as this test wants it to.
    let (mut first, long) = (from(2, house.address).await, long_call(20));
    let head = format!("POST {ASR} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", long.len());
    first.write_all(&[head.as_bytes(), &long].concat()).await.unwrap();
    house.until("samovar_speech_recordings{state=\"heard\"}", |heard| heard == 1.0).await;
    let book: Arc<Mutex<Vec<u8>>> = Arc::default();
    let mut waiting = Vec::new();
    for (number, client) in [2, 2, 2, 2, 3, 3, 4].into_iter().enumerate() {
        let (book, address) = (Arc::clone(&book), house.address);
        let path = if number % 2 == 0 { ASR } else { ANALYZE };
        waiting.push(tokio::spawn(async move {
            let told = told(client, address, path, &call()).await;
            assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
            book.lock().unwrap().push(client);
        }));
        house.until("samovar_speech_recordings{state=\"waiting\"}", |all| all == number as f64 + 1.0).await;
    }
    drop(first);
    for one in waiting {
        one.await.unwrap();
    }
    assert_eq!(*book.lock().unwrap(), [2, 3, 4, 2, 3, 2, 2]);
}
