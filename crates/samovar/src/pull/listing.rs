//! `samovar models list`: the catalogue, and what of it is here.

use super::arguments::ListArguments;
use super::report::megabytes;
use crate::failure::{CliError, Exit};
use crate::stdout;
use comfy_table::{Table, presets};
use samovar_hub::{Catalogue, CatalogueModel, HubSettings};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Runs the command.
///
/// # Errors
/// An environment that cannot be used.
pub fn list(arguments: &ListArguments) -> Result<Exit, CliError> {
    let cache = HubSettings::from_environment()?.cache;
    let models: Vec<_> = Catalogue::get().models().iter().map(|model| (model, model.find(&cache))).collect();
    if arguments.json {
        let rows: Vec<Value> = models.iter().map(|(model, path)| row_json(model, path.as_ref())).collect();
        stdout::print_json(&json!({ "models": rows, "cache": cache.folder().display().to_string() }))?;
    } else {
        stdout::print(&table(&models))?;
    }
    Ok(Exit::Ok)
}

fn row_json(model: &CatalogueModel, path: Option<&PathBuf>) -> Value {
    json!({
        "name": model.name, "family": model.family, "megabytes": model.megabytes(), "licence": model.licence,
        "note": model.note, "repo": model.repo, "revision": model.revision,
        "files": model.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
        "path": path.map(|path| path.display().to_string()),
    })
}

fn table(models: &[(&CatalogueModel, Option<PathBuf>)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["name", "family", "size", "here", "licence", "what it is"]);
    for (model, path) in models {
        let here = if path.is_some() { "yes" } else { "-" };
        table.add_row([&model.name, &model.family, &megabytes(model.megabytes()), here, &model.licence, &model.note]);
    }
    format!("{}\n\nsamovar models pull NAME fetches one.\n", table.trim_fmt())
}
