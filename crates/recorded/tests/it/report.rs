//! The report of a video that was worked through, of journals that are long, odd or broken off, and of many at once.

use crate::support::{Bench, starter};
use samovar_recorded::{
    DetectionRecord, FrameChoice, FrameRecord, ImageRecord, Journal, JournalEnd, JournalHeader, ReportOptions, Summary,
    timeline_svg, write_report,
};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

fn header(input: &str) -> JournalHeader {
    JournalHeader {
        input: input.to_owned(),
        source: None,
        model: "person".to_owned(),
        fingerprint: "ab".to_owned(),
        engine: "rten".to_owned(),
        precision: "f32".to_owned(),
        labels: Vec::new(),
        options: serde_json::Value::Null,
        choice: FrameChoice::default(),
    }
}

fn record(timestamp_ms: f64, labels: &[&str]) -> FrameRecord {
    let object = |(at, label): (usize, &&str)| DetectionRecord {
        class_id: at as u32,
        label: (*label).into(),
        score: 0.5,
        corners: [10.0, 10.0, 40.0, 80.0],
        track: None,
    };
    let detections = labels.iter().enumerate().map(object).collect();
    FrameRecord { frame: 0, timestamp_ms, image: ImageRecord { width: 160, height: 90 }, detections, timings: None }
}

/// A journal of those frames, with an end of that word where there is one.
fn journal(path: &Path, input: &str, frames: impl Iterator<Item = FrameRecord>, end: Option<&str>) {
    let (mut journal, mut summary) = (Journal::create(path, &header(input)).unwrap(), Summary::default());
    for record in frames {
        summary.add(&record);
        journal.add(&record).unwrap();
    }
    let Some(end) = end else { return journal.checkpoint().unwrap() };
    let damaged_at_ms = (end == "damaged").then_some(1_500.0);
    let (frames, performance) = (summary.frames, serde_json::Value::Null);
    journal.finish(&JournalEnd { frames, end: end.to_owned(), damaged_at_ms, summary, performance }).unwrap();
}

fn options(title: &str, bench: Option<&Bench>) -> ReportOptions {
    ReportOptions { title: title.to_owned(), ffmpeg: bench.map(|bench| bench.program.clone()), samples: 4 }
}

fn written(videos: &[(PathBuf, Option<PathBuf>)], options: &ReportOptions, name: &str) -> String {
    let out = videos[0].0.with_file_name(name);
    assert!(write_report(videos, options, &out, &CancellationToken::new()).unwrap());
    std::fs::read_to_string(out).unwrap()
}

/// Nothing of it is fetched, nothing of it runs.
fn assert_contained(page: &str) {
    for mark in ["<script", "<link", "<iframe", "@import", "url(", "javascript:", "onload", "onclick"] {
        assert!(!page.contains(mark), "{mark}");
    }
    let sources = page.split(" src=\"").skip(1);
    assert!(sources.into_iter().all(|source| source.starts_with("data:image/")));
    assert!(page.contains("default-src 'none'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_has_its_plot_counts_heat_map_and_sample_frames() {
    let Some(bench) = Bench::starter().await else { return };
    let (video, path) = (starter("samples/street.mp4"), bench.path("journal"));
    let choice = FrameChoice { every: 5.try_into().unwrap(), ..FrameChoice::default() };
    bench.go_on(&video, &choice, &path).await.unwrap();
    let (videos, options) = ([(path.clone(), Some(video))], options("A street", Some(&bench)));
    let page = tokio::task::spawn_blocking(move || written(&videos, &options, "report.html")).await.unwrap();
    assert_contained(&page);
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for words in ["<h1>A street</h1>", "street.mp4", "rten", "one in 5", "person", "complete", "Where"] {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(page.matches("data:image/png;base64,iVBOR").count(), 1);
    // One of them lies bare under the heat map.
    assert_eq!(page.matches("data:image/jpeg;base64,/9j/").count(), 5);
    let svg = timeline_svg(&path).unwrap();
    assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("person") && svg.matches("<path class=\"area\"").count() == 1);
}

#[test]
fn what_comes_from_outside_is_never_markup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let evil = "</title><script>alert('&\"')</script>\u{0}";
    journal(&path, evil, (0..30).map(|at| record(f64::from(at) * 100.0, &[evil, "car"])), Some(evil));
    let page = written(&[(path.clone(), None), (path.clone(), None)], &options(evil, None), "report.html");
    assert_contained(&page);
    assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)"));
    assert!(!timeline_svg(&path).unwrap().contains("<script"));
}

#[test]
fn a_long_video_makes_no_longer_a_page_than_a_short_one() {
    let folder = tempfile::tempdir().unwrap();
    let page = |name: &str, seconds: u32| {
        let path = folder.path().join(name);
        let labels = |at: u32| if at.is_multiple_of(3) { &["person", "car"][..] } else { &["person"] };
        journal(&path, name, (0..seconds).map(|at| record(f64::from(at) * 1_000.0, labels(at))), Some("complete"));
        written(&[(path, None)], &options(name, None), &format!("{name}.html"))
    };
    let (short, long) = (page("short", 400), page("long", 36_000));
    assert!(long.len() < short.len() + 60_000, "{} {}", short.len(), long.len());
    assert!(long.len() < 200_000, "{}", long.len());
    assert!(long.contains("9:59:59") && long.contains("36\u{202f}000"));
}

#[test]
fn every_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let frames = || (0..30).map(|at| record(f64::from(at) * 100.0, &["person"]));
    let videos = ["complete", "truncated", "damaged", "none", "empty"].map(|word| {
        let path = folder.path().join(word);
        let count = if word == "empty" { 0 } else { 30 };
        journal(&path, word, frames().take(count), Some(word).filter(|word| !matches!(*word, "none" | "empty")));
        (path, Some(folder.path().join("absent.mp4")))
    });
    let page = written(&videos, &options("Ends", None), "report.html");
    assert_contained(&page);
    for words in
        ["complete", "cut at a limit", "damaged at 0:01.5", "interrupted", "No frame was looked at", "5 videos"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(page.matches("class=\"damage\"").count(), 1);
    let plots = written(&videos, &options("Ends", None), "plots.svg");
    assert!(plots.starts_with("<svg") && plots.matches("<svg").count() == 1);
    assert_eq!(plots.matches("font-weight=\"600\"").count(), 5);
}

#[test]
fn a_video_that_is_gone_costs_its_sample_frames_alone() {
    let Some(program) = crate::support::ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    journal(&path, "gone.mp4", (0..30).map(|at| record(f64::from(at) * 100.0, &["person"])), Some("complete"));
    let options = ReportOptions { title: "Gone".to_owned(), ffmpeg: Some(program), samples: 4 };
    let page = written(&[(path, Some(folder.path().join("gone.mp4")))], &options, "report.html");
    assert!(!page.contains("image/jpeg") && page.contains("image/png"));
}

#[test]
fn a_journal_that_cannot_be_read_leaves_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let (absent, out) = (folder.path().join("absent"), folder.path().join("report.html"));
    let error = write_report(&[(absent, None)], &options("None", None), &out, &CancellationToken::new()).unwrap_err();
    assert_eq!(error.code(), "journal_unreadable");
    assert!(!out.exists());
}

#[test]
fn a_report_that_is_cancelled_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("journal"), folder.path().join("report.html"));
    journal(&path, "walk.mp4", (0..30).map(|at| record(f64::from(at) * 100.0, &["person"])), Some("complete"));
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    assert!(!write_report(&[(path, None)], &options("None", None), &out, &cancelled).unwrap());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "the journal alone");
}
