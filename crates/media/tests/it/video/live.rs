//! Live sources over real sockets: what comes, and what happens when a camera fails.

use super::{Opening, generate, media, program};
use samovar_media::{
    FfmpegProgram, MediaError, MediaErrorKind, PacketRing, RingLimits, UrlScheme, VideoDecoder, VideoEnd, VideoInput,
};
use samovar_test_camera::{FolderServer, Footage, FootageSpec, MjpegCamera, MjpegForm, Mode, RtspCamera, jpegs};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// A program that can make H.264 for a camera, too.
pub(super) fn coder() -> Option<FfmpegProgram> {
    match program() {
        Some(program) if program.has_x264() => Some(program),
        _ => super::skipped("this ffmpeg writes no H.264"),
    }
}

pub(super) fn footage(program: &FfmpegProgram, size: (u32, u32)) -> Footage {
    Footage::make(&FootageSpec { size, ..FootageSpec::new(program.path()) }).unwrap()
}

pub(super) fn live(program: &FfmpegProgram, url: String) -> Opening {
    let mut opening = Opening::file(program, Path::new("unused"));
    opening.input = VideoInput::Url(url);
    opening.options.live = true;
    opening.options.schemes = vec![UrlScheme::Http, UrlScheme::Rtsp];
    opening
}

pub(super) fn ring() -> PacketRing {
    PacketRing::new(RingLimits { bytes: 8 << 20, span: Duration::from_secs(20) })
}

/// Times of the next frames.
pub(super) fn times(decoder: &mut VideoDecoder, count: usize) -> Vec<Duration> {
    (0..count).map(|_| decoder.next_frame().unwrap().unwrap().timestamp()).collect()
}

/// Frames until there are no more, and the end.
fn drain(decoder: &mut VideoDecoder) -> (usize, Result<Option<VideoEnd>, MediaError>) {
    for count in 0.. {
        match decoder.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => return (count, Ok(decoder.end())),
            Err(error) => return (count, Err(error)),
        }
    }
    unreachable!("the loop has no end")
}

#[test]
fn a_camera_gives_frames_at_its_own_times_and_packets_beside_them() {
    let Some(program) = coder() else { return };
    let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
    let mut opening = live(&program, camera.url());
    let packets = ring();
    opening.options.packets = Some(packets.clone());
    let mut decoder = opening.open().unwrap();
    assert_eq!((decoder.info().width, decoder.info().height), (320, 240));
    assert_eq!(decoder.info().codec.as_deref(), Some("h264"));
    let times = times(&mut decoder, 25);
    // The first frame's time is a guess of FFmpeg 5.
    let regular = times.windows(2).skip(2).all(|pair| (pair[1] - pair[0]).as_micros().abs_diff(100_000) <= 100);
    assert!(regular && times.is_sorted(), "{times:?}");
    drop(decoder);
    let clip = packets.clip(SystemTime::UNIX_EPOCH, SystemTime::now()).unwrap();
    assert_eq!((clip.codec.fourcc, clip.codec.width, clip.codec.height), (*b"H264", 320, 240));
    let keys: Vec<_> = clip.packets.iter().filter(|packet| packet.is_key).map(|packet| packet.time).collect();
    assert!(clip.packets[0].is_key && clip.packets.len() >= 25 && keys.len() >= 2, "{keys:?}");
    // The same clock, but for what it takes to have no packet before zero.
    let near = |key: &Duration| times.iter().any(|time| time.abs_diff(*key) < Duration::from_millis(60));
    assert!(keys.iter().filter(|key| **key <= times[24]).all(near), "{keys:?} {times:?}");
}

#[test]
fn a_camera_that_drops_ends_the_video_and_can_be_opened_again() {
    let Some(program) = coder() else { return };
    let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
    for round in 1..=3 {
        let mut decoder = live(&program, camera.url()).open().unwrap();
        times(&mut decoder, 3);
        camera.switch().drop_connections();
        let (count, end) = drain(&mut decoder);
        assert!(count < 20 && end.is_ok(), "{count} {end:?}");
        assert_eq!(camera.switch().accepted(), round);
    }
    camera.switch().turn_off();
    // The port is closed as soon as the camera's thread has seen the switch.
    while std::net::TcpStream::connect(camera.url().split('/').nth(2).unwrap()).is_ok() {}
    assert_eq!(live(&program, camera.url()).open().unwrap_err().kind(), MediaErrorKind::Unreadable);
}

