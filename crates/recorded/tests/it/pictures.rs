//! Boxes drawn on a second decode of the video.

use crate::support::{Bench, first, starter};
use samovar_media::{FramePool, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use samovar_recorded::{Drawing, FrameChoice, JournalReader};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn times(bench: &Bench, video: &Path) -> Vec<Duration> {
    let input = VideoInput::File(video.to_owned());
    let options = VideoOptions::new(bench.program.clone());
    let mut decoder = VideoDecoder::open(input, options, &VideoLimits::default(), FramePool::new(8)).unwrap();
    std::iter::from_fn(|| decoder.next_frame().unwrap()).map(|frame| frame.timestamp()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_annotated_video_has_the_journals_frames() {
    let Some(bench) = Bench::starter().await else { return };
    let (video, journal, out) = (starter("samples/street.mp4"), bench.path("journal"), bench.path("annotated.mp4"));
    let choice = FrameChoice { every: 2.try_into().unwrap(), start_s: 1.0, ..first(12) };
    bench.go_on(&video, &choice, &journal).await.unwrap();
    let drawing = Drawing { program: bench.program.clone(), limits: VideoLimits::default(), only_port: None };
    let input = || VideoInput::File(video.clone());
    let cancelled = CancellationToken::new();
    assert!(drawing.annotate(&journal, input(), &out, &cancelled).unwrap());
    let found = times(&bench, &out);
    assert_eq!(found.len(), 12);
    let mut reader = JournalReader::open(&journal).unwrap();
    let journaled: Vec<_> = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
    for (found, record) in found.iter().zip(&journaled) {
        let expected = record.timestamp() - journaled[0].timestamp();
        assert!(found.abs_diff(expected) < Duration::from_micros(50), "{found:?} for {expected:?}");
    }
    let before = std::fs::read(&out).unwrap();
    cancelled.cancel();
    assert!(!drawing.annotate(&journal, input(), &out, &cancelled).unwrap());
    assert_eq!(std::fs::read(&out).unwrap(), before, "what was there stays");
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 2, "no part is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pictures_are_of_the_frames_with_the_most_to_see() {
    let Some(bench) = Bench::starter().await else { return };
    let (video, journal) = (starter("samples/street.mp4"), bench.path("journal"));
    let choice = FrameChoice { every: 10.try_into().unwrap(), ..FrameChoice::default() };
    bench.go_on(&video, &choice, &journal).await.unwrap();
    let drawing = Drawing { program: bench.program.clone(), limits: VideoLimits::default(), only_port: None };
    let place = |number: u32| bench.path(&format!("thumbnail-{number}.jpg"));
    let input = VideoInput::File(video);
    let written = drawing.thumbnails((&journal, 3), &input, place, &CancellationToken::new()).unwrap();
    assert_eq!(written, 3);
    for number in 1..=3 {
        let jpeg = std::fs::read(place(number)).unwrap();
        let header = samovar_media::ImageHeader::read(&jpeg, &samovar_media::ImageLimits::default()).unwrap();
        assert_eq!((header.width, header.height), (480, 270));
    }
}
