//! One video: opened, worked through frame by frame, its end judged.

use super::annotate::{AnnotatedVideo, Annotator};
use super::input::{Input, Source};
use super::progress::Progress;
use super::record::FrameRecord;
use super::report::Report;
use crate::arguments::DetectArguments;
use crate::failure::CliError;
use samovar_media::{
    FfmpegProgram, FramePool, MediaErrorKind, PoolPurpose, UrlScheme, VideoDecoder, VideoEnd, VideoInfo, VideoInput,
    VideoLimits, VideoOptions,
};
use samovar_models::{DetectOptions, Detector};
use samovar_pipelines::{DetectVideo, VideoOutcome};
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
        let Some(decoder) = self.open(input, program).await? else { return Ok(()) };
        let progress = Progress::new(self.frames_expected(decoder.info()), &input.output_name.display().to_string());
        let end = self.frames(input, decoder, annotated.as_mut(), (report, &progress)).await;
        progress.end();
        if let Some(annotated) = annotated {
            annotated.finish()?;
        }
        judge(end?)
    }

    /// None where it was cancelled.
    async fn open(&self, input: &Input, program: FfmpegProgram) -> Result<Option<VideoDecoder>, CliError> {
        let mut options = VideoOptions::new(program);
        options.every = self.arguments.every;
        options.frame_count_max = self.arguments.frames_max.map(Into::into);
        // The operator typed these addresses, so they are allowed; a server never opens one for a client.
        options.schemes = vec![UrlScheme::Http, UrlScheme::Https, UrlScheme::Rtsp];
        let pool = FramePool::counted(
            PoolPurpose::Video,
            options.frames_ahead.get() as usize + 1 + self.in_flight + FRAMES_DRAWN,
        );
        let source = match &input.source {
            Source::Url(url) => VideoInput::Url(url.clone()),
            Source::File(path) => VideoInput::File(path.clone()),
            Source::Stdin => {
                return Err(CliError::new("unsupported_media", "a video cannot be read from stdin: give a file"));
            }
        };
        let opening =
            tokio::task::spawn_blocking(move || VideoDecoder::open(source, options, &VideoLimits::default(), pool));
        tokio::select! {
            opened = opening => match opened {
                Ok(opened) => Ok(Some(opened?)),
                Err(_) => Err(CliError::new("internal", "opening the video failed")),
            },
            () = self.cancelled.cancelled() => Ok(None),
        }
    }

    async fn frames(
        &self,
        input: &Input,
        decoder: VideoDecoder,
        mut annotated: Option<&mut AnnotatedVideo>,
        (report, progress): (&mut Report, &Progress),
    ) -> Result<Option<VideoEnd>, CliError> {
        let video = DetectVideo { options: self.options.clone(), stream: StreamKey(1), in_flight: self.in_flight };
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
                annotated.add(&frame, &completed.output)?;
            }
            let number = index * u64::from(self.arguments.every.get());
            report.frame(input, FrameRecord::new(number, frame.timestamp()), &completed)?;
            progress.step();
        }
    }

    /// Frames to come, as far as the container tells.
    fn frames_expected(&self, info: &VideoInfo) -> Option<u64> {
        let duration_s = info.declared_duration?.as_secs_f64();
        let frames =
            (duration_s * info.declared_frames_per_second? / f64::from(self.arguments.every.get())).ceil() as u64;
        Some(self.arguments.frames_max.map_or(frames, |max| frames.min(max.get())))
    }
}

/// Whether a video counts as worked through.
fn judge(end: Option<VideoEnd>) -> Result<(), CliError> {
    match end {
        Some(VideoEnd::Damaged { at }) => {
            let message = format!(
                "the video is damaged from about {:.1} s on; what could be decoded was worked through",
                at.as_secs_f64()
            );
            Err(CliError::new(MediaErrorKind::Corrupt.code(), message).cure("fetch or record it again"))
        }
        Some(VideoEnd::Complete | VideoEnd::Truncated(_)) | None => Ok(()),
    }
}
