//! A recording that is decoded on a thread of its own, one block ahead of whoever hears it.

use super::SampleSource;
use samovar_media::{AudioBlock, AudioError, AudioInfo, AudioInput, AudioLimits, AudioOptions, AudioReader};
use samovar_runtime::{RunError, RunErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// A [`SampleSource`] over an [`AudioReader`]. Of a recording of any length there are at most [`ReaderSource::BLOCKS_AHEAD`] blocks of a
/// second and more in memory: a reader that nobody asks waits. Whoever drops it ends the thread with the block it is at, at the latest
/// when the decoder's own limit ([`AudioLimits::stall`]) is over.
///
/// What fails on the way ends the recording as its end would, so that whatever was decoded before is heard; why it ended so is then in
/// [`failure`](Self::failure), and whoever tells a result must tell that too.
#[derive(Debug)]
pub struct ReaderSource {
    blocks: mpsc::Receiver<Message>,
    failure: Option<RunError>,
    has_ended: bool,
    held: Arc<AtomicUsize>,
}

/// What the thread tells: blocks, then the end, with why it is not that of the whole recording.
enum Message {
    Block(Vec<f32>),
    End(Option<RunError>),
}

/// Blocks that wait to be taken.
const QUEUED_MAX: usize = 1;

impl ReaderSource {
    /// Blocks that were decoded and not taken, at most: one waits to be taken, one waits for its place.
    pub const BLOCKS_AHEAD: usize = QUEUED_MAX + 1;

    /// Opens a recording and decodes its first samples. Of several tracks the first is heard.
    ///
    /// # Errors
    /// `Input` with the code of the [`AudioError`]; `Internal` where the system has no thread for it.
    pub async fn open(
        input: AudioInput,
        options: &AudioOptions,
        limits: &AudioLimits,
    ) -> Result<(AudioInfo, Self), RunError> {
        let ((opened, info), (sender, blocks)) = (oneshot::channel(), mpsc::channel(QUEUED_MAX));
        let (options, limits, held) = (options.clone(), limits.clone(), Arc::<AtomicUsize>::default());
        let thread = std::thread::Builder::new().name("audio-reader".into());
        let counted = Arc::clone(&held);
        let work = move || match AudioReader::open(input, &options, &limits) {
            Err(error) => drop(opened.send(Err(told(&error)))),
            // Whoever asked may have gone meanwhile.
            Ok(reader) => {
                if opened.send(Ok(reader.info().clone())).is_ok() {
                    read(reader, &sender, &counted);
                }
            }
        };
        // It ends with the recording or with the channel.
        drop(thread.spawn(work).map_err(|_| internal("the system has no thread for another recording"))?);
        let info = info.await.unwrap_or_else(|_| Err(lost()))?;
        Ok((info, Self { blocks, failure: None, has_ended: false, held }))
    }

    /// Once the recording has ended: why not all of it was heard. None where it was.
    pub const fn failure(&self) -> Option<&RunError> {
        self.failure.as_ref()
    }

    /// Samples that were decoded and not taken.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }
}

impl SampleSource for ReaderSource {
    async fn next_block(&mut self) -> Result<Option<Vec<f32>>, RunError> {
        if self.has_ended {
            return Ok(None);
        }
        // A thread that is gone without its last word has panicked.
        match self.blocks.recv().await.unwrap_or_else(|| Message::End(Some(lost()))) {
            Message::Block(samples) => {
                self.held.fetch_sub(samples.len(), Ordering::AcqRel);
                Ok(Some(samples))
            }
            Message::End(failure) => {
                (self.failure, self.has_ended) = (failure, true);
                Ok(None)
            }
        }
    }
}

/// The life of the thread once the recording is open.
fn read(mut reader: AudioReader, blocks: &mpsc::Sender<Message>, held: &AtomicUsize) {
    let end = loop {
        match reader.next_block().map(|block| block.map(|block: AudioBlock<'_>| block.mono().to_vec())) {
            Ok(Some(samples)) => {
                held.fetch_add(samples.len(), Ordering::AcqRel);
                if blocks.blocking_send(Message::Block(samples)).is_err() {
                    return;
                }
            }
            Ok(None) if reader.is_damaged() => break Some(damaged()),
            Ok(None) => break None,
            Err(error) => break Some(told(&error)),
        }
    };
    // Nobody listens any more where it was dropped.
    drop(blocks.blocking_send(Message::End(end)));
}

fn told(error: &AudioError) -> RunError {
    RunError::new(RunErrorKind::Input { code: error.kind().code() }, error.to_string())
}

fn damaged() -> RunError {
    let message = "a part of the audio is damaged or cut off; what could be decoded was heard: send it again, whole";
    RunError::new(RunErrorKind::Input { code: "audio_damaged" }, message)
}

fn lost() -> RunError {
    internal("the audio decoder was lost; try again")
}

fn internal(message: &str) -> RunError {
    RunError::new(RunErrorKind::Internal, message)
}
