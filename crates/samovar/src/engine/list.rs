//! `samovar engine list`: every engine, present or absent.

use crate::failure::{CliError, Exit};
use crate::stdout;
use comfy_table::{ContentArrangement, Table, presets};
use samovar_engines::{Locations, Surveyed, survey};
use serde::Serialize;

/// One engine, as `--json` tells it.
#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    present: bool,
    version: Option<String>,
    devices: Vec<String>,
    precisions: Vec<&'static str>,
    library: Option<String>,
    /// Libraries that were found but cannot be used.
    unusable: Vec<Unusable>,
    /// The command that installs it, where it is absent.
    install: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Unusable {
    library: String,
    reason: String,
}

/// Lists the engines of `locations`.
///
/// # Errors
/// Where stdout cannot be written to.
pub fn run(locations: &Locations, json: bool) -> Result<Exit, CliError> {
    let lines: Vec<Line> = survey(locations).into_iter().map(Line::of).collect();
    if json {
        stdout::print_json(&lines)?;
    } else {
        stdout::print(&format!("{}\n", table(&lines)))?;
    }
    Ok(Exit::Ok)
}

impl Line {
    fn of(surveyed: Surveyed) -> Self {
        let info = surveyed.info.as_ref();
        let unusable = surveyed.unusable.into_iter();
        Self {
            name: surveyed.name,
            present: info.is_some(),
            version: info.map(|info| info.version.clone()),
            devices: info.map(|info| info.devices.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            precisions: info.map(|info| info.precisions.iter().map(|p| p.name()).collect()).unwrap_or_default(),
            library: info.and_then(|info| info.library.as_ref()).map(|path| path.display().to_string()),
            unusable: unusable
                .map(|(library, reason)| Unusable { library: library.display().to_string(), reason })
                .collect(),
            install: surveyed.install_command.filter(|_| surveyed.info.is_none()),
        }
    }

    /// Where the library is, or how to get it.
    fn place(&self) -> String {
        let broken =
            self.unusable.iter().map(|unusable| format!("cannot be used: {} ({})", unusable.library, unusable.reason));
        let place = match (&self.library, self.install) {
            (Some(library), _) => library.clone(),
            (None, Some(command)) => format!("absent; install with: {command}"),
            (None, None) => "built in".to_owned(),
        };
        std::iter::once(place).chain(broken).collect::<Vec<_>>().join("\n")
    }
}

fn table(lines: &[Line]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["ENGINE", "VERSION", "DEVICES", "PRECISIONS", "LIBRARY"]);
    for line in lines {
        let version = line.version.clone().unwrap_or_else(|| "-".to_owned());
        table.add_row([
            line.name.to_owned(),
            version,
            line.devices.join(", "),
            line.precisions.join(", "),
            line.place(),
        ]);
    }
    table
}
