//! Where annotated pictures and videos go, and the drawing of the boxes.

use super::input::{Content, Input};
use super::output_names::OutputNames;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_media::{
    Canvas, EncoderOptions, FfmpegProgram, Frame, FramePool, ImageEncoding, Picture, VideoEncoder, encode_image,
};
use samovar_models::Detections;
use samovar_recorded::{FrameRecord, draw_record};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Decides where annotated media go.
pub struct Annotator {
    target: Target,
    names: OutputNames,
    pool: FramePool,
}

enum Target {
    File(PathBuf),
    Folder(PathBuf),
}

/// An annotated video that is being written.
pub struct AnnotatedVideo {
    path: PathBuf,
    program: FfmpegProgram,
    pool: FramePool,
    /// None before the first frame.
    encoder: Option<VideoEncoder>,
}

/// Shows no flaw, and is a tenth of what PNG takes.
const JPEG_QUALITY: u8 = 90;
/// Longest wait for the encoder to take a frame.
const STALL: Duration = Duration::from_secs(30);
/// Canvases at once: the one being drawn, those that wait for the encoder, and the one in its hands.
const CANVASES: usize = 4;

impl Annotator {
    /// Annotated media go to `out`: a file for one input, else a folder, made where it is absent.
    ///
    /// # Errors
    /// A folder that cannot be made, or a file, or the name of one, where a folder is needed.
    pub fn new(out: &Path, one_input: bool) -> Result<Self, CliError> {
        let has_slash = out.as_os_str().to_string_lossy().ends_with('/');
        let is_folder = out.is_dir() || !one_input || has_slash;
        let target = if is_folder {
            if out.is_file() || (!out.is_dir() && !has_slash && names_a_file(out)) {
                let message = format!("{} is a file, but several inputs are annotated into a folder", out.display());
                let cure = "give a folder, with `/` at its end where it is called like a file";
                return Err(CliError::new("output_failed", message).cure(cure).exit(Exit::Usage));
            }
            make_folder(out)?;
            Target::Folder(out.to_path_buf())
        } else {
            // Whether the input is a picture or a video is known only once it is read.
            if !names_a_file(out) {
                return Err(not_written(out, "pictures are written as .jpg or .png, videos as .mp4"));
            }
            Target::File(out.to_path_buf())
        };
        Ok(Self { target, names: OutputNames::default(), pool: FramePool::new(CANVASES) })
    }

    /// Writes a picture with its boxes.
    ///
    /// # Errors
    /// Where it cannot be decoded again or written.
    pub fn picture(&mut self, input: &Input, picture: &Picture, found: &Detections) -> Result<(), CliError> {
        let mut canvas = Canvas::new(&*picture.frame(&self.pool)?, &self.pool);
        let record = FrameRecord::new(0, Duration::ZERO, found, None);
        draw_record(&mut canvas, &record, 1.0);
        self.write(input, canvas.frame())
    }

    /// Writes what was drawn over a picture.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, input: &Input, frame: &Frame) -> Result<(), CliError> {
        let path = self.place(input, Content::Picture)?;
        let encoding = if has_extension(&path, "png") {
            ImageEncoding::Png
        } else {
            ImageEncoding::Jpeg { quality: JPEG_QUALITY }
        };
        let bytes = encode_image(frame, encoding, &self.pool)?;
        std::fs::write(&path, bytes).map_err(|error| {
            remove_part(&path);
            stdout::write_error(&path.display().to_string(), &error)
        })
    }

    /// Begins a video.
    ///
    /// # Errors
    /// Where there is no place for it.
    pub fn video(&mut self, input: &Input, program: FfmpegProgram) -> Result<AnnotatedVideo, CliError> {
        let path = self.place(input, Content::Video)?;
        Ok(AnnotatedVideo::new(path, program))
    }

    /// Where the annotated copy of an input goes; to be asked once for each.
    ///
    /// # Errors
    /// Where there is no place for it.
    pub fn place(&mut self, input: &Input, content: Content) -> Result<PathBuf, CliError> {
        let path = match &self.target {
            Target::File(path) => path.clone(),
            Target::Folder(folder) => self.names.take(folder.join(with_extension(&input.output_name, content))),
        };
        check_extension(&path, content)?;
        if let super::input::Source::File(source) = &input.source
            && same_file(source, &path)
        {
            let message = format!("{} would be overwritten with its annotated copy", source.display());
            return Err(CliError::new("output_failed", message)
                .cure("give another place: --annotate OUT")
                .exit(Exit::Usage));
        }
        make_folder_of(&path)?;
        Ok(path)
    }
}

impl AnnotatedVideo {
    /// One to be written there; nothing is before the first frame.
    pub fn new(path: PathBuf, program: FfmpegProgram) -> Self {
        Self { path, program, pool: FramePool::new(CANVASES), encoder: None }
    }

    /// Adds a copy of a frame with what `draw` draws over it.
    ///
    /// # Errors
    /// Where the encoder fails.
    pub fn add(&mut self, frame: &Frame, draw: impl FnOnce(&mut Canvas)) -> Result<(), CliError> {
        let mut canvas = Canvas::new(frame, &self.pool);
        draw(&mut canvas);
        let drawn = canvas.into_frame();
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(VideoEncoder::create(&self.path, encoder_options(&self.program, &drawn))?),
        };
        Ok(encoder.write(drawn)?)
    }

    /// Makes the file whole.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn finish(self) -> Result<(), CliError> {
        self.encoder.map_or(Ok(()), |encoder| Ok(encoder.finish()?))
    }
}

fn encoder_options(program: &FfmpegProgram, frame: &Frame) -> EncoderOptions {
    EncoderOptions {
        program: program.clone(),
        width: frame.width(),
        height: frame.height(),
        format: frame.format(),
        threads: NonZeroU32::MIN,
        stall: STALL,
    }
}

/// What is read but not written becomes what is: WebP a JPEG, every video an MP4.
fn with_extension(name: &Path, content: Content) -> PathBuf {
    match content {
        Content::Picture if ["jpg", "jpeg", "png"].iter().any(|known| has_extension(name, known)) => name.to_path_buf(),
        Content::Picture => name.with_extension("jpg"),
        Content::Video => name.with_extension("mp4"),
    }
}

fn check_extension(path: &Path, content: Content) -> Result<(), CliError> {
    let (known, what) = match content {
        Content::Picture => (["jpg", "jpeg", "png"].as_slice(), "a picture is written as .jpg or .png"),
        Content::Video => (["mp4"].as_slice(), "a video is written as .mp4"),
    };
    if known.iter().any(|known| has_extension(path, known)) {
        return Ok(());
    }
    Err(not_written(path, what))
}

fn not_written(path: &Path, what: &str) -> CliError {
    CliError::new("output_failed", format!("{} cannot be written: {what}", path.display()))
        .cure("give such a name, or a folder with `/` at its end")
        .exit(Exit::Usage)
}

/// Whether the name is one of a picture or video that could be written.
fn names_a_file(path: &Path) -> bool {
    ["jpg", "jpeg", "png", "mp4"].iter().any(|known| has_extension(path, known))
}

/// Half a picture looks like a whole one to whoever lists the folder. What is no file, such as a device, stays.
fn remove_part(path: &Path) {
    if path.is_file() {
        drop(std::fs::remove_file(path));
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Makes the folder that a file is to lie in.
///
/// # Errors
/// Where it cannot be made.
pub fn make_folder_of(path: &Path) -> Result<(), CliError> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), make_folder)
}

fn make_folder(folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|error| stdout::write_error(&folder.display().to_string(), &error))
}
