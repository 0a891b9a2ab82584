//! Where the video of a job is, looked at once more before it is opened.

use super::failure::{never, retry};
use samovar_jobs::RunEnd;
use samovar_media::VideoInput;
use samovar_pipelines::SourceAddress;
use samovar_recorded::{TaskInput, WorkFolder};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Where the video of a job is.
#[derive(Clone, Debug)]
pub struct VideoPlace {
    /// What is opened.
    pub input: VideoInput,
    /// Size in bytes and time of the last change in ms since 1970, where it is a file: another file is another work.
    pub look: Option<(u64, u64)>,
    /// The port of an address: the video comes from there alone, for a client named it.
    pub only_port: Option<u16>,
}

impl VideoPlace {
    /// Looks for the video. A path is held against the allowed folders once more, since links may have changed since it was handed in.
    /// Blocks for as long as the disk does.
    ///
    /// # Errors
    /// A file that is gone, or that may not be read.
    pub fn find(input: &TaskInput, folder: &WorkFolder, roots: &[PathBuf]) -> Result<Self, RunEnd> {
        match input {
            TaskInput::Upload => Self::file(folder.upload()),
            TaskInput::Path(path) => {
                let real = path.canonicalize().map_err(|_| gone())?;
                let within = |root: &PathBuf| root.canonicalize().is_ok_and(|root| real.starts_with(root));
                if roots.iter().any(within) { Self::file(real) } else { Err(outside()) }
            }
            TaskInput::Url(url) => Ok(Self {
                input: VideoInput::Url(url.clone()),
                look: None,
                only_port: SourceAddress::parse(url).ok().and_then(|address| Some(address.remote()?.1)),
            }),
        }
    }

    fn file(path: PathBuf) -> Result<Self, RunEnd> {
        let look = look(&path)?;
        Ok(Self { input: VideoInput::File(path), look: Some(look), only_port: None })
    }
}

fn look(path: &Path) -> Result<(u64, u64), RunEnd> {
    let facts = std::fs::metadata(path).map_err(|_| gone())?;
    let changed = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Ok((facts.len(), u64::try_from(changed.as_millis()).unwrap_or(u64::MAX)))
}

/// A disk that was away may be there again.
fn gone() -> RunEnd {
    retry("media_unreadable", "the file is not there any more; put it back, or hand the video in anew")
}

fn outside() -> RunEnd {
    never("media_forbidden", "the file lies outside of the folders that jobs may name; set `roots` in `[jobs]`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_jobs::Attempted;

    fn code(found: Result<VideoPlace, RunEnd>) -> (String, Attempted) {
        match found {
            Err(RunEnd::Failed(failure, attempted)) => (failure.code, attempted),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_path_must_still_lie_where_jobs_may_read() {
        let place = tempfile::tempdir().unwrap();
        let [root, elsewhere] = ["videos", "private"].map(|name| place.path().join(name));
        for folder in [&root, &elsewhere] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("a.mp4"), "video").unwrap();
        }
        let folder = WorkFolder::new(place.path(), "0");
        let find = |path: PathBuf| VideoPlace::find(&TaskInput::Path(path), &folder, std::slice::from_ref(&root));
        assert_eq!(find(root.join("a.mp4")).unwrap().look.unwrap().0, 5);
        std::os::unix::fs::symlink(elsewhere.join("a.mp4"), root.join("link.mp4")).unwrap();
        assert_eq!(code(find(root.join("link.mp4"))), ("media_forbidden".to_owned(), Attempted::Never));
        assert_eq!(code(find(root.join("../private/a.mp4"))), ("media_forbidden".to_owned(), Attempted::Never));
        assert_eq!(code(find(root.join("b.mp4"))), ("media_unreadable".to_owned(), Attempted::Retry));
        let upload = VideoPlace::find(&TaskInput::Upload, &folder, &[]);
        assert_eq!(code(upload).0, "media_unreadable");
    }

    #[test]
    fn an_address_stays_at_its_port() {
        let folder = WorkFolder::new(Path::new("/nowhere"), "0");
        let find = |url: &str| VideoPlace::find(&TaskInput::Url(url.into()), &folder, &[]).unwrap().only_port;
        assert_eq!(find("https://media.example/a.mp4"), Some(443));
        assert_eq!(find("http://192.0.2.7:8081/a.mp4"), Some(8_081));
    }
}
