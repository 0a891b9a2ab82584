//! A video that is damaged gives what could be decoded, and the place.

use crate::support::{Bench, finished, starter};
use samovar_recorded::{FrameChoice, RecordedErrorKind};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_video_gives_a_part_and_the_place_of_the_damage() {
    let Some(bench) = Bench::starter().await else { return };
    let choice = FrameChoice { start_s: 6.0, end_s: Some(10.0), ..FrameChoice::default() };
    let mut bytes = std::fs::read(starter("samples/street.mp4")).unwrap();
    let whole = finished(bench.go_on(&starter("samples/street.mp4"), &choice, &bench.path("whole")).await.unwrap());
    assert_eq!((&*whole.end, whole.frames), ("complete", 48));
    // Pictures from 8.0 s on, which begin with the key frame at byte 307,425.
    bytes[308_000..328_000].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
    let video = bench.path("damaged.mp4");
    std::fs::write(&video, bytes).unwrap();
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
