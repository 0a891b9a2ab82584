//! A video that is damaged gives what could be decoded, and the place.

use crate::support::{Bench, Seen, finished, starter};
use samovar_media::VideoInput;
use samovar_recorded::{FrameChoice, Journal, RecordedErrorKind, WorkEnd};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// The clip of the street with damage in the pictures from 8.0 s on, which begin with the key frame at byte 307,425.
fn damaged(bench: &Bench) -> PathBuf {
    let mut bytes = std::fs::read(starter("samples/street.mp4")).unwrap();
    bytes[308_000..328_000].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
    let video = bench.path("damaged.mp4");
    std::fs::write(&video, bytes).unwrap();
    video
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_video_gives_a_part_and_the_place_of_the_damage() {
    let Some(bench) = Bench::starter().await else { return };
    let choice = FrameChoice { start_s: 6.0, end_s: Some(10.0), ..FrameChoice::default() };
    let whole = finished(bench.go_on(&starter("samples/street.mp4"), &choice, &bench.path("whole")).await.unwrap());
    assert_eq!((&*whole.end, whole.frames), ("complete", 48));
    let video = damaged(&bench);
    let end = finished(bench.go_on(&video, &choice, &bench.path("journal")).await.unwrap());
    assert_eq!(end.end, "damaged");
    let at = end.damaged_at_ms.unwrap();
    assert!((6_000.0..9_000.0).contains(&at), "{at} ms");
    assert!((24..=48).contains(&end.frames), "{} of 48", end.frames);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_video_is_told_and_leaves_a_journal_without_frames() {
    let Some(bench) = Bench::starter().await else { return };
    let video = bench.path("text.mp4");
    std::fs::write(&video, "this is not a video, however it is called").unwrap();
    let journal = bench.path("journal");
    let error = bench.go_on(&video, &FrameChoice::default(), &journal).await.unwrap_err();
    assert!(matches!(error.kind(), RecordedErrorKind::Media(_)), "{error:?}");
    assert_eq!(crate::support::facts(&journal).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_an_interrupted_run_has_seen_is_told_by_the_one_that_goes_on_behind_it() {
    let Some(bench) = Bench::starter().await else { return };
    let choice = FrameChoice { start_s: 6.0, ..FrameChoice::default() };
    let (video, journal) = (damaged(&bench), bench.path("journal"));
    let whole = finished(bench.go_on(&video, &choice, &bench.path("whole")).await.unwrap());
    assert_eq!(whole.end, "damaged");
    // Some four seconds behind the damage: the decoder begins three seconds before the last frame.
    let behind = whole.frames - 12;
    let mut seen = Seen { cancel_at: Some((behind, CancellationToken::new())), ..Seen::default() };
    assert_eq!(bench.watched(&video, &choice, &journal, &mut seen).await.unwrap(), WorkEnd::Cancelled);
    let held = Journal::resume(&journal, &bench.header(&choice)).unwrap().unwrap();
    assert!(held.end().is_none() && held.damaged_at().is_some());
    drop(held);
    let end = finished(bench.go_on(&video, &choice, &journal).await.unwrap());
    assert_eq!((end.end, end.frames), (whole.end, whole.frames));
    // The sign of damage may come some frames late, and not always by as many.
    let apart_ms = (end.damaged_at_ms.unwrap() - whole.damaged_at_ms.unwrap()).abs();
    assert!(apart_ms < 2_000.0, "{apart_ms} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_keeps_nothing_sums_up_all_the_same() {
    let Some(bench) = Bench::starter().await else { return };
    let choice = crate::support::first(12);
    let kept = finished(bench.go_on(&starter("samples/street.mp4"), &choice, &bench.path("journal")).await.unwrap());
    let input = VideoInput::File(starter("samples/street.mp4"));
    let work = bench.work(&choice);
    let end = work.run(input, Journal::unkept(), &mut Seen::default(), &CancellationToken::new()).await.unwrap();
    assert_eq!(finished(end).summary, kept.summary);
}
