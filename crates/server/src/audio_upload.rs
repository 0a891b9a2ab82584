//! A recording on its way in: a short one stays in memory, a longer one goes to a file that has no name, so that it is gone with the
//! request, however that ends. How many there are, and what they hold together, is bounded.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::jobs::{Form, UploadPlace, UploadPlaces};
use crate::limits::AudioUploadLimits;
use crate::request_body::body_error;
use crate::upload::is_form;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::StreamExt;
use samovar_jobs::JobErrorKind;
use samovar_media::AudioInput;
use samovar_service::access::Caller;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

/// Recordings on their way in, and those that are being heard. One value per server.
pub(crate) struct AudioUploads {
    limits: AudioUploadLimits,
    places: Arc<UploadPlaces>,
    held_bytes: Arc<AtomicU64>,
}

/// A recording on its way in.
pub(crate) struct AudioUpload {
    limits: AudioUploadLimits,
    /// What came so far, until it is too much to be kept in memory.
    memory: Vec<u8>,
    file: Option<BufWriter<File>>,
    held: Held,
    place: UploadPlace,
}

/// A recording that is all there. What holds it is let go when it is dropped.
pub(crate) struct ReceivedAudio {
    /// The recording.
    pub(crate) input: AudioInput,
    _held: Held,
    _place: UploadPlace,
}

/// Bytes of one recording.
struct Held {
    bytes: u64,
    all: Arc<AtomicU64>,
}

/// Bytes that are kept in memory of each recording.
const MEMORY_BYTES: usize = 1 << 20;
/// Bytes that are written to the disk at once.
const WRITE_BYTES: usize = 256 << 10;

impl AudioUploads {
    pub(crate) fn new(limits: AudioUploadLimits) -> Self {
        let places = UploadPlaces::new(limits.uploads_max, limits.uploads_per_client_max);
        Self { limits, places, held_bytes: Arc::default() }
    }

    /// For a recording that begins to come.
    ///
    /// # Errors
    /// `too_many_uploads`.
    pub(crate) fn begin(&self, caller: &Caller) -> Result<AudioUpload, ApiError> {
        let full = || ApiError::new(Refusal::Uploads, "as many recordings are on their way in, or heard, as may be");
        let place = self.places.enter(&caller.name).ok_or_else(full)?;
        let held = Held { bytes: 0, all: Arc::clone(&self.held_bytes) };
        Ok(AudioUpload { limits: self.limits, memory: Vec::new(), file: None, held, place })
    }

    /// The recording of a request: a field `file` of a form, or the body itself, whatever type it claims to be.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin) and [`AudioUpload::write`]; `invalid_body` where there is none.
    pub(crate) async fn receive(&self, caller: &Caller, request: Request) -> Result<ReceivedAudio, ApiError> {
        if is_form(request.headers()) {
            self.receive_form(caller, request).await
        } else {
            self.receive_body(caller, request).await
        }
    }

    async fn receive_form(&self, caller: &Caller, request: Request) -> Result<ReceivedAudio, ApiError> {
        let (mut form, mut received) = (Form::read(request).await?, None);
        while let Some(mut field) = form.next_field().await? {
            if field.name() != Some("file") || received.is_some() {
                return Err(ApiError::new(Refusal::Body, "the form takes `file`, once; options go into the query"));
            }
            let mut upload = self.begin(caller)?;
            while let Some(chunk) = field.chunk().await? {
                upload.write(&chunk).await?;
            }
            received = Some(upload.finish().await?);
        }
        received.ok_or_else(|| ApiError::new(Refusal::Body, "the form has no field `file`").about("file"))
    }

    async fn receive_body(&self, caller: &Caller, request: Request) -> Result<ReceivedAudio, ApiError> {
        let mut upload = self.begin(caller)?;
        let mut body = request.into_body().into_data_stream();
        while let Some(chunk) = body.next().await {
            upload.write(&chunk.map_err(|error| body_error(&error))?).await?;
        }
        upload.finish().await
    }
}

impl AudioUpload {
    /// Takes what has come. The next bytes are taken once these are in their place.
    ///
    /// # Errors
    /// `body_too_large`, `too_many_bytes`, `storage_full`, `storage_failed`.
    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        self.held.take(chunk.len() as u64, &self.limits)?;
        if self.file.is_none() && self.memory.len() + chunk.len() <= MEMORY_BYTES {
            self.memory.extend_from_slice(chunk);
            return Ok(());
        }
        self.write_through(chunk).await.map_err(|error| unwritten(&error))
    }

    /// The recording, whole; what it is, is not looked at here.
    ///
    /// # Errors
    /// `storage_full`, `storage_failed`.
    pub(crate) async fn finish(self) -> Result<ReceivedAudio, ApiError> {
        let input = match self.file {
            None => AudioInput::Bytes(Bytes::from(self.memory)),
            Some(mut file) => {
                file.flush().await.map_err(|error| unwritten(&error))?;
                AudioInput::Unnamed(Arc::new(file.into_inner().into_std().await))
            }
        };
        Ok(ReceivedAudio { input, _held: self.held, _place: self.place })
    }

    async fn write_through(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            let file = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(io::Error::other)??;
            self.file = Some(BufWriter::with_capacity(WRITE_BYTES, File::from_std(file)));
        }
        let before = std::mem::take(&mut self.memory);
        let file = self.file.as_mut().ok_or(ErrorKind::NotFound)?;
        file.write_all(&before).await?;
        file.write_all(chunk).await
    }
}

