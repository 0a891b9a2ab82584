//! `samovar jobs result`: fetches what a job has found, whole or not at all.

use super::address::server_url;
use super::client::{Client, path_part};
use super::jobs::path_of;
use super::jobs_arguments::ResultArguments;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use samovar_recorded::ResultFormat;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What of a job is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The results.
    Result {
        /// Without one, what the file's name says.
        format: Option<ResultFormat>,
        /// Who is who.
        track: bool,
    },
    /// A file that was written besides.
    File(String),
}

/// Runs the command.
///
/// # Errors
/// What the server says, or that the file cannot be written.
pub fn result(arguments: &ResultArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = Client::new(server_url(arguments.url.as_deref(), config)?);
    let wanted = match &arguments.file {
        Some(name) => Wanted::File(name.clone()),
        None => Wanted::Result { format: arguments.format.map(ResultFormat::from), track: arguments.track },
    };
    fetch(&client, &arguments.id, &wanted, arguments.output.as_deref())?;
    Ok(Exit::Ok)
}

/// Writes it to `out`, else to stdout.
///
/// # Errors
/// As [`result`].
pub fn fetch(client: &Client, id: &str, wanted: &Wanted, out: Option<&Path>) -> Result<(), CliError> {
    let path = path_of_part(id, wanted, out);
    let Some(out) = out else { return client.download(&path, &mut io::stdout().lock()).map(drop) };
    let unfinished = beside(out);
    let failed = |error: &io::Error| stdout::write_error(&out.display().to_string(), error);
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let mut file = File::create(&unfinished).map_err(|error| failed(&error))?;
    let fetched = client.download(&path, &mut file).and_then(|bytes| {
        std::fs::rename(&unfinished, out).map_err(|error| failed(&error))?;
        Ok(bytes)
    });
    match fetched {
        Ok(bytes) => stderr::line(&format!("{}: {bytes} bytes", out.display())),
        Err(error) => {
            // What is left of it helps nobody, and that it cannot be removed changes nothing.
            let _ = std::fs::remove_file(&unfinished);
            return Err(error);
        }
    }
    Ok(())
}

fn path_of_part(id: &str, wanted: &Wanted, out: Option<&Path>) -> String {
    match wanted {
        Wanted::File(name) => format!("{}/files/{}", path_of(id), path_part(name)),
        Wanted::Result { format, track } => {
            let format = format.or_else(|| out.and_then(format_of)).unwrap_or_default();
            format!("{}/result?format={}&track={track}", path_of(id), format.name())
        }
    }
}

/// The format that the end of a file's name means.
fn format_of(out: &Path) -> Option<ResultFormat> {
    let end = out.extension()?.to_str()?.to_ascii_lowercase();
    ResultFormat::ALL.into_iter().find(|format| format.extension() == end)
}

/// In the same folder, so that it can be renamed.
fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    out.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_was_typed_else_what_the_name_says() {
        let path = |format: Option<ResultFormat>, out: Option<&str>| {
            path_of_part("6f", &Wanted::Result { format, track: true }, out.map(Path::new))
        };
        assert_eq!(path(None, Some("a/b.Parquet")), "/v1/jobs/6f/result?format=parquet&track=true");
        assert_eq!(path(Some(ResultFormat::Csv), Some("b.txt")), "/v1/jobs/6f/result?format=csv&track=true");
        assert_eq!(path(None, None), "/v1/jobs/6f/result?format=jsonl&track=true");
        assert_eq!(path_of_part("6f", &Wanted::File("a/b".into()), None), "/v1/jobs/6f/files/a%2Fb");
    }
}
