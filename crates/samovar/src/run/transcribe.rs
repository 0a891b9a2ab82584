//! `samovar run transcribe`: every recording in order, one that fails not stopping the others.

use super::event_loop::block_on;
use super::input::{self, Input, Source};
use super::partial::Partial;
use super::recording_line::RecordingLine;
use super::transcribe_arguments::{HearingArguments, TranscribeArguments};
use super::transcribe_models;
use super::transcribe_report::TranscribeReport;
use super::transcript_record;
use super::transcript_target::TranscriptTarget;
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::run::record::FailureRecord;
use crate::{signals, stdout};
use samovar_media::{AudioInput, ChannelChoice};
use samovar_models::SpeechOptions;
use samovar_models::whisper::{DecodeOptions, SpeechError, Timestamps};
use samovar_runtime::Class;
use samovar_service::ServiceError;
use samovar_service::access::Caller;
use samovar_service::speech::{
    Chunking, SpeechService, TranscribeRequest, Transcript, TranscriptEvent, TranscriptSegment, language,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Runs the command.
///
/// # Errors
/// What keeps it from beginning: the command line, the configuration, the models, the output.
pub fn transcribe(arguments: &TranscribeArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let options = options(&arguments.hearing)?;
    let inputs = input::expand_sound(&arguments.inputs, arguments.recursive)?;
    let target = TranscriptTarget::of(&arguments.results, &inputs)?;
    // Read while Ctrl-C still ends the process: somebody may wait at a terminal for nothing.
    let stdin = inputs.iter().any(|input| input.source == Source::Stdin).then(Spool::stdin).transpose()?;
    block_on(async {
        let service = transcribe_models::load(arguments, &file).await?;
        let transcriber = service.transcriber(None, Instant::now() + DEADLINE).await.map_err(|error| told(&error))?;
        let model = transcriber.model()?;
        model.permits(&options).map_err(|error| refused(&error))?;
        drop(model);
        let report = TranscribeReport::new(target.spoken_format(), inputs.len(), arguments.results.quiet);
        let cancelled = signals::cancel_on_signal()?;
        let hearing = &arguments.hearing;
        Session { hearing, options, service, target, report, stdin, cancelled }.run(&inputs).await
    })
}

/// One run of the command.
struct Session<'a> {
    hearing: &'a HearingArguments,
    options: DecodeOptions,
    service: SpeechService,
    target: TranscriptTarget,
    report: TranscribeReport,
    stdin: Option<Spool>,
    cancelled: CancellationToken,
}

/// What came over stdin, in a file that goes away with it.
struct Spool {
    path: PathBuf,
    _folder: Partial,
}

/// Where what is told of one recording goes.
struct Telling<'a> {
    input: &'a Input,
    report: &'a mut TranscribeReport,
    line: RecordingLine,
    segments: Vec<TranscriptSegment>,
    heard_s: f64,
    /// Why stdout takes no more.
    deaf: Option<CliError>,
    /// Ends the hearing then.
    gone: CancellationToken,
}

/// For which nobody waits in vain.
const DEADLINE: Duration = Duration::from_secs(365 * 24 * 3_600);

