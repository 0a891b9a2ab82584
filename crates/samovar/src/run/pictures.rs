//! Pictures on their way: a bounded number at once, results in the order of the inputs.

use super::input::{Input, unreadable};
use crate::failure::CliError;
use samovar_media::{ImageLimits, MediaError, MediaErrorKind, Picture};
use samovar_models::{DetectOptions, Detections, Detector};
use samovar_runtime::{Call, Class, Completed, Pending, StreamKey};
use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;

/// Pictures whose result is still to come, oldest first.
pub struct PicturesInFlight {
    detector: Detector,
    options: DetectOptions,
    limits: ImageLimits,
    waiting: VecDeque<InFlight>,
    /// Pictures at once: twice the slots keep every slot busy while one result is written.
    count_max: usize,
}

/// A picture and where its result will come from.
struct InFlight {
    index: usize,
    input: Input,
    started: Result<(Picture, Pending<Detections>), CliError>,
}

/// A picture and what became of it.
pub struct Settled {
    /// Its place among the inputs.
    pub index: usize,
    /// Where it came from.
    pub input: Input,
    /// The picture, still compressed, and what was found.
    pub outcome: Result<(Picture, Completed<Detections>), CliError>,
}

/// Bytes of one compressed picture.
const PICTURE_BYTES_MAX: u64 = 64 << 20;

impl PicturesInFlight {
    /// Nothing on its way yet.
    pub const fn new(detector: Detector, options: DetectOptions, limits: ImageLimits, count_max: usize) -> Self {
        Self { detector, options, limits, waiting: VecDeque::new(), count_max }
    }

    /// Whether a result must be taken before another picture goes in.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.count_max
    }

    /// Sends a picture on its way; that it cannot be used is told when its turn comes.
    pub async fn start(&mut self, index: usize, input: Input, bytes: Result<Vec<u8>, MediaError>) {
        let started = self.submit(bytes).await;
        self.waiting.push_back(InFlight { index, input, started });
    }

    /// The oldest picture's result; none when nothing is on its way.
    pub async fn settle(&mut self) -> Option<Settled> {
        let InFlight { index, input, started } = self.waiting.pop_front()?;
        let outcome = match started {
            Ok((picture, pending)) => pending.await.map(|completed| (picture, completed)).map_err(CliError::from),
            Err(error) => Err(error),
        };
        Some(Settled { index, input, outcome })
    }

    async fn submit(&self, bytes: Result<Vec<u8>, MediaError>) -> Result<(Picture, Pending<Detections>), CliError> {
        let picture = Picture::encoded(bytes?.into(), self.limits)?;
        let call = Call::new(Class::Job, StreamKey(0));
        let pending = self.detector.detect_waiting(picture.clone(), self.options.clone(), call).await?;
        Ok((picture, pending))
    }
}

/// The bytes of a picture file.
///
/// # Errors
/// `Unreadable`, or `TooLarge` for a file that no picture needs.
pub fn read_file(path: &Path) -> Result<Vec<u8>, MediaError> {
    std::fs::File::open(path).map_err(|error| unreadable(&error)).and_then(read)
}

/// The bytes of a picture on standard input.
///
/// # Errors
/// As [`read_file`].
pub fn read_stdin() -> Result<Vec<u8>, MediaError> {
    read(std::io::stdin().lock())
}

fn read(source: impl Read) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Vec::new();
    source.take(PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > PICTURE_BYTES_MAX {
        let message = format!("the picture file has more than {PICTURE_BYTES_MAX} bytes: scale it down");
        return Err(MediaError::new(MediaErrorKind::TooLarge, message));
    }
    Ok(bytes)
}
