//! Real sources: cameras on loopback that fail in every way, files, and many that come and go.

use crate::source_support::{Held, LIMIT, footage, frame, spec, start, state, tools, write_video};
use samovar_media::MotionGateOptions;
use samovar_pipelines::{ClipSpan, SourceFault, SourceReader, SourceSpec, SourceState, SourceTools};
use samovar_runtime::resident_bytes;
use samovar_test_camera::{FolderServer, FootageSpec, MjpegCamera, MjpegForm, Mode, RtspCamera, Switch, jpegs};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Ways in which a camera fails.
#[derive(Clone, Copy, Debug)]
enum Failing {
    Dropping,
    Off,
    Silent,
    Garbage,
}

impl Failing {
    const ALL: [Self; 4] = [Self::Dropping, Self::Off, Self::Silent, Self::Garbage];

    fn begin(self, switch: &Switch) {
        match self {
            Self::Dropping => switch.drop_connections(),
            Self::Off => switch.turn_off(),
            Self::Silent => switch.set_mode(Mode::Stall),
            Self::Garbage => switch.set_mode(Mode::GarbageProtocol),
        }
    }

    fn end(switch: &Switch) {
        switch.set_mode(Mode::Normal);
        switch.turn_on();
    }
}

/// Fails in one way, waits until that is seen, comes back, and waits for the next frame. Tells how long after the return it came.
async fn cycle(reader: &mut SourceReader, switch: &Switch, failing: Failing) -> Duration {
    let before = frame(reader, |_| true).await;
    failing.begin(switch);
    state(reader, |state| matches!(state, SourceState::Waiting { .. } | SourceState::Connecting { .. })).await;
    Failing::end(switch);
    let back = Instant::now();
    let after = frame(reader, |frame| frame.connection > before.connection).await;
    assert!(after.time > before.time && after.number > before.number);
    back.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_fails_twenty_times_is_seen_again_each_time_and_leaves_nothing_behind() {
    let Some(tools) = tools() else { return };
    let camera = RtspCamera::start(footage(&tools, (320, 240))).unwrap();
    let mut reader = start(&camera.url(), &tools);
    let began = Instant::now();
    let (mut settled, mut waits) = (None, Vec::new());
    for round in 0..20 {
        // What only a stall limit ends takes long, so it comes less often.
        let failing = match round % 10 {
            4 => Failing::Silent,
            9 => Failing::Garbage,
            even if even % 2 == 0 => Failing::Dropping,
            _ => Failing::Off,
        };
        waits.push(cycle(&mut reader, camera.switch(), failing).await.as_millis());
        if round == 2 {
            settled = Some((Held::now(), resident_bytes()));
        }
    }
    let (held, bytes) = settled.unwrap();
    let now = Held::now();
    assert_eq!((now.threads, now.children), (held.threads, held.children));
    assert!(now.descriptors <= held.descriptors + 4, "{now:?} after {held:?}");
    let grown = resident_bytes().saturating_sub(bytes);
    println!("first frame after the return, in ms: {waits:?}; {grown} bytes more than after the third");
    assert!(grown < 16 << 20);
    let figures = reader.figures();
    println!("{figures:?}, {} connections in {:?}", camera.switch().accepted(), began.elapsed());
    assert_eq!(figures.reconnects, 20);
    assert!(figures.fault_count(SourceFault::Stalled) >= 2, "{figures:?}");
    assert!(
        camera.switch().accepted() as f64 <= 2.0 * (began.elapsed().as_secs_f64() + 1.0),
        "a look and a try a second"
    );
    assert!(figures.pool_bytes <= 8 * figures.frame_bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_sends_pictures_comes_back_too() {
    let Some(tools) = tools() else { return };
    let pictures = jpegs(&FootageSpec { seconds: 1, ..FootageSpec::new(tools.ffmpeg.path()) }).unwrap();
    let camera = MjpegCamera::start(pictures, 10, MjpegForm::Multipart).unwrap();
    let mut reader = start(&camera.url(), &tools);
    for failing in Failing::ALL {
        cycle(&mut reader, camera.switch(), failing).await;
    }
    assert!(matches!(reader.state(), SourceState::Live { size: (320, 240), .. }), "{:?}", reader.state());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_changes_its_size_is_opened_at_once_and_without_a_fault() {
    let Some(tools) = tools() else { return };
    let camera = RtspCamera::start(footage(&tools, (320, 240))).unwrap();
    let mut reader = start(&camera.url(), &tools);
    for size in [(160, 120), (320, 240)] {
        frame(&mut reader, |_| true).await;
        camera.show(footage(&tools, size));
        let seen = frame(&mut reader, |frame| (frame.frame.width(), frame.frame.height()) == size).await;
        assert!(matches!(reader.state(), SourceState::Live { size: told, .. } if told == size), "{seen:?}");
    }
    assert_eq!(reader.figures().faults.iter().sum::<u64>(), 0, "{:?}", reader.figures());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_round_at_its_own_pace_and_its_time_goes_on() {
    let Some(tools) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.mp4");
    write_video(&tools, &path, 1);
    let spec = SourceSpec { fps_max: Some(5.0), ..spec(path.to_str().unwrap()) };
    let mut reader = SourceReader::start(spec, tools).unwrap();
    let first = frame(&mut reader, |_| true).await;
    let last = frame(&mut reader, |frame| frame.number >= 15).await;
    let per_second = (last.number - first.number) as f64 / (last.time - first.time).as_secs_f64();
    assert!((per_second - 5.0).abs() < 0.4, "{per_second} frames a second by its own clock");
    let figures = reader.figures();
    assert_eq!(figures.faults.iter().sum::<u64>(), 0, "{figures:?}");
    assert!(figures.frames_in + 2 >= 2 * figures.delivered, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_fetched_ends_and_a_wrong_name_is_refused() {
    let Some(tools) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    write_video(&tools, &folder.path().join("short.mp4"), 1);
    let server = FolderServer::start(folder.path()).unwrap();
    let mut reader = start(&server.url("short.mp4"), &tools);
    state(&mut reader, |state| *state == SourceState::Ended).await;
    assert_eq!(reader.figures().frames_in, 10);
    let mut reader = start(&server.url("none.mp4"), &tools);
    let refused = state(&mut reader, |state| state.fault().is_some()).await;
    assert_eq!(refused.fault(), Some(SourceFault::Refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_are_kept_for_clips_and_still_pictures_left_out() {
    let Some(tools) = tools() else { return };
    let camera = RtspCamera::start(footage(&tools, (320, 240))).unwrap();
    let gate = MotionGateOptions { level_min: 255, force_after: Some(Duration::from_secs(1)), ..Default::default() };
    let spec = SourceSpec { clip: Some(ClipSpan::default()), motion_gate: Some(gate), ..spec(&camera.url()) };
    let mut reader = SourceReader::start(spec, tools).unwrap();
    frame(&mut reader, |frame| frame.number == 2).await;
    let figures = reader.figures();
    assert!(figures.still >= 15, "{figures:?}");
    let packets = reader.packets().expect("packets were asked for");
    assert!(packets.stats().items >= 15, "{:?}", packets.stats());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sources_come_and_go_and_nothing_stays() {
    let Some(tools) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.mp4");
    write_video(&tools, &path, 1);
    let nowhere = closed_port();
    let absent = |count: u32| absent_sources(&nowhere, &tools, count);
    let played = |count: u32| played_sources(path.to_str().unwrap(), &tools, count);
    absent(100).await;
    played(5).await;
    let (before, bytes) = (Held::now(), resident_bytes());
    assert_eq!((before.threads, before.children), (0, 0));
    for _ in 0..9 {
        absent(100).await;
        played(5).await;
    }
    Held::wait_for(before).await;
    let grown = resident_bytes().saturating_sub(bytes);
    println!("{grown} bytes more than after the first hundred");
    assert!(grown < 16 << 20);
}

/// Starts sources behind which there is nothing, waits until each says so, and drops them.
async fn absent_sources(address: &str, tools: &SourceTools, count: u32) {
    let mut readers: Vec<_> = (0..count).map(|_| start(address, tools)).collect();
    for reader in &mut readers {
        let waiting = state(reader, |state| state.fault().is_some()).await;
        assert_eq!(waiting.fault(), Some(SourceFault::Unreachable));
    }
    assert_eq!(Held::now().children, 0, "no child is started for what is not there");
}

/// Starts sources that play a file, waits for a frame of each, and drops them while they play.
async fn played_sources(path: &str, tools: &SourceTools, count: u32) {
    let mut readers: Vec<_> = (0..count).map(|_| start(path, tools)).collect();
    for reader in &mut readers {
        frame(reader, |_| true).await;
    }
    assert_eq!(Held::now().children, count as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_dropped_while_it_waits_for_a_silent_camera_is_gone_when_the_drop_returns() {
    let Some(tools) = tools() else { return };
    let camera = RtspCamera::start(footage(&tools, (160, 120))).unwrap();
    camera.switch().set_mode(Mode::Stall);
    let spec = SourceSpec { stall: Duration::from_secs(200), ..spec(&camera.url()) };
    let reader = SourceReader::start(spec, tools).unwrap();
    let began = Instant::now();
    while camera.switch().accepted() < 2 || Held::now().children == 0 {
        assert!(began.elapsed() < LIMIT, "the camera was never opened: {:?}", reader.state());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let monitor = reader.monitor();
    drop(reader);
    assert_eq!(monitor.state(), SourceState::Stopped);
    let held = Held::now();
    assert_eq!((held.threads, held.children), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_scaled_down_to_what_was_asked_for() {
    let Some(tools) = tools() else { return };
    let camera = RtspCamera::start(footage(&tools, (320, 240))).unwrap();
    let side = NonZeroU32::new(160).unwrap();
    let size = samovar_media::VideoSize::Fit { width: side, height: side };
    let mut reader = SourceReader::start(SourceSpec { size, ..spec(&camera.url()) }, tools).unwrap();
    let frame = frame(&mut reader, |_| true).await;
    assert_eq!((frame.frame.width(), frame.frame.height()), (160, 120));
}

/// An address at which nobody listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("rtsp://user:password@{}/stream", listener.local_addr().unwrap())
}
