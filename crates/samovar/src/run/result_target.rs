//! Where results go and as what: one file for all inputs, or one for each in a folder.

use super::detect_arguments::ResultArguments;
use super::input::Input;
use super::output_names::OutputNames;
use crate::failure::{CliError, Exit};
use samovar_recorded::ResultFormat;
use std::path::{Path, PathBuf};

/// Where results go and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultTarget {
    /// A file, or a folder.
    pub path: PathBuf,
    /// One file for each input.
    pub is_folder: bool,
    /// The format.
    pub format: ResultFormat,
}

impl ResultTarget {
    /// The target that was typed, if any.
    ///
    /// # Errors
    /// A name whose end tells no format, and none was typed.
    pub fn of(arguments: &ResultArguments) -> Result<Option<Self>, CliError> {
        let Some(out) = &arguments.output else { return Ok(None) };
        if out == Path::new("-") {
            return Err(no_file());
        }
        let is_folder = out.is_dir() || out.as_os_str().to_string_lossy().ends_with('/');
        let typed = arguments.format.map(ResultFormat::from);
        let format = match (typed, out.extension().filter(|_| !is_folder)) {
            (Some(format), _) => format,
            (None, None) => ResultFormat::Jsonl,
            (None, Some(extension)) => by_extension(&extension.to_string_lossy()).ok_or_else(|| unknown_format(out))?,
        };
        Ok(Some(Self { path: out.clone(), is_folder, format }))
    }

    /// Where the result of each input goes, in their order, where each has a file of its own.
    pub fn files(&self, inputs: &[Input]) -> Vec<PathBuf> {
        let mut names = OutputNames::default();
        let extension = self.format.extension();
        inputs.iter().map(|input| names.under(&self.path, &input.output_name, extension)).collect()
    }

    /// Where the work in progress is kept.
    pub fn partial(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or("results".as_ref()).to_owned();
        name.push(".partial");
        self.path.with_file_name(name)
    }

    /// Whether it is a place that only takes bytes: a device, a pipe. Nothing can be kept beside it.
    pub fn is_special(&self) -> bool {
        self.path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
    }
}

fn by_extension(extension: &str) -> Option<ResultFormat> {
    let extension = extension.to_ascii_lowercase();
    if extension == "ndjson" {
        return Some(ResultFormat::Jsonl);
    }
    ResultFormat::ALL.into_iter().find(|format| format.extension() == extension)
}

fn no_file() -> CliError {
    let cure = "--json writes lines to stdout as they come; `-o /dev/stdout --format csv` another format at the end";
    CliError::new("invalid_option", "`-` is no file to write results to").cure(cure).exit(Exit::Usage)
}

fn unknown_format(out: &Path) -> CliError {
    let message = format!("what {} is to hold cannot be told from its name", out.display());
    let cure = "end it with .jsonl, .csv, .parquet, .json (COCO) or .txt (MOT), or give --format";
    CliError::new("invalid_option", message).cure(cure).exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::detect_arguments::FormatName;

    fn target(output: &str, format: Option<FormatName>) -> Result<ResultTarget, CliError> {
        let arguments = ResultArguments {
            output: Some(output.into()),
            format,
            track: false,
            json: false,
            annotate: None,
            report: None,
            thumbnails: None,
            resume: false,
            overwrite: false,
            quiet: false,
        };
        ResultTarget::of(&arguments).map(Option::unwrap)
    }

    #[test]
    fn the_name_tells_the_format_unless_it_is_typed() {
        let known =
            [("a.jsonl", "jsonl"), ("a.CSV", "csv"), ("b/a.parquet", "parquet"), ("a.json", "coco"), ("a.txt", "mot")];
        for (name, format) in known {
            assert_eq!(target(name, None).unwrap().format.name(), format, "{name}");
        }
        assert_eq!(target("a", None).unwrap().format, ResultFormat::Jsonl);
        assert_eq!(target("a.txt", Some(FormatName::Csv)).unwrap().format, ResultFormat::Csv);
        assert_eq!(target("a.xlsx", None).unwrap_err().code, "invalid_option");
        assert_eq!(target("-", None).unwrap_err().code, "invalid_option");
    }

    #[test]
    fn work_in_progress_lies_beside_the_target() {
        assert_eq!(target("out/walk.csv", None).unwrap().partial(), Path::new("out/walk.csv.partial"));
        let folder = target("results/", Some(FormatName::Mot)).unwrap();
        assert!(folder.is_folder);
        assert_eq!(folder.partial(), Path::new("results.partial"));
    }
}
