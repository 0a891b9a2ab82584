//! From what was typed to the list of inputs: files, folders, patterns, addresses, stdin.

use crate::failure::{CliError, Exit};
use samovar_media::{ImageFormat, MediaError, MediaErrorKind, UrlScheme};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// As it is shown and recorded.
    pub label: String,
    /// Where it comes from.
    pub source: Source,
    /// Its name under an output folder: the path inside the folder that was given, else the file's name.
    pub output_name: PathBuf,
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, picture or video by its content.
    File(PathBuf),
    /// A network address.
    Url(String),
    /// Standard input: one picture.
    Stdin,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A picture.
    Picture,
    /// A video, or what claims to be one.
    Video,
}

/// Names of pictures and videos: only by them is chosen what of a folder is taken.
const PICTURE_EXTENSIONS: [&str; 5] = ["jpg", "jpeg", "jpe", "png", "webp"];
const VIDEO_EXTENSIONS: [&str; 14] =
    ["mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "m2ts", "mts", "mpg", "mpeg", "flv", "ogv", "3gp"];

const SOUND_EXTENSIONS: [&str; 14] =
    ["wav", "flac", "mp3", "m4a", "aac", "ogg", "oga", "opus", "amr", "wma", "aif", "aiff", "au", "caf"];

/// The inputs that `typed` means, in order.
///
/// # Errors
/// Nothing to do: a pattern or folder without a match.
pub fn expand(typed: &[String], recursive: bool) -> Result<Vec<Input>, CliError> {
    expand_all(typed, recursive, (is_media_name, "picture and no video"))
}

/// The same for what has sound: recordings and videos.
///
/// # Errors
/// As [`expand`].
pub fn expand_sound(typed: &[String], recursive: bool) -> Result<Vec<Input>, CliError> {
    expand_all(typed, recursive, (has_sound_name, "recording and no video"))
}

/// Whether a file is taken of a folder.
type NameCheck = fn(&Path) -> bool;

fn expand_all(
    typed: &[String],
    recursive: bool,
    (is_wanted, wanted): (NameCheck, &str),
) -> Result<Vec<Input>, CliError> {
    let mut inputs = Vec::new();
    for text in typed {
        let found = expand_one(text, recursive, is_wanted);
        if found.is_empty() {
            let message = format!("`{text}` holds no {wanted}");
            let cure =
                if recursive { "check the path" } else { "check the path, or take its folders too: --recursive" };
            return Err(CliError::new("no_input", message).cure(cure).exit(Exit::Usage));
        }
        inputs.extend(found);
    }
    Ok(inputs)
}

fn expand_one(text: &str, recursive: bool, is_wanted: NameCheck) -> Vec<Input> {
    let path = Path::new(text);
    if text == "-" {
        return vec![Input { label: "-".to_owned(), source: Source::Stdin, output_name: "stdin".into() }];
    }
    if UrlScheme::of(text).is_some() || text.contains("://") {
        return vec![url(text)];
    }
    if path.is_dir() {
        return folder(path, recursive, is_wanted);
    }
    if !path.exists() && text.contains(['*', '?']) {
        return pattern(path);
    }
    vec![file(path.to_path_buf(), path.file_name().unwrap_or_default().into())]
}

fn file(path: PathBuf, output_name: PathBuf) -> Input {
    Input { label: path.display().to_string(), source: Source::File(path), output_name }
}

fn url(text: &str) -> Input {
    let last = text.rsplit('/').find(|part| !part.is_empty()).unwrap_or("stream");
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = last.chars().map(plain).take(64).collect();
    Input { label: without_password(text), source: Source::Url(text.to_owned()), output_name: name.into() }
}

/// An address as it may be shown: cameras have passwords in theirs.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://…@{}", &rest[user.len() + 1..]),
        None => url.to_owned(),
    }
}

fn folder(root: &Path, recursive: bool, is_wanted: NameCheck) -> Vec<Input> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                // A linked folder could lead back to where it lies.
                if recursive && !path.is_symlink() {
                    folders.push(path);
                }
            } else if is_wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    let inside = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
    found.into_iter().map(|path| file(path.clone(), inside(&path))).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "a folder cannot be read");
            Vec::new()
        }
    }
}

/// Files whose path fits a pattern, for shells that leave patterns as they are. A part `**` stands for any folders, none of them too.
fn pattern(path: &Path) -> Vec<Input> {
    let parts: Vec<&OsStr> = path.iter().collect();
    let mut found = Vec::new();
    fitting(PathBuf::new(), &parts, &mut found);
    found.sort();
    found.dedup();
    // As for a folder: the path below what was named.
    let root: PathBuf = parts.iter().take_while(|part| !part.to_string_lossy().contains(['*', '?'])).collect();
    let below = |path: &Path| path.strip_prefix(&root).unwrap_or(path).to_path_buf();
    found.into_iter().map(|path| file(path.clone(), below(&path))).collect()
}

/// What is below `folder` and fits `parts`.
fn fitting(folder: PathBuf, parts: &[&OsStr], found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        if folder.is_file() {
            found.push(folder);
        }
        return;
    };
    let text = part.to_string_lossy();
    if !text.contains(['*', '?']) {
        return fitting(folder.join(part), rest, found);
    }
    if text == "**" {
        fitting(folder.clone(), rest, found);
    }
    let wanted: Vec<char> = text.chars().collect();
    for name in names(&folder) {
        let path = folder.join(&name);
        match &*text {
            // A linked folder could lead back to where it lies.
            "**" if path.is_dir() && !path.is_symlink() => fitting(path, parts, found),
            "**" => {}
            _ if matches(&wanted, &name.to_string_lossy().chars().collect::<Vec<_>>()) => fitting(path, rest, found),
            _ => {}
        }
    }
}

