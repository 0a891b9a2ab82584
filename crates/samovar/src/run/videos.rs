//! One video: opened, worked through frame by frame, its end judged.

use super::annotate::{AnnotatedVideo, Annotator, draw_detections};
use super::input::Input;
use super::progress::Progress;
use super::reading::{VideoReading, judge};
use super::record::FrameRecord;
use super::report::Report;
use crate::arguments::DetectArguments;
use crate::failure::CliError;
use samovar_media::{FfmpegProgram, VideoDecoder, VideoEnd};
use samovar_models::{DetectOptions, Detector};
use samovar_pipelines::{DetectVideo, VideoBounds, VideoOutcome};
use samovar_runtime::StreamKey;
use tokio_util::sync::CancellationToken;

/// What all videos of a command share.
pub struct VideoWork<'a> {
    /// What was typed.
    pub arguments: &'a DetectArguments,
    /// The model.
    pub detector: &'a Detector,
    /// Thresholds.
    pub options: &'a DetectOptions,
    /// Frames between decoder and result.
    pub in_flight: usize,
    /// Ends everything early.
    pub cancelled: &'a CancellationToken,
}

/// Frames that a video's annotation holds besides those in flight.
const FRAMES_DRAWN: usize = 2;

impl VideoWork<'_> {
    /// Works one video through. Frames before a failure are reported.
    ///
    /// # Errors
    /// What is wrong with the video.
    pub async fn run(
        &self,
        input: &Input,
        program: FfmpegProgram,
        annotator: Option<&mut Annotator>,
        report: &mut Report,
    ) -> Result<(), CliError> {
        let mut annotated = annotator.map(|annotator| annotator.video(input, program.clone())).transpose()?;
        let reading = VideoReading {
            frames: self.arguments.looked_at,
            frames_held: self.in_flight + FRAMES_DRAWN,
            cancelled: self.cancelled,
        };
        let Some(decoder) = reading.open(input, program).await? else { return Ok(()) };
        let progress = Progress::new(reading.frames_expected(decoder.info()), &input.output_name.display().to_string());
        let end = self.frames(input, decoder, annotated.as_mut(), (report, &progress)).await;
        progress.end();
        if let Some(annotated) = annotated {
            annotated.finish()?;
        }
        judge(end?)
    }

    async fn frames(
        &self,
        input: &Input,
        decoder: VideoDecoder,
        mut annotated: Option<&mut AnnotatedVideo>,
        (report, progress): (&mut Report, &Progress),
    ) -> Result<Option<VideoEnd>, CliError> {
        let bounds = VideoBounds { max_queue_size: Some(self.in_flight), ..VideoBounds::default() };
        let video = DetectVideo { options: self.options.clone(), stream: StreamKey(1), bounds };
        let mut detections = video.start(self.detector.clone(), decoder);
        loop {
            let next = tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Ok(None),
                next = detections.next() => next,
            };
            let Some(outcome) = next else { return Ok(detections.end()?) };
            let VideoOutcome { index, frame, completed } = outcome?;
            if let Some(annotated) = annotated.as_deref_mut() {
                annotated.add(&frame, |canvas| draw_detections(canvas, &completed.output))?;
            }
            let number = index * u64::from(self.arguments.looked_at.every.get());
            report.frame(input, FrameRecord::new(number, frame.timestamp()), &completed)?;
            progress.step();
        }
    }
}
