//! A server on this machine that speaks the Hub's protocol, and a store behind it on another port; both do wrong when told to.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The commit that files are of unless they say otherwise.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file of a repository.
#[derive(Clone)]
pub struct ServedFile {
    pub content: Vec<u8>,
    pub etag: String,
    pub commit: String,
    /// Large files lie in the store.
    pub is_large: bool,
    /// What is said of its size, true or not.
    pub declared_bytes: u64,
    /// Whether a token is asked for.
    pub is_gated: bool,
}

/// What goes wrong with the next answer that has a content, in the order of the queue.
#[derive(Clone, Debug)]
pub enum Wrong {
    /// The connection ends after so many bytes of the content.
    Drop(usize),
    /// Nothing comes after so many bytes.
    Stall(usize),
    /// All of it is sent, whatever part was asked for.
    Whole,
    /// Another part is sent than was asked for.
    OtherPart,
    /// A bit of it is turned.
    Turned,
    /// More is sent than was said.
    TooMuch,
    /// Only this, with a further header.
    Status(u16, &'static str),
    /// Right, but only after the Hub was asked about files so often.
    AfterHeads(usize),
}

/// One request that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    pub is_store: bool,
    pub method: String,
    pub headers: BTreeMap<String, String>,
    /// Bytes of content that were sent.
    pub served_bytes: usize,
}

/// Both servers.
pub struct HubServer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    hub: SocketAddr,
    store: SocketAddr,
    files: Mutex<BTreeMap<String, ServedFile>>,
    wrong: Mutex<VecDeque<Wrong>>,
    wrong_heads: Mutex<VecDeque<(u16, &'static str)>>,
    seen: Mutex<Vec<Seen>>,
    ends: AtomicBool,
}

/// Nothing that a test waits for takes so long.
const LIMIT: Duration = Duration::from_secs(10);

impl ServedFile {
    /// A file in the store, named by its sha256 as the Hub does.
    pub fn large(content: Vec<u8>) -> Self {
        let etag = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            etag,
            is_large: true,
            declared_bytes: content.len() as u64,
            is_gated: false,
            commit: COMMIT.into(),
            content,
        }
    }

    /// A file that the Hub gives itself.
    pub fn small(content: Vec<u8>, etag: &str) -> Self {
        Self { etag: etag.to_owned(), is_large: false, ..Self::large(content) }
    }
}

