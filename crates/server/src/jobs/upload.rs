//! A video on its way to the disk: looked at by its first bytes, counted, never whole in memory.

use super::folder::NewFolder;
use super::free_space::{self, write_error};
use super::upload_places::UploadPlace;
use super::{JobDesk, container};
use crate::Metrics;
use crate::error::{ApiError, Refusal};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

/// A video on its way to the disk.
pub(crate) struct Upload {
    desk: Arc<JobDesk>,
    metrics: Arc<Metrics>,
    folder: NewFolder,
    file: BufWriter<File>,
    /// The first bytes, until there are enough to be looked at.
    head: Vec<u8>,
    known: bool,
    bytes: u64,
    sha256: Sha256,
    _place: UploadPlace,
}

/// Bytes that are written at once, and the most that an upload holds in memory beside what its connection does.
const WRITE_BYTES: usize = 256 << 10;
/// Bytes after which the disk is looked at again.
const LOOK_EVERY: u64 = 16 << 20;

impl Upload {
    pub(super) async fn begin(
        desk: Arc<JobDesk>,
        metrics: Arc<Metrics>,
        folder: NewFolder,
        place: UploadPlace,
    ) -> Result<Self, ApiError> {
        let file = File::create_new(folder.upload()).await.map_err(|error| write_error(&error))?;
        // What comes from a connection comes in small pieces.
        let file = BufWriter::with_capacity(WRITE_BYTES, file);
        Ok(Self {
            desk,
            metrics,
            folder,
            file,
            head: Vec::new(),
            known: false,
            bytes: 0,
            sha256: Sha256::new(),
            _place: place,
        })
    }

    /// Writes what has come. The next bytes are taken once the disk has these.
    ///
    /// # Errors
    /// `unsupported_media`, `body_too_large`, `storage_full`, `storage_failed`.
    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        let before = self.bytes;
        self.bytes = before.saturating_add(chunk.len() as u64);
        if self.bytes > self.desk.settings.upload_bytes_max {
            return Err(too_large());
        }
        self.look(chunk)?;
        if self.bytes / LOOK_EVERY > before / LOOK_EVERY {
            self.desk.check_space(0).await?;
        }
        self.sha256.update(chunk);
        self.file.write_all(chunk).await.map_err(|error| write_error(&error))?;
        self.metrics.jobs.received(chunk.len());
        Ok(())
    }

    /// Writes all of it through to the disk and leaves the folder, which is still removed unless it is kept, and the SHA-256 of the video.
    ///
    /// # Errors
    /// `invalid_body` where nothing has come; those of writing.
    pub(crate) async fn finish(mut self) -> Result<(NewFolder, String), ApiError> {
        if self.bytes == 0 {
            return Err(ApiError::new(Refusal::Body, "the video is empty"));
        }
        if !self.known {
            container::check(&self.head)?;
        }
        self.file.flush().await.map_err(|error| write_error(&error))?;
        self.file.get_ref().sync_all().await.map_err(|error| write_error(&error))?;
        free_space::check(self.desk.settings.folder.clone(), self.desk.settings.free_bytes_min, 0).await?;
        self.folder.sync().await?;
        Ok((self.folder, format!("{:x}", self.sha256.finalize())))
    }

    fn look(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        if self.known {
            return Ok(());
        }
        let wanted = container::HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&chunk[..chunk.len().min(wanted)]);
        if self.head.len() == container::HEAD_BYTES {
            container::check(&self.head)?;
            self.known = true;
        }
        Ok(())
    }
}

/// What a client is told whose video is too large.
fn too_large() -> ApiError {
    ApiError::new(Refusal::BodySize, "the video is larger than may be sent along")
        .with_cure("send a shorter one, name a `path`, or raise `upload_bytes_max` in `[jobs]`")
}
