//! What is refused, cut at a limit or told to be damaged.

use super::{Opening, generate, media, program};
use samovar_media::{MediaErrorKind, Truncation, UrlScheme, VideoEnd, VideoInput};
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::time::Duration;

#[test]
fn what_is_no_video_is_told() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let kind = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Opening::file(&program, &path).open().unwrap_err().kind()
    };
    assert_eq!(kind("text.mp4", b"Tea is served at five.\n"), MediaErrorKind::UnsupportedFormat);
    assert_eq!(kind("empty.mp4", b""), MediaErrorKind::UnsupportedFormat);
    let (_folder, sound) = generate(&program, "-f lavfi -i sine=d=1", "sound.mp4");
    assert_eq!(Opening::file(&program, &sound).open().unwrap_err().kind(), MediaErrorKind::UnsupportedFormat);
    for absent in [folder.path().join("absent.mp4"), folder.path().to_owned()] {
        assert_eq!(Opening::file(&program, &absent).open().unwrap_err().kind(), MediaErrorKind::Unreadable);
    }
}

#[test]
fn lists_that_lead_elsewhere_are_refused_and_not_followed() {
    let Some(program) = program() else { return };
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    let (folder, good) = generate(&program, "-f lavfi -i testsrc2=s=64x64:r=10:d=1 -c:v mpeg4", "good.mp4");
    let lists = [
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"),
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", good.display()),
        format!("ffconcat version 1.0\nfile '{}'\n", good.display()),
        format!(
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
        ),
        format!(
            "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>"
        ),
    ];
    for (index, list) in lists.iter().enumerate() {
        let path = folder.path().join(format!("list{index}.mp4"));
        std::fs::write(&path, list).unwrap();
        assert_eq!(
            Opening::file(&program, &path).open().unwrap_err().kind(),
            MediaErrorKind::UnsupportedFormat,
            "{list}"
        );
    }
    assert!(canary.accept().is_err(), "nothing may have been asked for");
}

#[test]
fn addresses_are_opened_only_where_allowed() {
    let Some(program) = program() else { return };
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    for url in [
        "http://127.0.0.1:PORT/a.mp4",
        "file:///etc/passwd",
        "concat:a|b",
        "tcp://127.0.0.1:PORT",
        "/etc/passwd",
        "HTTP://x",
    ] {
        let mut opening = Opening::file(&program, "unused".as_ref());
        opening.input = VideoInput::Url(url.replace("PORT", &port.to_string()));
        opening.options.schemes = vec![UrlScheme::Https, UrlScheme::Rtsp];
        assert_eq!(opening.open().unwrap_err().kind(), MediaErrorKind::Forbidden, "{url}");
    }
    assert!(canary.accept().is_err(), "nothing may have been asked for");
}

#[test]
fn an_allowed_address_is_read() {
    use std::io::{Read, Write};
    let Some(program) = program() else { return };
    let (_folder, path) = generate(&program, "-f lavfi -i testsrc2=s=64x64:r=10:d=1 -c:v mpeg4", "good.mkv");
    let (body, listener) = (std::fs::read(path).unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("http://{}/good.mkv", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let _ =
                write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = connection.write_all(&body);
        }
    });
    let mut opening = Opening::file(&program, "unused".as_ref());
    opening.input = VideoInput::Url(url);
    opening.options.schemes = vec![UrlScheme::Http];
    let (times, decoder) = opening.times().unwrap();
    assert_eq!((times.len(), decoder.end()), (10, Some(VideoEnd::Complete)));
    let mut nobody = Opening::file(&program, "unused".as_ref());
    nobody.input = VideoInput::Url("http://127.0.0.1:1/a.mp4".into());
    nobody.options.schemes = vec![UrlScheme::Http];
    assert_eq!(nobody.open().unwrap_err().kind(), MediaErrorKind::Unreadable);
}

#[test]
fn cut_files_give_an_error_or_the_frames_before_the_cut() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc2=s=320x240:r=30:d=3 -c:v H264 -pix_fmt yuv420p";
    for (flags, name) in [("", "end.mp4"), (" -movflags +faststart", "start.mp4")] {
        let (folder, path) = generate(&program, &format!("{source}{flags}"), name);
        let whole = std::fs::read(path).unwrap();
        for tenth in 0..10 {
            let cut = folder.path().join("cut.mp4");
            std::fs::write(&cut, &whole[..whole.len() * tenth / 10]).unwrap();
            match Opening::file(&program, &cut).times() {
                Ok((times, decoder)) => {
                    assert!(matches!(decoder.end(), Some(VideoEnd::Damaged { .. })), "{name} {tenth}");
                    assert!((1..90).contains(&times.len()), "{name} {tenth}: {}", times.len());
                }
                Err(error) => {
                    let expected = if tenth == 0 { MediaErrorKind::UnsupportedFormat } else { MediaErrorKind::Corrupt };
                    assert_eq!(error.kind(), expected, "{name} {tenth}");
                }
            }
        }
    }
}