#[test]
fn a_camera_that_stalls_is_given_up_after_the_stall_limit() {
    let Some(program) = coder() else { return };
    let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
    let mut opening = live(&program, camera.url());
    opening.limits.stall = Duration::from_secs(3);
    let mut decoder = opening.open().unwrap();
    times(&mut decoder, 3);
    camera.switch().set_mode(Mode::Stall);
    assert_eq!(drain(&mut decoder).1.unwrap_err().kind(), MediaErrorKind::DecoderFailed);
    let mut silent = live(&program, camera.url());
    silent.limits.stall = Duration::from_secs(3);
    assert_eq!(silent.open().unwrap_err().kind(), MediaErrorKind::DecoderFailed);
}

#[test]
fn a_camera_that_changes_its_size_ends_the_video_before_a_frame_of_the_new_size() {
    let Some(program) = coder() else { return };
    let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
    let mut before = (320, 240);
    // The second has as many pixels as the first.
    for size in [(240, 320), (160, 120), (640, 360)] {
        let mut decoder = live(&program, camera.url()).open().unwrap();
        assert_eq!((decoder.info().width, decoder.info().height), before);
        camera.show(footage(&program, size));
        let (_, end) = drain(&mut decoder);
        assert_eq!(end.unwrap(), Some(VideoEnd::Changed), "{size:?}");
        before = size;
    }
}

#[test]
fn a_camera_that_sends_garbage_is_told_and_never_waited_for_without_end() {
    let Some(program) = coder() else { return };
    for mode in [Mode::GarbagePictures, Mode::GarbageProtocol] {
        let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
        let mut opening = live(&program, camera.url());
        opening.limits.stall = Duration::from_secs(3);
        opening.options.packets = Some(ring());
        let mut decoder = opening.open().unwrap();
        camera.switch().set_mode(mode);
        // Garbage may be concealed for a while; the first frames after it count.
        let ended = (0..200).find_map(|_| match decoder.next_frame() {
            Ok(Some(_)) => None,
            Ok(None) => Some(Ok(decoder.end())),
            Err(error) => Some(Err(error.kind())),
        });
        eprintln!("{mode:?}: {ended:?}");
        assert!(!matches!(ended, Some(Ok(Some(VideoEnd::Complete)))), "{ended:?}");
        camera.switch().set_mode(Mode::Normal);
        drop(decoder);
        times(&mut live(&program, camera.url()).open().unwrap(), 3);
    }
}

#[test]
fn a_password_opens_a_camera_and_stands_in_no_error() {
    let Some(program) = coder() else { return };
    let camera = RtspCamera::start_locked(footage(&program, (320, 240)), "me", "s3cret").unwrap();
    times(&mut live(&program, camera.url_with("me", "s3cret")).open().unwrap(), 2);
    for url in [camera.url(), camera.url_with("me", "wr0ng")] {
        let opening = live(&program, url);
        assert!(!format!("{:?}", opening.input).contains("wr0ng"));
        let error = opening.open().unwrap_err();
        assert_eq!(error.kind(), MediaErrorKind::Unreadable);
        assert!(!format!("{error} {error:?}").contains("wr0ng"));
    }
}

#[test]
fn pictures_over_http_get_the_times_of_their_arrival() {
    let Some(program) = program() else { return };
    let pictures = jpegs(&FootageSpec::new(program.path())).unwrap();
    assert_eq!(pictures.len(), 40);
    for form in [MjpegForm::Multipart, MjpegForm::Bare] {
        let camera = MjpegCamera::start(pictures.clone(), 20, form).unwrap();
        let mut opening = live(&program, camera.url());
        let packets = ring();
        opening.options.packets = Some(packets.clone());
        let mut decoder = opening.open().unwrap();
        assert_eq!(decoder.info().codec.as_deref(), Some("mjpeg"));
        let times = times(&mut decoder, 60);
        assert!(times.is_sorted());
        // What the container pretends is 25 a second; sent are 20. What was read to recognise the source comes at once.
        assert!(times[59] - times[29] > Duration::from_millis(1_300), "{form:?} {times:?}");
        let mut slow = live(&program, camera.url());
        slow.options.frames_per_second_max = Some(5.0);
        let mut slow = slow.open().unwrap();
        let few = self::times(&mut slow, 8);
        assert!(few.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(90)), "{few:?}");
        drop((decoder, slow));
        let clip = packets.clip(SystemTime::UNIX_EPOCH, SystemTime::now()).unwrap();
        assert_eq!(&clip.codec.fourcc, b"MJPG");
        assert!(clip.packets.iter().all(|packet| packet.is_key && packet.data.starts_with(&[0xFF, 0xD8, 0xFF])));
    }
}

