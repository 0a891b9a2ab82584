//! Where transcripts go and as what: stdout, one file, or one file for each recording in a folder.

use super::annotate::make_folder_of;
use super::input::{Input, Source};
use super::output_names::OutputNames;
use super::transcribe_arguments::{TranscriptArguments, TranscriptFormat};
use super::transcript_record;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_recorded::WholeFile;
use samovar_service::speech::Transcript;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where transcripts go and as what.
pub struct TranscriptTarget {
    /// None for lines with their times, on stdout.
    format: Option<TranscriptFormat>,
    place: Place,
}

enum Place {
    Stdout,
    /// One for each input, in their order.
    Files(Vec<PathBuf>),
    /// One for all; none once it was put in its place.
    Shared(PathBuf, Option<WholeFile>),
}

impl TranscriptTarget {
    /// The target that was typed.
    ///
    /// # Errors
    /// A name whose end tells no format, several recordings for a file that holds one, and a file that is an input.
    pub fn of(arguments: &TranscriptArguments, inputs: &[Input]) -> Result<Self, CliError> {
        let typed = arguments.typed_format();
        let Some(out) = &arguments.output else {
            let format = if arguments.json { typed.or(Some(TranscriptFormat::Jsonl)) } else { typed };
            let is_one = inputs.len() == 1;
            let fits = |format: TranscriptFormat| is_one || format.holds_several() || format == TranscriptFormat::Text;
            return match format {
                Some(_) if arguments.json && format != Some(TranscriptFormat::Jsonl) => {
                    Err(usage("--json writes JSON Lines, and another format is named", "give -o OUT for the other"))
                }
                Some(format) if !fits(format) => Err(several()),
                format => Ok(Self { format, place: Place::Stdout }),
            };
        };
        if out == Path::new("-") {
            let cure = "leave it out: transcripts go to stdout then; --format says as what";
            return Err(usage("`-` is no file to write transcripts to", cure));
        }
        let is_folder = out.is_dir() || out.as_os_str().to_string_lossy().ends_with('/');
        let extension = out.extension().filter(|_| !is_folder).map(|extension| extension.to_string_lossy());
        let named = extension.as_deref().and_then(TranscriptFormat::by_extension);
        let default = is_folder.then_some(TranscriptFormat::Text);
        let format = typed.or(named).or(default).ok_or_else(|| unknown_format(out))?;
        let place = if is_folder {
            let mut names = OutputNames::default();
            let name = |input: &Input| names.under(out, &input.output_name, format.extension());
            Place::Files(inputs.iter().map(name).collect())
        } else if inputs.len() == 1 {
            Place::Files(vec![out.clone()])
        } else if format.holds_several() {
            Place::Shared(out.clone(), None)
        } else {
            return Err(several());
        };
        let target = Self { format: Some(format), place };
        target.check_places(inputs)?;
        Ok(target)
    }

    /// The format of what is told on stdout while it is heard: `None` where nothing is, `Some(None)` for lines with their times.
    pub const fn spoken_format(&self) -> Option<Option<TranscriptFormat>> {
        match (&self.place, self.format) {
            (Place::Stdout, None) => Some(None),
            (Place::Stdout, Some(format @ (TranscriptFormat::Text | TranscriptFormat::Jsonl))) => Some(Some(format)),
            _ => None,
        }
    }