impl HubServer {
    pub fn start() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (hub, store) = (listen(), listen());
        let shared = Arc::new(Shared {
            hub: hub.local_addr().unwrap(),
            store: store.local_addr().unwrap(),
            files: Mutex::default(),
            wrong: Mutex::default(),
            wrong_heads: Mutex::default(),
            seen: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let accept = |listener: TcpListener, is_store: bool| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, &shared, is_store))
        };
        let threads = vec![accept(hub, false), accept(store, true)];
        Self { shared, threads }
    }

    /// What `HF_ENDPOINT` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.hub)
    }

    /// Puts a file at `ORG/NAME/REVISION/PATH`.
    pub fn put(&self, place: &str, file: ServedFile) {
        self.shared.files.lock().unwrap().insert(place.to_owned(), file);
    }

    /// What goes wrong next.
    pub fn wrong(&self, wrong: impl IntoIterator<Item = Wrong>) {
        self.shared.wrong.lock().unwrap().extend(wrong);
    }

    /// What the Hub says next when asked about a file: a status, and a further header.
    pub fn wrong_heads(&self, wrong: impl IntoIterator<Item = (u16, &'static str)>) {
        self.shared.wrong_heads.lock().unwrap().extend(wrong);
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Requests for contents so far.
    pub fn gets(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.method == "GET").collect()
    }

    /// Bytes of contents that were sent.
    pub fn served_bytes(&self) -> usize {
        self.seen().iter().map(|seen| seen.served_bytes).sum()
    }

    /// Waits until so much was sent.
    pub fn wait_for_bytes(&self, bytes: usize) {
        let begin = Instant::now();
        while self.served_bytes() < bytes {
            assert!(begin.elapsed() < LIMIT, "{} of {bytes} bytes were sent", self.served_bytes());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
        for address in [self.shared.hub, self.shared.store] {
            // Wakes the listener.
            drop(TcpStream::connect(address));
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, is_store: bool) {
    for stream in listener.incoming() {
        if shared.ends.load(Ordering::Acquire) {
            return;
        }
        let (stream, shared) = (stream.unwrap(), Arc::clone(shared));
        std::thread::spawn(move || {
            // A client that goes away is what some tests are about.
            let _ = answer(&stream, &shared, is_store);
        });
    }
}

fn answer(mut stream: &TcpStream, shared: &Shared, is_store: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let index = {
        let mut seen = shared.seen.lock().unwrap();
        seen.push(Seen { is_store, method: method.clone(), headers: headers.clone(), served_bytes: 0 });
        seen.len() - 1
    };
    if path.starts_with("/api/models/") {
        return stream.write_all(&list(shared, &path));
    }
    let place = path.trim_start_matches('/').replace("/resolve/", "/");
    let file = shared.files.lock().unwrap().get(&place).cloned();
    let head = method == "HEAD";
    let wrong_head = if head { shared.wrong_heads.lock().unwrap().pop_front() } else { None };
    match (file, wrong_head) {
        (_, Some((status, more))) => stream.write_all(status_only(status, more).as_bytes()),
        (None, None) => stream.write_all(status_only(404, "X-Error-Code: EntryNotFound").as_bytes()),
        (Some(file), None) if file.is_gated && !is_store && !headers.contains_key("authorization") => {
            stream.write_all(status_only(401, "X-Error-Code: GatedRepo").as_bytes())
        }
        (Some(file), None) if file.is_large && !is_store => {
            let location = format!("http://{}/{place}", shared.store);
            let (etag, size, commit) = (&file.etag, file.declared_bytes, &file.commit);
            let more = format!(
                "Location: {location}\r\nX-Linked-Etag: \"{etag}\"\r\nX-Linked-Size: {size}\r\nX-Repo-Commit: {commit}"
            );
            stream.write_all(status_only(302, &more).as_bytes())
        }
        (Some(file), None) if head => {
            let (etag, size, commit) = (&file.etag, file.declared_bytes, &file.commit);
            let text = format!(
                "HTTP/1.1 200 OK\r\nETag: \"{etag}\"\r\nContent-Length: {size}\r\nX-Repo-Commit: {commit}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(text.as_bytes())
        }
        (Some(file), None) => content(stream, shared, &file, headers.get("range"), index),
    }
}

fn content(
    mut stream: &TcpStream,
    shared: &Shared,
    file: &ServedFile,
    range: Option<&String>,
    index: usize,
) -> std::io::Result<()> {
    let wrong = shared.wrong.lock().unwrap().pop_front();
    if let Some(Wrong::Status(status, more)) = wrong {
        return stream.write_all(status_only(status, more).as_bytes());
    }
    if let Some(Wrong::AfterHeads(count)) = wrong {
        let heads = || shared.seen.lock().unwrap().iter().filter(|seen| seen.method == "HEAD").count();
        let begin = Instant::now();
        while heads() < count && begin.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let size = file.content.len();
    let asked = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let first = match wrong {
        Some(Wrong::Whole) => None,
        Some(Wrong::OtherPart) => asked.map(|first| first + 1),
        _ => asked,
    };
    if first.is_some_and(|first| first >= size) {
        return stream.write_all(status_only(416, &format!("Content-Range: bytes */{size}")).as_bytes());
    }
    let mut body = file.content[first.unwrap_or(0)..].to_vec();
    if let Some(Wrong::Turned) = wrong {
        body[0] ^= 1;
    }
    let declared = if let Some(Wrong::TooMuch) = wrong { body.len() + 1_000 } else { body.len() };
    body.resize(declared, 0);
    let part = first.map(|first| format!("Content-Range: bytes {first}-{}/{size}\r\n", size - 1)).unwrap_or_default();
    let status = if first.is_some() { "206 Partial Content" } else { "200 OK" };
    // The store's own tag is another one than the Hub's, as in life.
    let etag = if file.is_large { "store" } else { &file.etag };
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"{etag}\"\r\n{part}Content-Length: {declared}\r\nConnection: close\r\n\r\n"
    );
    let served = match wrong {
        Some(Wrong::Drop(count) | Wrong::Stall(count)) => count.min(body.len()),
        _ => body.len(),
    };
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body[..served])?;
    shared.seen.lock().unwrap()[index].served_bytes = served;
    if let Some(Wrong::Stall(_)) = wrong {
        // Ends when the client hangs up.
        let _ = stream.read(&mut [0]);
    }
    Ok(())
}

fn list(shared: &Shared, path: &str) -> Vec<u8> {
    let place = path.trim_start_matches("/api/models/").replace("/revision/", "/");
    let files = shared.files.lock().unwrap();
    let names = files.keys().filter_map(|name| name.strip_prefix(&format!("{place}/")));
    let siblings: Vec<String> = names.map(|name| format!("{{\"rfilename\":\"{name}\"}}")).collect();
    if siblings.is_empty() {
        return status_only(404, "X-Error-Code: RepoNotFound").into_bytes();
    }
    let body = format!("{{\"id\":\"x\",\"siblings\":[{}]}}", siblings.join(","));
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

fn status_only(status: u16, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!("{more}\r\n") };
    format!("HTTP/1.1 {status} Said\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n")
}