#[test]
fn a_picture_camera_that_changes_its_size_is_noticed() {
    let Some(program) = program() else { return };
    let spec = FootageSpec::new(program.path());
    let camera = MjpegCamera::start(jpegs(&spec).unwrap(), 20, MjpegForm::Multipart).unwrap();
    let mut decoder = live(&program, camera.url()).open().unwrap();
    camera.show(jpegs(&FootageSpec { size: (240, 320), ..spec }).unwrap());
    assert_eq!(drain(&mut decoder).1.unwrap(), Some(VideoEnd::Changed));
}

#[test]
fn a_playlist_is_followed_over_http_and_nowhere_else() {
    let Some(program) = coder() else { return };
    let make =
        "-f lavfi -i testsrc2=s=320x240:r=10:d=6 -c:v H264 -g 10 -pix_fmt yuv420p -f hls -hls_time 1 -hls_list_size 0";
    let (folder, _) = generate(&program, make, "live.m3u8");
    let server = FolderServer::start(folder.path()).unwrap();
    let mut decoder = live(&program, server.url("live.m3u8")).open().unwrap();
    assert!(times(&mut decoder, 25).is_sorted());
    drop(decoder);
    assert!(server.asked().iter().any(|name| name.ends_with(".ts")));
    let canary = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    let segment = folder.path().join("live0.ts");
    let segments = [
        format!("file://{}", segment.display()),
        segment.display().to_string(),
        format!("tcp://127.0.0.1:{port}/a.ts"),
    ];
    for (index, segment) in segments.iter().enumerate() {
        let list = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{segment}\n#EXT-X-ENDLIST\n");
        let name = format!("bad{index}.m3u8");
        std::fs::write(folder.path().join(&name), list).unwrap();
        assert!(live(&program, server.url(&name)).open().is_err(), "{segment}");
    }
    assert!(canary.accept().is_err(), "nothing may have been asked for");
    // A playlist under another name is none.
    std::fs::copy(folder.path().join("live.m3u8"), folder.path().join("live.mp4")).unwrap();
    let asked = server.asked().len();
    assert!(live(&program, server.url("live.mp4")).open().is_err());
    assert!(server.asked()[asked..].iter().all(|name| name == "live.mp4"), "{:?}", server.asked());
}

/// Answers whatever comes with a redirect to `address`; tells how many came.
fn sends_on(line: &'static str, address: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut socket = socket.unwrap();
            let mut head = [0; 4096];
            let length = socket.read(&mut head).unwrap_or(0);
            let text = String::from_utf8_lossy(&head[..length]).into_owned();
            let sequence = text.lines().find(|line| line.starts_with("CSeq")).unwrap_or("X-No: 1");
            let answer = format!("{line}\r\n{sequence}\r\nLocation: {address}\r\nContent-Length: 0\r\n\r\n");
            drop(socket.write_all(answer.as_bytes()));
        }
    });
    (port, count)
}

#[test]
fn an_address_that_is_to_stay_where_it_is_sends_nobody_elsewhere() {
    let Some(program) = program() else { return };
    for (scheme, line) in [("http", "HTTP/1.1 302 Found"), ("rtsp", "RTSP/1.0 302 Moved Temporarily")] {
        let (inner, reached) = sends_on("HTTP/1.1 404 Not Found", "/".to_owned());
        let (outer, _) = sends_on(line, format!("{scheme}://127.0.0.1:{inner}/secret"));
        let url = format!("{scheme}://127.0.0.1:{outer}/camera");
        assert!(live(&program, url.clone()).open().is_err());
        assert_eq!(reached.swap(0, Ordering::SeqCst), 1, "{scheme}: an operator's own address may send on");
        let mut opening = live(&program, url);
        opening.options.only_port = Some(outer);
        let error = opening.open().unwrap_err();
        println!("{scheme}: {error}, reached {}", reached.load(Ordering::SeqCst));
        if scheme == "http" {
            assert_eq!(reached.load(Ordering::SeqCst), 0);
        } else {
            // Where the kernel does not close the port, it may be knocked at before the child is ended.
            assert_eq!(error.kind(), MediaErrorKind::Forbidden);
        }
    }
}