impl Session<'_> {
    async fn run(mut self, inputs: &[Input]) -> Result<Exit, CliError> {
        for (index, input) in inputs.iter().enumerate() {
            if self.cancelled.is_cancelled() {
                break;
            }
            let failed = match self.recording(index, input).await {
                Ok(failure) => failure,
                Err(error) if is_of_output(&error) => return Err(error),
                Err(error) => Some(error),
            };
            self.report.progress.input_ended(failed.is_some());
            if let Some(error) = failed {
                self.report.failure(input, &error)?;
                self.target.write_line(&transcript_record::line(&FailureRecord::new(input, &error))?)?;
            }
        }
        self.target.finish()?;
        Ok(self.report.end(self.cancelled.is_cancelled()))
    }

    /// Hears one; why only a part of it could be heard, where that is so.
    async fn recording(&mut self, index: usize, input: &Input) -> Result<Option<CliError>, CliError> {
        let request = self.request(input)?;
        let (began, gone) = (Instant::now(), CancellationToken::new());
        let line = RecordingLine::new(&self.report.progress, &input.output_name.display().to_string());
        let mut telling = Telling {
            input,
            report: &mut self.report,
            line,
            segments: Vec::new(),
            heard_s: 0.0,
            deaf: None,
            gone: gone.clone(),
        };
        let caller = Caller::local();
        let heard = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => None,
            () = gone.cancelled() => None,
            heard = self.service.transcribe_watched(&caller, request, |event| telling.take(event)) => Some(heard),
        };
        let Telling { segments, heard_s, deaf, line, .. } = telling;
        drop(line);
        deaf.map_or(Ok(()), Err)?;
        let transcript = match heard {
            Some(heard) => heard.map_err(|error| told(&error))?,
            // What was heard until Ctrl-C is its result.
            None => self.unfinished(segments, heard_s),
        };
        self.target.write(index, input, &transcript)?;
        self.report.recording(input, transcript.duration_s, began.elapsed());
        Ok(transcript.failure.as_ref().map(told))
    }

    fn request(&self, input: &Input) -> Result<TranscribeRequest, CliError> {
        let path = match &input.source {
            Source::File(path) => path.clone(),
            Source::Stdin => self.stdin.as_ref().map(|spool| spool.path.clone()).unwrap_or_default(),
            Source::Url(_) => {
                let error = CliError::new("media_forbidden", "recordings are read from files, not from addresses");
                return Err(error.cure("fetch it first: curl -s ADDRESS | samovar run transcribe -"));
            }
        };
        Ok(TranscribeRequest {
            model: None,
            audio: AudioInput::File(path),
            channels: self.hearing.channel.map_or(ChannelChoice::Mean, ChannelChoice::One),
            options: self.options.clone(),
            chunking: if self.hearing.vad { Chunking::Speech(SpeechOptions::default()) } else { Chunking::Windows },
            class: Class::Job,
            deadline: Instant::now() + DEADLINE,
        })
    }

    fn unfinished(&self, segments: Vec<TranscriptSegment>, duration_s: f64) -> Transcript {
        Transcript {
            model: self.service.settings().model.as_deref().unwrap_or_default().into(),
            language: self.options.language,
            translated: self.options.translate,
            duration_s,
            segments,
            failure: None,
        }
    }
}

impl Telling<'_> {
    fn take(&mut self, event: TranscriptEvent<'_>) {
        match event {
            TranscriptEvent::Opened(info) => self.line.opened(info.duration_s),
            TranscriptEvent::HeardUntil(seconds) => {
                self.heard_s = seconds;
                self.line.heard_until(seconds);
            }
            TranscriptEvent::Segment(segment) => {
                self.segments.push(segment.clone());
                if self.deaf.is_none()
                    && let Err(error) = self.report.segment(self.input, segment)
                {
                    self.deaf = Some(error);
                    self.gone.cancel();
                }
            }
        }
    }
}

impl Spool {
    fn stdin() -> Result<Self, CliError> {
        let folder = Partial::temporary()?;
        let path = folder.folder().join("stdin.part");
        let copied = std::fs::File::create(&path).and_then(|mut file| std::io::copy(&mut std::io::stdin(), &mut file));
        copied.map_err(|error| stdout::write_error("the system's temporary folder", &error))?;
        Ok(Self { path, _folder: folder })
    }
}

fn options(typed: &HearingArguments) -> Result<DecodeOptions, CliError> {
    let spoken = typed.language.as_deref().map(language).transpose();
    let options = DecodeOptions {
        language: spoken.map_err(|error| told(&error).exit(Exit::Usage))?,
        translate: typed.translate,
        beams: usize::from(typed.beams),
        prompt: typed.prompt.clone(),
        hotwords: typed.hotwords.clone(),
        condition_on_previous_text: !typed.no_previous_text,
        timestamps: if typed.words { Timestamps::Word } else { Timestamps::Segment },
        ..DecodeOptions::default()
    };
    options.validate().map_err(|error| refused(&error))?;
    Ok(options)
}

fn refused(error: &SpeechError) -> CliError {
    CliError::new(error.code(), error.to_string()).exit(Exit::Usage)
}

fn told(error: &ServiceError) -> CliError {
    CliError::new(error.kind().code(), error.message())
}

/// Whether nothing more can be written: the others would fail too.
fn is_of_output(error: &CliError) -> bool {
    matches!(&*error.code, "output_failed" | "storage_full")
}
