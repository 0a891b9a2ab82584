//! Brings the bytes of one file into its partial, going on where an earlier attempt stopped, and checks them.

use crate::cancel::Cancel;
use crate::checksum::Checksum;
use crate::error::{HubError, HubErrorKind};
use crate::event::Event;
use crate::fault::Fault;
use crate::http::{Answer, Http, header};
use crate::remote_file::RemoteFile;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// What one attempt needs.
pub(crate) struct Transfer<'a> {
    pub(crate) http: &'a Http,
    pub(crate) cancel: &'a Cancel,
    pub(crate) remote: &'a RemoteFile,
    /// What the content must hash to, where it is known.
    pub(crate) checksum: Option<&'a Checksum>,
    pub(crate) bytes_max: u64,
}

/// What an attempt brought, whether it succeeded or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    /// So much came over the line.
    pub(crate) fetched_bytes: u64,
    /// So much of the file is here.
    pub(crate) done_bytes: u64,
}

const PIECE_BYTES: usize = 128 << 10;

impl Transfer<'_> {
    /// Completes the file at `partial`, which nobody else writes. What has arrived stays there when this fails, unless it is wrong.
    pub(crate) fn attempt(
        &self,
        partial: &Path,
        brought: &mut Brought,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        let file = File::options().create(true).append(true).open(partial).map_err(writing)?;
        let kept_bytes = self.keep(&file)?;
        brought.done_bytes = kept_bytes;
        tell(Event::Begin { size_bytes: self.remote.size_bytes, kept_bytes });
        let is_complete = kept_bytes > 0 && self.remote.size_bytes == Some(kept_bytes);
        if !is_complete {
            self.fetch(&file, brought, tell)?;
        }
        file.sync_all().map_err(writing)?;
        tell(Event::Checking);
        self.check(partial, kept_bytes > 0)
    }

    /// How much of an earlier attempt can be built upon; the rest goes.
    fn keep(&self, file: &File) -> Result<u64, HubError> {
        let kept = file.metadata().map_err(writing)?.len();
        let fits = self.remote.size_bytes.is_none_or(|size| kept <= size);
        // Without a checksum nobody could tell afterwards whether both parts are of one file.
        if kept > 0 && (!fits || self.checksum.is_none()) {
            file.set_len(0).map_err(writing)?;
            return Ok(0);
        }
        Ok(kept)
    }

    fn fetch(&self, file: &File, brought: &mut Brought, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let answer = self.http.get(&self.remote.location, &self.range(brought.done_bytes))?;
        match answer.response.status().as_u16() {
            206 => self.continues(&answer, brought.done_bytes)?,
            200 => {
                // All of it, asked for or not.
                file.set_len(0).map_err(writing)?;
                brought.done_bytes = 0;
            }
            416 => {
                file.set_len(0).map_err(writing)?;
                return Err(Fault::passing(format!("{} has no more of the file", answer.url.host())));
            }
            _ => return Err(self.http.fault(&answer, "the file")),
        }
        self.is_same(&answer)?;
        self.copy(answer, file, brought, tell)
    }

    fn range(&self, kept_bytes: u64) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if kept_bytes > 0 {
            headers.push(("range", format!("bytes={kept_bytes}-")));
            // The store behind the Hub knows the content by another tag; there the checksum alone decides.
            let tag = self.remote.etag.if_range().filter(|_| self.remote.is_direct);
            headers.extend(tag.map(|tag| ("if-range", tag)));
        }
        headers
    }

    /// Whether a part begins where ours ends and belongs to a file of the same size.
    fn continues(&self, answer: &Answer, kept_bytes: u64) -> Result<(), Fault> {
        let range = header(answer.response.headers(), "content-range").unwrap_or_default();
        let (first, total) = content_range(range).ok_or_else(|| Fault::protocol("a part does not say which it is"))?;
        let fits = first == kept_bytes && total.zip(self.remote.size_bytes).is_none_or(|(total, size)| total == size);
        if fits { Ok(()) } else { Err(Fault::protocol("the server gives another part than was asked for")) }
    }

    /// Whether the Hub gives the content that it named before.
    fn is_same(&self, answer: &Answer) -> Result<(), Fault> {
        let tag = header(answer.response.headers(), "etag").and_then(crate::remote_file::Etag::read);
        let differs = tag.is_some_and(|tag| tag.as_str() != self.remote.etag.as_str());
        if self.remote.is_direct && differs { Err(Fault::passing("the file has just changed")) } else { Ok(()) }
    }

    fn copy(
        &self,
        answer: Answer,
        mut file: &File,
        brought: &mut Brought,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        let host = answer.url.host().to_owned();
        let size_max = self.remote.size_bytes.unwrap_or(self.bytes_max);
        let mut body = answer.response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            if self.cancel.is_stopped() {
                return Err(HubError::cancelled().into());
            }
            let count = body.read(&mut piece).map_err(|error| broken(error, &host))?;
            if count == 0 {
                break;
            }
            if brought.done_bytes.saturating_add(count as u64) > size_max {
                file.set_len(0).map_err(writing)?;
                let message = format!("{host} sends more than {size_max} bytes");
                return Err(HubError::new(HubErrorKind::TooLarge, message).into());
            }
            file.write_all(&piece[..count]).map_err(writing)?;
            brought.fetched_bytes += count as u64;
            brought.done_bytes += count as u64;
            tell(Event::Progress { done_bytes: brought.done_bytes });
        }
        match self.remote.size_bytes {
            Some(size) if brought.done_bytes < size => Err(Fault::passing(format!("{host} ended in the middle"))),
            _ => Ok(()),
        }
    }

    fn check(&self, partial: &Path, is_continued: bool) -> Result<(), Fault> {
        let Some(checksum) = self.checksum else { return Ok(()) };
        if checksum.holds(partial, self.cancel)? {
            return Ok(());
        }
        fs::remove_file(partial).map_err(writing)?;
        if is_continued {
            return Err(Fault::passing("what an earlier attempt had left was damaged"));
        }
        let message = "what arrived does not have the checksum that was expected; it is removed";
        Err(HubError::new(HubErrorKind::WrongHash, message).into())
    }
}

/// First byte and, where it is told, the whole size of `bytes FIRST-LAST/SIZE`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    (first <= last && total.is_none_or(|total| last < total)).then_some((first, total))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` takes")]
fn writing(error: io::Error) -> HubError {
    HubError::files("writing to the cache", &error)
}

fn broken(error: io::Error, host: &str) -> Fault {
    match error.downcast::<ureq::Error>() {
        Ok(error) => Fault::of_request(&error, host),
        Err(error) => Fault::passing(format!("the connection to {host} broke: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_which_they_are() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in ["", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "items 5-9/10", "bytes 5-9", "bytes -9/10"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
