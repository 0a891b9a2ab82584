//! What is interrupted and gone on with is what it would have been.

use crate::support::{Bench, Seen, facts, finished, first, starter};
use samovar_media::VideoInput;
use samovar_recorded::{FrameChoice, Journal, JournalReader, ResultFormat, WorkEnd};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Numbers that are the same in every run.
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_cut_anywhere_is_gone_on_with_to_the_same_end() {
    let Some(bench) = Bench::starter().await else { return };
    let (video, choice) = (starter("samples/street.mp4"), first(30));
    let journal = bench.path("journal.jsonl");
    bench.go_on(&video, &choice, &journal).await.unwrap();
    let (whole, expected) = (std::fs::read(&journal).unwrap(), facts(&journal));
    let table = bench.exported(&journal, ResultFormat::Csv, true);
    let mut number = numbers(7);
    for round in 0..20 {
        let cut = number(whole.len());
        let mut kept = whole[..cut].to_vec();
        if round % 3 == 0 {
            // As a power cut leaves it.
            kept.extend([0; 5_000]);
        }
        std::fs::write(&journal, kept).unwrap();
        let end = finished(bench.go_on(&video, &choice, &journal).await.unwrap());
        assert_eq!(facts(&journal), expected, "cut at {cut} of {}", whole.len());
        assert_eq!(bench.exported(&journal, ResultFormat::Csv, true), table);
        assert_eq!(end.frames, 30);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_is_gone_on_with_whatever_frames_are_chosen() {
    let Some(bench) = Bench::starter().await else { return };
    let video = starter("samples/street.mp4");
    let fine = FrameChoice { end_s: Some(3.0), ..FrameChoice::default() };
    let choices = [
        fine.clone(),
        FrameChoice { every: 7.try_into().unwrap(), ..fine.clone() },
        FrameChoice { fps: Some(3.7), ..fine.clone() },
        FrameChoice { scene_change: Some(0.002), frames_max: Some(12), ..fine.clone() },
        FrameChoice { start_s: 1.03, every: 2.try_into().unwrap(), frames_max: Some(11), ..fine.clone() },
        FrameChoice { keyframes: true, end_s: None, ..fine },
    ];
    for (number, choice) in choices.iter().enumerate() {
        let (whole, parts) = (bench.path(&format!("whole-{number}")), bench.path(&format!("parts-{number}")));
        let end = finished(bench.go_on(&video, choice, &whole).await.unwrap());
        assert!(end.frames >= 3, "{choice:?} leaves {}", end.frames);
        for at in [1, 2, 100] {
            let mut seen = Seen { cancel_at: Some((at, CancellationToken::new())), ..Seen::default() };
            bench.watched(&video, choice, &parts, &mut seen).await.unwrap();
        }
        finished(bench.go_on(&video, choice, &parts).await.unwrap());
        assert_eq!(facts(&parts), facts(&whole), "{choice:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_journal_is_left_as_it_is_and_another_work_is_refused() {
    let Some(bench) = Bench::starter().await else { return };
    let (video, choice) = (starter("samples/street.mp4"), first(4));
    let journal = bench.path("journal.jsonl");
    let end = finished(bench.go_on(&video, &choice, &journal).await.unwrap());
    let before = std::fs::read(&journal).unwrap();
    let again = finished(bench.go_on(Path::new("/nowhere.mp4"), &choice, &journal).await.unwrap());
    assert_eq!((again, std::fs::read(&journal).unwrap()), (end, before.clone()));
    let refused = bench.go_on(&video, &first(5), &journal).await.unwrap_err();
    assert_eq!(refused.code(), "journal_mismatch");
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    let other = bench.path("notes.txt");
    std::fs::write(&other, "not a journal\n").unwrap();
    assert_eq!(bench.go_on(&video, &choice, &other).await.unwrap_err().code(), "journal_unreadable");
    assert_eq!(std::fs::read(&other).unwrap(), b"not a journal\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_writes_a_journal_meanwhile_and_a_reader_may_read_it() {
    let Some(bench) = Bench::starter().await else { return };
    let (choice, path) = (first(4), bench.path("journal.jsonl"));
    let header = bench.header(&choice);
    let journal = Journal::create(&path, &header).unwrap();
    assert_eq!(Journal::resume(&path, &header).unwrap_err().code(), "output_failed");
    assert_eq!(Journal::create(&path, &header).unwrap_err().code(), "output_failed");
    assert_eq!(JournalReader::open(&path).unwrap().header().labels, header.labels);
    drop(journal);
    assert!(Journal::resume(&path, &header).unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_before_it_is_open_does_nothing() {
    let Some(bench) = Bench::starter().await else { return };
    let (choice, path) = (first(4), bench.path("journal.jsonl"));
    let journal = Journal::create(&path, &bench.header(&choice)).unwrap();
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let input = VideoInput::File(starter("samples/street.mp4"));
    let end = bench.work(&choice).run(input, journal, &mut Seen::default(), &cancelled).await.unwrap();
    assert_eq!((end, facts(&path).len()), (WorkEnd::Cancelled, 1));
}
