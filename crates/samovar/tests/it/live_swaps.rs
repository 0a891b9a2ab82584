//! A model that is swapped under many live streams: forth and back, then for a damaged file.

use crate::live::{Live, asked, metric, not_started, post, wait_until};
use crate::running::Running;
use crate::support::street;
use samovar_media::{Frame, FramePool, ImageEncoding, PixelFormat, encode_image};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const STREAMS: usize = 20;
/// Every second one goes back.
const SWAPS: u64 = 20;
/// Between a frame's answer and the next frame: a slow camera, so that the streams leave the machine time for the swaps.
const PAUSE: Duration = Duration::from_millis(200);
/// How long memory may take to come back.
const REST_MAX: Duration = Duration::from_secs(10);

#[test]
fn no_frame_is_lost_by_swaps_or_by_a_damaged_version() {
    let folder = versions();
    let keys = format!("path = {:?}\nversions = 1", folder.path().display().to_string());
    let mut server = Running::models(&[("seg", keys)]);
    server.wait_for("ready: 1 of 1");
    let picture = picture();
    // Of the first load: a later one may find its room in what the process has already.
    let copy = server.model("seg")["serving"]["memory_bytes"].as_u64().unwrap();
    let masks = [1, 2].map(|version| mask_of(&server, version, &picture));
    assert_ne!(masks[0], masks[1], "the versions cannot be told apart by this picture");
    let first = swap(&server, 1);
    let streams: Vec<_> = (0..STREAMS).map(|_| Progress::default()).collect();
    let stop = Stop(AtomicBool::new(false));
    std::thread::scope(|scope| {
        // Whatever fails here, the streams end, and then the test.
        let guard = &stop;
        let play = |progress| Player { picture: &picture, masks: &masks, progress, stop: guard }.play(&server.address);
        let threads: Vec<_> = streams.iter().map(|progress| scope.spawn(move || play(progress))).collect();
        let ended = StopAtEnd(guard);
        all_saw(&streams, first, 5);
        let before = resident_bytes(&server);
        let last = swap_forth_and_back(&server, &streams, first);
        memory_comes_back(&server, before, copy.min(weights(folder.path())));
        damaged_changes_nothing(&server, &streams, (&folder, last));
        drop(ended);
        let told: Vec<Told> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let sum = |what: fn(&Told) -> u64| told.iter().map(what).sum::<u64>();
        let (frames, dropped) = (sum(|told| told.frames), sum(|told| told.dropped));
        println!("{frames} frames, {dropped} dropped, on {STREAMS} streams, generations {first} to {last}");
        // A frame that has waited for a second, on a machine that is that busy, is dropped; there is no other reason here.
        assert_eq!((dropped, 0), not_started(&server));
    });
    server.end();
}

/// A folder of versions: A as 1, B as 2.
fn versions() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (version, size) in [(1, "accurate"), (2, "balanced")] {
        let model = street().model.with_file_name(format!("starter-segment-{size}.onnx"));
        put(folder.path(), version, &std::fs::read(model).unwrap());
    }
    folder
}

/// Lays a version down in place of what is there, as a careful person does: beside it, then renamed.
fn put(folder: &Path, version: u64, content: &[u8]) {
    let place = folder.join(version.to_string());
    std::fs::create_dir_all(&place).unwrap();
    let unfinished = folder.join("unfinished");
    std::fs::write(&unfinished, content).unwrap();
    std::fs::rename(unfinished, place.join("model.onnx")).unwrap();
}

/// A small picture with something in it.
fn picture() -> Vec<u8> {
    let (width, height) = (160, 96);
    let pool = FramePool::new(1);
    let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
    for (index, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (index as u32 % width, index as u32 / width);
        *pixel = [(x * 3) as u8, (y * 5) as u8, (x ^ y) as u8];
    }
    let frame = Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels);
    encode_image(&frame, ImageEncoding::Jpeg { quality: 85 }, &pool).unwrap()
}

/// What a version makes of the picture.
fn mask_of(server: &Running, version: u64, picture: &[u8]) -> Value {
    swap(server, version);
    let answer = post(server, "/v1/segment?model=seg", picture);
    assert_eq!(answer["version"], version);
    answer["mask"].clone()
}

/// Takes a version; gives the generation that serves it.
fn swap(server: &Running, version: u64) -> u64 {
    let model = post(server, "/v1/models/seg/reload", json!({"version": version}).to_string().as_bytes());
    assert_eq!((&model["state"], &model["serving"]["version"]), (&"ready".into(), &version.into()));
    model["serving"]["generation"].as_u64().unwrap()
}

/// What a stream has seen of the present generation.
#[derive(Default)]
struct Progress {
    generation: AtomicU64,
    results: AtomicU64,
}

/// Set, the streams end.
struct Stop(AtomicBool);

/// Ends the streams when it goes, and so also where the test fails.
struct StopAtEnd<'a>(&'a Stop);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, SeqCst);
    }
}

/// The frames of a stream, each of which was told of in its turn.
#[derive(Default)]
struct Told {
    frames: u64,
    dropped: u64,
}

