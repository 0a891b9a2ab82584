//! `samovar run embed`: a vector for each text, a chunk after the other; one that fails does not stop the others.

use super::embed_arguments::{EmbedArguments, VectorArguments};
use super::embed_model;
use super::embed_report::EmbedReport;
use super::event_loop::block_on;
use super::text_lines::{TextLine, TextLines};
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::signals;
use samovar_runtime::Class;
use samovar_service::ServiceError;
use samovar_service::access::Caller;
use samovar_service::text::{EmbedRequest, Embedded, Item, TextLimits, TextService};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Runs the command.
///
/// # Errors
/// What keeps it from beginning: the command line, the configuration, the model, the output; and an option that the model has not.
pub fn embed(arguments: &EmbedArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let lines = TextLines::of(&arguments.inputs, TextLimits::default().text_bytes_max)?;
    block_on(async {
        let (model, service) = embed_model::load(arguments, &file).await?;
        let report = EmbedReport::new(&arguments.results)?;
        let cancelled = signals::cancel_on_signal()?;
        Session { typed: &arguments.vectors, model, service, report, caller: Caller::local() }
            .run(lines, cancelled)
            .await
    })
}

struct Session<'a> {
    typed: &'a VectorArguments,
    model: String,
    service: TextService,
    report: EmbedReport<'a>,
    caller: Caller,
}

/// Where reading goes on, and what was read.
type Read = (TextLines, Vec<TextLine>);

/// For which nobody waits in vain.
const DEADLINE: Duration = Duration::from_secs(365 * 24 * 3_600);

impl Session<'_> {
    /// While one chunk is worked through the next is read; there are never more.
    async fn run(mut self, lines: TextLines, cancelled: CancellationToken) -> Result<Exit, CliError> {
        let mut reading = read(lines);
        loop {
            let (lines, chunk) = tokio::select! {
                biased;
                () = cancelled.cancelled() => break,
                read = &mut reading => read.map_err(|_| CliError::new("internal", "the reader of texts was lost"))?,
            };
            if chunk.is_empty() {
                break;
            }
            reading = read(lines);
            tokio::select! {
                biased;
                () = cancelled.cancelled() => break,
                done = self.chunk(chunk) => done?,
            }
        }
        self.report.end(cancelled.is_cancelled())
    }

    async fn chunk(&mut self, chunk: Vec<TextLine>) -> Result<(), CliError> {
        let texts = chunk.iter().filter_map(|line| line.text.as_ref().ok().cloned()).collect();
        let mut vectors = self.vectors(texts).await?.into_iter();
        for TextLine { place, text } in &chunk {
            let outcome = match text {
                Ok(text) => vectors.next().map(|vector| vector.map(|vector| (text, vector))),
                Err(error) => Some(Err(error.clone())),
            };
            match outcome.unwrap_or_else(|| Err(CliError::new("internal", "it has no vector"))) {
                Ok((text, vector)) => self.report.vector(place.as_ref(), text, &vector)?,
                Err(error) => self.report.failure(place.as_ref(), &error)?,
            }
        }
        Ok(())
    }

    /// The vector of each text. Where one fails its request does: the halves are then asked for alone, down to that text.
    async fn vectors(&self, texts: Vec<String>) -> Result<Vec<Result<Embedded, CliError>>, CliError> {
        let (mut outcomes, mut left) = (Vec::with_capacity(texts.len()), vec![texts]);
        while let Some(mut texts) = left.pop() {
            if texts.is_empty() {
                continue;
            }
            match self.service.embed(&self.caller, self.request(&texts)).await {
                Ok(answer) => outcomes.extend(answer.items.into_iter().map(Ok)),
                Err(error) if !is_of_a_text(&error) => return Err(told(&error)),
                Err(error) if texts.len() == 1 => outcomes.push(Err(told(&error))),
                Err(_) => {
                    let second = texts.split_off(texts.len() / 2);
                    left.extend([second, texts]);
                }
            }
        }
        Ok(outcomes)
    }

    fn request(&self, texts: &[String]) -> EmbedRequest {
        let items = texts.iter().cloned().map(Item::Text).collect();
        EmbedRequest {
            prompt: self.typed.prompt.clone(),
            purpose: self.typed.input_type.map(Into::into),
            dimensions: self.typed.dimensions.map(NonZeroUsize::get),
            normalize: self.typed.normalize,
            truncate: self.typed.truncate.into(),
            class: Class::Job,
            ..EmbedRequest::new(Some(self.model.clone()), items, Instant::now() + DEADLINE)
        }
    }
}

/// On a thread that may wait for who writes.
fn read(mut lines: TextLines) -> JoinHandle<Read> {
    tokio::task::spawn_blocking(move || {
        let chunk = lines.next_chunk();
        (lines, chunk)
    })
}

/// Whether another text may fare better.
fn is_of_a_text(error: &ServiceError) -> bool {
    matches!(
        error.kind().code(),
        "text_too_long" | "text_too_large" | "text_empty" | "empty_input" | "text_unreadable" | "not_finite"
    )
}

fn told(error: &ServiceError) -> CliError {
    CliError::new(error.kind().code(), error.message())
}