    /// Writes the transcript of the input with that place among all, where it was not told on the way.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, index: usize, input: &Input, transcript: &Transcript) -> Result<(), CliError> {
        let Some(format) = self.format.filter(|_| self.spoken_format().is_none()) else { return Ok(()) };
        let text = transcript_record::rendered(format, input, transcript)?;
        match &mut self.place {
            Place::Stdout => stdout::print(&text),
            Place::Files(files) => {
                let path = &files[index];
                make_folder_of(path)?;
                let mut file = WholeFile::create(path)?;
                put(&mut file, &text, path)?;
                Ok(file.finish()?)
            }
            Place::Shared(path, file) => put(begun(path, file)?, &text, path),
        }
    }

    /// Writes a line in place of a transcript that there is none of, where lines are written.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_line(&mut self, line: &str) -> Result<(), CliError> {
        match &mut self.place {
            Place::Shared(path, file) => put(begun(path, file)?, line, path),
            Place::Stdout | Place::Files(_) => Ok(()),
        }
    }

    /// Puts the file of all in its place.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(self) -> Result<(), CliError> {
        match self.place {
            Place::Shared(_, Some(file)) => Ok(file.finish()?),
            _ => Ok(()),
        }
    }

    /// No recording is written over.
    fn check_places(&self, inputs: &[Input]) -> Result<(), CliError> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let file = |input: &Input| if let Source::File(path) = &input.source { Some(real(path)) } else { None };
        let read: HashSet<PathBuf> = inputs.iter().filter_map(file).collect();
        let places = match &self.place {
            Place::Stdout => &[],
            Place::Files(files) => files.as_slice(),
            Place::Shared(path, _) => std::slice::from_ref(path),
        };
        match places.iter().find(|place| read.contains(&real(place))) {
            Some(place) => {
                let message = format!("{} would be written over what is read", place.display());
                Err(CliError::new("output_failed", message).cure("give another place: -o OUT").exit(Exit::Usage))
            }
            None => Ok(()),
        }
    }
}

fn begun<'a>(path: &Path, file: &'a mut Option<WholeFile>) -> Result<&'a mut WholeFile, CliError> {
    if file.is_none() {
        make_folder_of(path)?;
        *file = Some(WholeFile::create(path)?);
    }
    Ok(file.as_mut().expect("it was begun"))
}

fn put(file: &mut WholeFile, text: &str, path: &Path) -> Result<(), CliError> {
    let written = file.writer().write_all(text.as_bytes());
    written.map_err(|error| stdout::write_error(&path.display().to_string(), &error))
}

fn several() -> CliError {
    usage("there are several recordings, and a file of this format holds one", "give a folder for one each: -o FOLDER/")
}

fn unknown_format(out: &Path) -> CliError {
    let message = format!("what {} is to hold cannot be told from its name", out.display());
    usage(message, "end it with .txt, .srt, .vtt, .json or .jsonl, or give --format")
}

fn usage(message: impl Into<String>, cure: &str) -> CliError {
    CliError::new("invalid_option", message).cure(cure).exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(
        output: Option<&str>,
        format: Option<TranscriptFormat>,
        inputs: &[&str],
    ) -> Result<TranscriptTarget, CliError> {
        let output = output.map(PathBuf::from);
        let arguments = TranscriptArguments { output, format, srt: false, vtt: false, json: false, quiet: false };
        let input = |name: &&str| Input {
            label: (*name).to_owned(),
            source: Source::File(name.into()),
            output_name: name.into(),
        };
        TranscriptTarget::of(&arguments, &inputs.iter().map(input).collect::<Vec<_>>())
    }

    #[test]
    fn the_name_tells_the_format_unless_it_is_typed() {
        let format = |out: &str, typed| target(Some(out), typed, &["a.wav"]).unwrap().format.unwrap();
        assert_eq!(format("a.SRT", None), TranscriptFormat::Srt);
        assert_eq!(format("a.json", None), TranscriptFormat::VerboseJson);
        assert_eq!(format("a.json", Some(TranscriptFormat::Json)), TranscriptFormat::Json);
        assert_eq!(format("texts/", None), TranscriptFormat::Text);
        for bad in ["a.xlsx", "a", "-", "a.wav"] {
            assert!(target(Some(bad), None, &["a.wav"]).is_err(), "{bad}");
        }
        assert!(target(Some("a.wav"), Some(TranscriptFormat::Text), &["a.wav"]).is_err(), "it is read");
    }

    #[test]
    fn several_recordings_have_files_of_their_own_or_lines() {
        let inputs = ["a.wav", "b/a.mp3"];
        for out in [None, Some("all.srt")] {
            let code = target(out, Some(TranscriptFormat::Srt), &inputs).err().unwrap().code;
            assert_eq!(code, "invalid_option");
        }
        let Place::Files(files) = target(Some("out/"), Some(TranscriptFormat::Vtt), &inputs).unwrap().place else {
            panic!("each has its own")
        };
        assert_eq!(files, [PathBuf::from("out/a.vtt"), PathBuf::from("out/b/a.vtt")]);
        assert!(matches!(target(Some("all.jsonl"), None, &inputs).unwrap().place, Place::Shared(..)));
        assert!(target(None, Some(TranscriptFormat::Text), &inputs).is_ok());
    }
}