/// One stream: a frame, its answer, a pause.
struct Player<'a> {
    picture: &'a [u8],
    /// What each version makes of the picture.
    masks: &'a [Value; 2],
    progress: &'a Progress,
    stop: &'a Stop,
}

impl Player<'_> {
    fn play(&self, address: &str) -> Told {
        let (mut live, _) = Live::open(address, "segment?model=seg");
        let mut told = Told::default();
        while !self.stop.0.load(SeqCst) {
            live.frame(self.picture);
            self.take(&live.event(), &mut told);
            std::thread::sleep(PAUSE);
        }
        told
    }

    fn take(&self, event: &Value, told: &mut Told) {
        assert_eq!(event["frame"], told.frames, "{event}");
        told.frames += 1;
        if event["type"] == "dropped" {
            assert_eq!((&event["count"], &event["reason"]), (&1.into(), &"overloaded".into()), "{event}");
            told.dropped += 1;
            return;
        }
        assert_eq!(event["type"], "result", "{event}");
        let version = event["version"].as_u64().unwrap();
        assert!(event["mask"] == self.masks[version as usize - 1], "version {version} sees something else");
        let (before, generation) = (self.progress.generation.load(SeqCst), event["generation"].as_u64().unwrap());
        assert!(generation >= before, "generation {generation} after {before}");
        if generation > before {
            self.progress.results.store(0, SeqCst);
            self.progress.generation.store(generation, SeqCst);
        }
        self.progress.results.fetch_add(1, SeqCst);
    }
}

/// Waits until each stream has so many results of that generation.
fn all_saw(streams: &[Progress], generation: u64, results: u64) {
    let saw = |one: &Progress| one.generation.load(SeqCst) == generation && one.results.load(SeqCst) >= results;
    wait_until("a result on every stream", || streams.iter().all(saw));
}

/// Swaps while frames flow: each stream sees every generation. Gives the last one.
fn swap_forth_and_back(server: &Running, streams: &[Progress], first: u64) -> u64 {
    let swaps = metric(server, "samovar_swaps_total{model=\"seg\"}");
    let mut generation = first;
    for turn in 0..SWAPS {
        let next = swap(server, 2 - turn % 2);
        assert_eq!(next, generation + 1);
        all_saw(streams, next, 1);
        generation = next;
    }
    assert_eq!(metric(server, "samovar_swaps_total{model=\"seg\"}"), swaps + SWAPS);
    generation
}

/// One copy is left: each but one of those loaded has gone, and the process is larger than before by less than one copy, and by less
/// than the weights of those that have gone.
fn memory_comes_back(server: &Running, before: u64, most: u64) {
    let series = |name: &str| metric(server, &format!("{name}{{model=\"seg\"}}"));
    wait_until("the end of the old copies", || series("samovar_loads_total") == series("samovar_unloads_total") + 1);
    let begin = Instant::now();
    let mut after = resident_bytes(server);
    while after > before + most && begin.elapsed() < REST_MAX {
        std::thread::sleep(Duration::from_millis(100));
        after = resident_bytes(server);
    }
    let kib = |bytes: u64| bytes >> 10;
    println!("{} KiB before, {} KiB after, at most {} KiB more", kib(before), kib(after), kib(most));
    assert!(after <= before + most, "{before} bytes before, {after} after: over {most} more");
}

/// The bytes of all copies that are swapped out, by their files alone.
fn weights(folder: &Path) -> u64 {
    let file = |version: u64| folder.join(version.to_string()).join("model.onnx").metadata().unwrap().len();
    (file(1) + file(2)) * SWAPS / 2
}

/// What the process has in memory.
fn resident_bytes(server: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// B is cut: it is refused, A goes on; mended, it is taken.
fn damaged_changes_nothing(server: &Running, streams: &[Progress], (folder, last): (&TempDir, u64)) {
    let whole = std::fs::read(folder.path().join("2/model.onnx")).unwrap();
    put(folder.path(), 2, &whole[..whole.len() / 2]);
    for _ in 0..3 {
        let (status, problem) = asked(server, "/v1/models/seg/reload", br#"{"version": 2}"#);
        assert!(status >= 400, "{problem}");
        assert_eq!(problem["code"], "model_file_damaged", "{problem}");
        let model = server.model("seg");
        let serving = &model["serving"];
        assert_eq!(
            (&model["state"], &serving["version"], &serving["generation"]),
            (&"ready".into(), &1.into(), &last.into())
        );
        let begun: Vec<u64> = streams.iter().map(|one| one.results.load(SeqCst)).collect();
        let goes_on = |(one, begun): (&Progress, &u64)| one.results.load(SeqCst) >= begun + 3;
        wait_until("further results", || streams.iter().zip(&begun).all(goes_on));
        assert!(streams.iter().all(|one| one.generation.load(SeqCst) == last), "the generation has changed");
    }
    put(folder.path(), 2, &whole);
    let mended = swap(server, 2);
    assert!(mended > last);
    all_saw(streams, mended, 1);
}