fn names(folder: &Path) -> Vec<OsString> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let named = |path: PathBuf| path.file_name().map(OsStr::to_owned);
    if here.is_dir() { entries(here).into_iter().filter_map(named).collect() } else { Vec::new() }
}

/// `*` stands for any characters, `?` for one.
fn matches(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|at| matches(rest, &name[at..])),
        Some(('?', rest)) => name.split_first().is_some_and(|(_, tail)| matches(rest, tail)),
        Some((first, rest)) => name.split_first().is_some_and(|(c, tail)| c == first && matches(rest, tail)),
    }
}

fn is_media_name(path: &Path) -> bool {
    has_extension(path, &PICTURE_EXTENSIONS) || has_extension(path, &VIDEO_EXTENSIONS)
}

fn has_sound_name(path: &Path) -> bool {
    has_extension(path, &SOUND_EXTENSIONS) || has_extension(path, &VIDEO_EXTENSIONS)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|found| extensions.iter().any(|one| found.eq_ignore_ascii_case(one)))
}

/// What a file holds, by its first bytes; by its name only where they tell nothing.
///
/// # Errors
/// `Unreadable` where it cannot be opened, `UnsupportedFormat` where it is neither.
pub fn content(path: &Path) -> Result<Content, MediaError> {
    let head = head(path).map_err(|error| unreadable(&error))?;
    match ImageFormat::of(&head) {
        Ok(_) => Ok(Content::Picture),
        Err(_) if is_video(&head) || has_extension(path, &VIDEO_EXTENSIONS) => Ok(Content::Video),
        Err(refusal) => Err(refusal),
    }
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    std::fs::File::open(path)?.take(512).read_to_end(&mut head)?;
    Ok(head)
}

fn is_video(head: &[u8]) -> bool {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    at(4, b"ftyp")
        || at(0, b"\x1A\x45\xDF\xA3")
        || at(8, b"AVI ")
        || at(0, b"FLV\x01")
        || at(0, b"\0\0\x01\xBA")
        || (at(0, b"\x47") && at(188, b"\x47"))
}

/// The failure to open or read a file.
pub fn unreadable(error: &std::io::Error) -> MediaError {
    let sentence = match error.kind() {
        std::io::ErrorKind::NotFound => "the file does not exist: check its name",
        std::io::ErrorKind::PermissionDenied => "the file may not be read: check its permissions",
        _ => "the file cannot be read: check that it is a regular file on a working disk",
    };
    MediaError::new(MediaErrorKind::Unreadable, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
    }

    fn names(inputs: &[Input]) -> Vec<String> {
        inputs.iter().map(|input| input.output_name.display().to_string()).collect()
    }

    #[test]
    fn folders_give_media_in_order_and_go_deeper_only_when_told() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["b.JPG", "a.mp4", "notes.txt", "deep/c.png"]);
        let typed = [folder.path().display().to_string()];
        assert_eq!(names(&expand(&typed, false).unwrap()), ["a.mp4", "b.JPG"]);
        assert_eq!(names(&expand(&typed, true).unwrap()), ["a.mp4", "b.JPG", "deep/c.png"]);
    }

    #[test]
    fn folders_give_sound_where_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["a.FLAC", "b.mp4", "c.jpg", "d.opus"]);
        let typed = [folder.path().display().to_string()];
        assert_eq!(names(&expand_sound(&typed, false).unwrap()), ["a.FLAC", "b.mp4", "d.opus"]);
        std::fs::remove_file(folder.path().join("b.mp4")).unwrap();
        assert_eq!(names(&expand(&typed, false).unwrap()), ["c.jpg"]);
    }

    #[test]
    fn patterns_fit_names() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["cam1.jpg", "cam2.jpg", "cam10.jpg", "cam1.png"]);
        let typed = |pattern: &str| [folder.path().join(pattern).display().to_string()];
        assert_eq!(names(&expand(&typed("cam?.jpg"), false).unwrap()), ["cam1.jpg", "cam2.jpg"]);
        assert_eq!(names(&expand(&typed("*1*.jpg"), false).unwrap()), ["cam1.jpg", "cam10.jpg"]);
        touch(folder.path(), &["deep/er/cam3.jpg", "deep/cam4.jpg"]);
        assert_eq!(
            names(&expand(&typed("**/cam?.jpg"), false).unwrap()),
            ["cam1.jpg", "cam2.jpg", "deep/cam4.jpg", "deep/er/cam3.jpg"]
        );
        assert_eq!(names(&expand(&typed("d*/cam4.jpg"), false).unwrap()), ["deep/cam4.jpg"]);
        assert_eq!(expand(&typed("dog*"), false).unwrap_err().code, "no_input");
    }

    #[test]
    fn a_file_that_is_not_there_is_an_input_that_fails_later() {
        assert_eq!(expand(&["absent.jpg".to_owned()], false).unwrap().len(), 1);
        assert_eq!(content(Path::new("absent.jpg")).unwrap_err().kind(), MediaErrorKind::Unreadable);
    }

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        let shown = |url: &str| expand(&[url.to_owned()], false).unwrap().remove(0).label;
        assert_eq!(shown("rtsp://me:secret@cam/main"), "rtsp://…@cam/main");
        assert_eq!(shown("http://cam/a@b"), "http://cam/a@b");
    }

    #[test]
    fn content_goes_before_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.jpg");
        std::fs::write(&path, b"\0\0\0\x18ftypmp42rest").unwrap();
        assert_eq!(content(&path).unwrap(), Content::Video);
        std::fs::write(&path, "just words").unwrap();
        assert_eq!(content(&path).unwrap_err().kind(), MediaErrorKind::UnsupportedFormat);
    }
}