#[test]
fn a_file_is_played_over_and_over_at_its_own_pace() {
    let Some(program) = coder() else { return };
    let (_folder, path) =
        generate(&program, "-f lavfi -i testsrc2=s=64x64:r=20:d=1 -c:v H264 -bf 2 -pix_fmt yuv420p", "short.mp4");
    let mut opening = Opening::file(&program, &path);
    opening.input = VideoInput::Loop(path.clone());
    opening.limits.duration = Duration::from_millis(500);
    let packets = ring();
    opening.options.packets = Some(packets.clone());
    let mut decoder = opening.open().unwrap();
    let times = times(&mut decoder, 50);
    assert!(times.is_sorted_by(|a, b| a < b) && times[49] >= Duration::from_secs(2), "{times:?}");
    drop(decoder);
    let clip = packets.clip(SystemTime::UNIX_EPOCH, SystemTime::now()).unwrap();
    assert!(clip.codec.decode_delay > 0 && !clip.codec.extradata.is_empty(), "{:?}", clip.codec);
    assert!(clip.packets.iter().filter(|packet| packet.is_key).count() >= 2);
}

#[test]
fn key_frames_alone_are_decoded_and_all_packets_kept() {
    let (Some(program), Some(_)) = (coder(), media("vtest.mp4")) else { return };
    let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
    let mut opening = live(&program, camera.url());
    opening.options.keyframes_only = true;
    let packets = ring();
    opening.options.packets = Some(packets.clone());
    let mut decoder = opening.open().unwrap();
    let times = times(&mut decoder, 3);
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0]).as_micros().abs_diff(1_000_000) <= 1_000), "{times:?}");
    assert!(packets.stats().items > 15, "{:?}", packets.stats());
}

#[test]
fn devices_are_named_as_devices() {
    let Some(program) = program() else { return };
    let kind = |path: &str| {
        let mut opening = Opening::file(&program, Path::new("unused"));
        opening.input = VideoInput::Device(path.into());
        opening.open().unwrap_err().kind()
    };
    for path in ["/dev/null", "/dev/video", "/dev/video0/../sda", "video0", "/dev/videoX", "/dev/video00000"] {
        assert_eq!(kind(path), MediaErrorKind::Forbidden, "{path}");
    }
    assert_eq!(kind("/dev/video999"), MediaErrorKind::Unreadable);
}

/// CPU seconds that a process has used, and the most memory that it has held in MiB.
fn used(pid: u32) -> (f64, f64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    (ticks / 100.0, line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0)
}

#[test]
#[ignore = "prints figures; takes a minute"]
fn figures_of_one_camera() {
    let Some(program) = coder() else { return };
    for (size, rate) in [((640, 360), 10), ((1280, 720), 25), ((1920, 1080), 25)] {
        let video = media("vtest.mp4");
        let spec = FootageSpec {
            video: video.as_deref(),
            size,
            rate,
            seconds: 20,
            key_distance: 2 * rate,
            ..FootageSpec::new(program.path())
        };
        let camera = RtspCamera::start(Footage::make(&spec).unwrap()).unwrap();
        for (has_packets, keyframes_only) in [(false, false), (true, false), (true, true)] {
            let mut opening = live(&program, camera.url());
            opening.options.packets = has_packets.then(ring);
            opening.options.keyframes_only = keyframes_only;
            let mut decoder = opening.open().unwrap();
            let pid = decoder.process_id();
            let (before, _) = used(pid);
            let first = times(&mut decoder, 1)[0];
            let count = if keyframes_only { 4 } else { 8 * rate as usize };
            let seconds = (times(&mut decoder, count)[count - 1] - first).as_secs_f64();
            let (after, memory) = used(pid);
            let share = (after - before) / seconds;
            eprintln!(
                "{size:?} at {rate}: packets {has_packets}, key frames only {keyframes_only}: {share:.4} CPU-s per s, {memory:.1} MiB"
            );
        }
    }
}
