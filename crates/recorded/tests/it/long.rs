//! Memory does not depend on the length of a video. To be run alone, for it looks at the whole process:
//! `cargo nextest run -p samovar-recorded --run-ignored only long`.

use crate::support::{Bench, Seen, finished};
use samovar_media::VideoInput;
use samovar_recorded::{Drawing, Export, FrameChoice, Journal, JournalReader, ResultFormat, WorkEnd, export};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The most memory that the process has ever had resident, in MiB.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// A clip of tiny frames, two in a second, with a key frame every ten seconds.
fn generated(bench: &Bench, name: &str, seconds: u32) -> PathBuf {
    let out = bench.path(name);
    let source = format!("testsrc2=size=96x64:rate=2:duration={seconds}");
    let mut command = Command::new(bench.program.path());
    command.args(["-v", "error", "-f", "lavfi", "-i", &source]);
    let made = command.args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "20"]).arg(&out).status();
    assert!(made.unwrap().success());
    out
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute or two, and must be alone in its process"]
async fn ten_hours_take_the_memory_of_a_minute_and_are_cancelled_at_once() {
    let Some(bench) = Bench::starter().await else { return };
    let minute = generated(&bench, "minute.mp4", 60);
    let hours = generated(&bench, "hours.mp4", 36_000);
    let choice = FrameChoice { every: 20.try_into().unwrap(), ..FrameChoice::default() };
    finished(work(&bench, &minute, &FrameChoice::default(), "minute", &mut Seen::default()).await);
    let after_minute = peak_mib();
    let began = Instant::now();
    let end = finished(work(&bench, &hours, &choice, "hours", &mut Seen::default()).await);
    assert_eq!((end.frames, &*end.end), (3_600, "complete"));
    let after_hours = peak_mib();
    println!("a minute: {after_minute:.1} MiB, ten hours: {after_hours:.1} MiB, {:?}", began.elapsed());
    assert!(after_hours < after_minute + 16.0);
    for at in [1, 50] {
        let cancelled = CancellationToken::new();
        let mut seen = Seen { cancel_at: Some((at, cancelled)), ..Seen::default() };
        let end = work(&bench, &hours, &FrameChoice::default(), &format!("cancelled-{at}"), &mut seen).await;
        assert_eq!(end, WorkEnd::Cancelled);
        println!("ended {:?} after it was cancelled at frame {at}", seen.cancelled.unwrap().elapsed());
    }
}

async fn work(bench: &Bench, video: &Path, choice: &FrameChoice, name: &str, seen: &mut Seen) -> WorkEnd {
    let journal = Journal::create(&bench.path(name), &bench.header(choice)).unwrap();
    let cancelled = seen.token();
    let mut work = bench.work(choice);
    work.limits.duration = Duration::from_secs(11 * 3_600);
    work.run(VideoInput::File(video.to_owned()), journal, seen, &cancelled).await.unwrap()
}

/// A journal of so many frames with ten objects each, whose journal and results none could hold in memory.
fn written(bench: &Bench, name: &str, frames: u64) -> PathBuf {
    let path = bench.path(name);
    drop(Journal::create(&path, &bench.header(&FrameChoice::default())).unwrap());
    let mut file = std::io::BufWriter::new(std::fs::File::options().append(true).open(&path).unwrap());
    for frame in 0..frames {
        let boxes = (0..10).map(|at| {
            let x = at * 60 + frame % 50;
            format!(
                r#"{{"class_id":0,"label":"person","score":0.{}1,"box":[{x}.5,7.25,{}.125,90]}}"#,
                3 + at % 6,
                x + 40
            )
        });
        let boxes: Vec<String> = boxes.collect();
        let head = format!(r#""frame":{frame},"timestamp_ms":{},"image":{{"width":640,"height":360}}"#, frame * 40);
        writeln!(file, r#"{{{head},"detections":[{}]}}"#, boxes.join(",")).unwrap();
    }
    file.flush().unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes some minutes, and must be alone in its process"]
async fn exports_of_hours_take_the_memory_of_a_minute() {
    let Some(bench) = Bench::starter().await else { return };
    let (short, long) = (written(&bench, "short", 15_000), written(&bench, "long", 900_000));
    for format in ResultFormat::ALL {
        for (name, journal) in [("10 minutes", &short), ("10 hours", &long)] {
            let (began, out) = (Instant::now(), bench.path("out"));
            let before = peak_mib();
            let track = format == ResultFormat::Mot;
            export(std::slice::from_ref(journal), &Export { format, track }, &out).unwrap();
            let (after, bytes) = (peak_mib(), std::fs::metadata(&out).unwrap().len());
            println!("{} of {name}: {after:.1} MiB, {} MB, {:?}", format.name(), bytes / 1_000_000, began.elapsed());
            assert!(name == "10 minutes" || after < before + 16.0);
        }
    }
    let mut reader = JournalReader::open(&long).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().detections.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and must be alone in its process"]
async fn drawing_hours_takes_the_memory_of_a_minute_and_is_cancelled_at_once() {
    let Some(bench) = Bench::starter().await else { return };
    let hours = generated(&bench, "hours.mp4", 36_000);
    let journal = written(&bench, "journal", 72_000);
    // The times of two frames in a second.
    let text = std::fs::read_to_string(&journal).unwrap();
    let slow = text.lines().map(|line| match line.split_once(r#","timestamp_ms":"#) {
        Some((head, rest)) => {
            let (ms, rest) = rest.split_once(',').unwrap();
            format!("{head},\"timestamp_ms\":{},{rest}\n", ms.parse::<u64>().unwrap() / 40 * 500)
        }
        None => format!("{line}\n"),
    });
    std::fs::write(&journal, slow.collect::<String>()).unwrap();
    let mut drawing = Drawing { program: bench.program.clone(), limits: Default::default(), only_port: None };
    drawing.limits.duration = Duration::from_secs(11 * 3_600);
    let (cancelled, before, out) = (CancellationToken::new(), peak_mib(), bench.path("out.mp4"));
    let stop = cancelled.clone();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(20));
        stop.cancel();
        Instant::now()
    });
    assert!(!drawing.annotate(&journal, VideoInput::File(hours), &out, &cancelled).unwrap());
    println!("{before:.1} MiB before, {:.1} MiB after", peak_mib());
    println!("ended {:?} after it was cancelled", stopper.join().unwrap().elapsed());
    assert!(!out.exists());
}