#[test]
fn damage_midway_is_told_and_the_rest_is_given() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 30_000].iter_mut().for_each(|byte| *byte = !*byte);
    let mut opening = Opening::file(&program, "unused".as_ref());
    opening.input = VideoInput::Bytes(bytes.into());
    let (times, decoder) = opening.times().unwrap();
    assert!(times.len() > 500, "{}", times.len());
    let Some(VideoEnd::Damaged { at }) = decoder.end() else { panic!("{:?}", decoder.end()) };
    assert!((Duration::from_secs(20)..Duration::from_secs(60)).contains(&at), "{at:?}");
}

#[test]
fn limits_on_size_rate_and_streams_refuse() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc2=s=320x240:r=50:d=1 -map 0:v -map 0:v -map 0:v -c:v mpeg4";
    let (_folder, path) = generate(&program, source, "three.mkv");
    let kind = |change: fn(&mut Opening)| {
        let mut opening = Opening::file(&program, &path);
        change(&mut opening);
        opening.open().map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(kind(|_| {}), Ok(()));
    assert_eq!(kind(|opening| opening.limits.side_px = 319), Err(MediaErrorKind::TooLarge));
    assert_eq!(kind(|opening| opening.limits.side_px = 100), Err(MediaErrorKind::TooLarge));
    assert_eq!(kind(|opening| opening.limits.frames_per_second = 49.0), Err(MediaErrorKind::TooLarge));
    assert_eq!(kind(|opening| opening.limits.streams = 2), Err(MediaErrorKind::TooLarge));
}

#[test]
fn choices_that_cannot_be_met_are_refused() {
    let Some(program) = program() else { return };
    let (_folder, path) = generate(&program, "-f lavfi -i testsrc2=s=64x64:r=10:d=5 -c:v mpeg4", "short.mp4");
    let kind = |change: fn(&mut Opening)| {
        let mut opening = Opening::file(&program, &path);
        change(&mut opening);
        opening.open().map(|_| ()).map_err(|error| error.kind())
    };
    let second = Duration::from_secs(1);
    assert_eq!(kind(|opening| opening.options.scene_change = Some(0.0)), Ok(()));
    for least in [1.01, -0.1, f64::NAN, f64::INFINITY] {
        let mut opening = Opening::file(&program, &path);
        opening.options.scene_change = Some(least);
        assert_eq!(opening.open().unwrap_err().kind(), MediaErrorKind::Choice, "{least}");
    }
    assert_eq!(kind(|opening| opening.options.end = Some(Duration::ZERO)), Err(MediaErrorKind::Choice));
    for start in [60, 4_000_000] {
        let mut opening = Opening::file(&program, &path);
        opening.options.start = start * second;
        assert_eq!(opening.open().unwrap_err().kind(), MediaErrorKind::Choice, "{start} s");
    }
}

#[test]
fn the_place_of_damage_is_the_same_for_chosen_frames() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 30_000].iter_mut().for_each(|byte| *byte = !*byte);
    let end = |change: fn(&mut Opening)| {
        let mut opening = Opening::file(&program, "unused".as_ref());
        opening.input = VideoInput::Bytes(bytes.clone().into());
        change(&mut opening);
        opening.times().unwrap().1.end().unwrap()
    };
    let place = Duration::from_secs(20)..Duration::from_secs(60);
    let is_there = |end: VideoEnd| matches!(end, VideoEnd::Damaged { at } if place.contains(&at));
    assert!(is_there(end(|opening| opening.options.every = NonZeroU32::new(10).unwrap())));
    assert!(is_there(end(|opening| opening.options.frames_per_second_max = Some(1.0))));
    assert!(is_there(end(|opening| opening.options.scene_change = Some(0.002))));
    assert!(is_there(end(|opening| opening.options.start = Duration::from_secs(10))));
    assert_eq!(end(|opening| opening.options.end = Some(Duration::from_secs(10))), VideoEnd::Complete);
    assert_eq!(end(|opening| opening.options.start = Duration::from_secs(70)), VideoEnd::Complete);
}

#[test]
fn long_videos_are_cut_and_marked() {
    let Some(program) = program() else { return };
    let (_folder, path) = generate(&program, "-f lavfi -i color=s=64x64:r=1:d=36000 -c:v mpeg4", "long.mp4");
    let mut by_time = Opening::file(&program, &path);
    by_time.limits.duration = Duration::from_secs(100);
    let (times, decoder) = by_time.times().unwrap();
    assert_eq!((times.len(), decoder.end()), (101, Some(VideoEnd::Truncated(Truncation::Duration))));
    assert_eq!(decoder.info().declared_duration, Some(Duration::from_secs(36_000)));
    let mut by_count = Opening::file(&program, &path);
    by_count.options.frame_count_max = Some(7);
    let (times, decoder) = by_count.times().unwrap();
    assert_eq!((times.len(), decoder.end()), (7, Some(VideoEnd::Truncated(Truncation::FrameCount))));
    let mut sparse = Opening::file(&program, &path);
    sparse.limits.duration = Duration::from_secs(36_000);
    sparse.options.every = NonZeroU32::new(3600).unwrap();
    assert_eq!(sparse.times().unwrap().0.len(), 10);
}