impl Held {
    fn take(&mut self, bytes: u64, limits: &AudioUploadLimits) -> Result<(), ApiError> {
        if self.bytes.saturating_add(bytes) > limits.bytes_max {
            return Err(too_large());
        }
        let more = |all: u64| all.checked_add(bytes).filter(|sum| *sum <= limits.held_bytes_max);
        let full = |_| ApiError::new(Refusal::Bodies, "the server holds as many bytes of recordings as it may");
        self.all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_err(full)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl App {
    /// When a recording that has arrived now is heard too late: `timeout_ms` lowers the server's own limit.
    pub(crate) fn recording_deadline(&self, timeout_ms: Option<u64>) -> std::time::Instant {
        let limit = self.options.limits.recording_time;
        let time = timeout_ms.map_or(limit, |asked| std::time::Duration::from_millis(asked).min(limit));
        std::time::Instant::now() + time
    }
}

/// What a client is told whose recording is too large.
fn too_large() -> ApiError {
    ApiError::new(Refusal::BodySize, "the recording is larger than may be sent")
        .with_cure("send it compressed, or in parts")
        .about("file")
}

fn unwritten(error: &io::Error) -> ApiError {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        return ApiError::new(Refusal::Job(JobErrorKind::StorageFull), "the disk of the server is full")
            .with_cure("make space where the server keeps temporary files, then ask again");
    }
    tracing::error!(%error, "a recording cannot be written to a temporary file");
    ApiError::new(Refusal::Job(JobErrorKind::Storage), "the server cannot write the recording to its disk")
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_service::access::Peer;
    use std::io::Read;
    use std::net::{IpAddr, Ipv4Addr};

    fn uploads() -> (AudioUploads, Caller) {
        let limits = AudioUploadLimits {
            bytes_max: 3 << 20,
            held_bytes_max: 4 << 20,
            uploads_max: 3,
            uploads_per_client_max: 2,
        };
        let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), connection: samovar_runtime::StreamKey(1) };
        (AudioUploads::new(limits), Caller::anonymous(&peer))
    }

    fn held(uploads: &AudioUploads) -> u64 {
        uploads.held_bytes.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_short_recording_stays_in_memory_and_a_longer_one_goes_to_a_file() {
        let (uploads, caller) = uploads();
        let sent: Vec<u8> = (0..(2_u32 << 20)).map(|at| (at % 251) as u8).collect();
        for length in [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, sent.len()] {
            let mut upload = uploads.begin(&caller).unwrap();
            for chunk in sent[..length].chunks(60_001) {
                upload.write(chunk).await.unwrap();
            }
            let received = upload.finish().await.unwrap();
            let found = match &received.input {
                AudioInput::Bytes(bytes) if length <= MEMORY_BYTES => bytes.to_vec(),
                AudioInput::Unnamed(file) if length > MEMORY_BYTES => {
                    let (mut all, mut file) = (Vec::new(), file.try_clone().unwrap());
                    io::Seek::rewind(&mut file).unwrap();
                    file.read_to_end(&mut all).unwrap();
                    all
                }
                other => panic!("{length}: {other:?}"),
            };
            assert!(found == sent[..length], "{length}");
            assert_eq!(held(&uploads), length as u64);
        }
        assert_eq!(held(&uploads), 0);
    }

    #[tokio::test]
    async fn each_and_all_together_have_limits_and_give_back_what_they_took() {
        let (uploads, caller) = uploads();
        let (mut first, mut second) = (uploads.begin(&caller).unwrap(), uploads.begin(&caller).unwrap());
        assert_eq!(uploads.begin(&caller).err().map(|error| error.code()), Some("too_many_uploads"));
        first.write(&vec![0; 3 << 20]).await.unwrap();
        assert_eq!(first.write(&[0]).await.unwrap_err().code(), "body_too_large");
        assert_eq!(second.write(&vec![0; 2 << 20]).await.unwrap_err().code(), "too_many_bytes");
        assert_eq!(held(&uploads), 3 << 20);
        drop(first);
        second.write(&vec![0; 2 << 20]).await.unwrap();
        let received = second.finish().await.unwrap();
        assert_eq!(held(&uploads), 2 << 20);
        drop(received);
        assert_eq!(held(&uploads), 0);
        assert!(uploads.begin(&caller).is_ok());
    }
}
