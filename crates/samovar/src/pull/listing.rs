//! `samovar models list`: the models that ship, the catalogue, and what of it is here.

use super::arguments::ListArguments;
use super::report::megabytes;
use crate::failure::{CliError, Exit};
use crate::{starter, stdout};
use comfy_table::{Table, presets};
use samovar_hub::{Catalogue, CatalogueModel, HubSettings};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// Runs the command.
///
/// # Errors
/// An environment that cannot be used.
pub fn list(arguments: &ListArguments) -> Result<Exit, CliError> {
    let cache = HubSettings::from_environment()?.cache;
    let rows = starter_rows().chain(Catalogue::get().models().iter().map(|model| Row::of(model, model.find(&cache))));
    let rows: Vec<Row> = rows.collect();
    if arguments.json {
        stdout::print_json(&json!({ "models": rows, "cache": cache.folder().display().to_string() }))?;
    } else {
        stdout::print(&table(&rows))?;
    }
    Ok(Exit::Ok)
}

/// One model as it is told.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    family: &'static str,
    megabytes: f64,
    /// Whether its files can be used at once.
    here: bool,
    licence: &'static str,
    note: &'static str,
    /// None: it ships with Samovar.
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'static str>,
    files: Vec<&'static str>,
    /// Where it is, once it has been pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
}

impl Row {
    fn of(model: &'static CatalogueModel, path: Option<PathBuf>) -> Self {
        Self {
            name: &model.name,
            family: &model.family,
            megabytes: model.megabytes(),
            here: path.is_some(),
            licence: &model.licence,
            note: &model.note,
            repo: Some(&model.repo),
            revision: Some(&model.revision),
            files: model.files.iter().map(|file| file.path.as_str()).collect(),
            path,
        }
    }
}

fn starter_rows() -> impl Iterator<Item = Row> {
    starter::models().iter().map(|model| Row {
        name: model.name,
        family: starter_family(model.name),
        megabytes: model.files.iter().map(|(_, content)| content.len() as f64 / 1e6).sum(),
        here: true,
        licence: "Apache-2.0",
        note: "ships with Samovar; trained on drawn data, for trying out",
        repo: None,
        revision: None,
        files: model.files.iter().map(|(path, _)| *path).collect(),
        path: None,
    })
}

fn starter_family(name: &str) -> &'static str {
    match name.strip_prefix("starter-").unwrap_or(name) {
        "detect" => "yolo",
        "pose" => "yolo-pose",
        "stg-nf" => "stg-nf",
        "whisper" => "whisper",
        segment if segment.starts_with("segment") => "segmentation",
        _ => "",
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["name", "family", "size", "here", "licence", "what it is"]);
    for row in rows {
        let here = if row.here { "yes" } else { "-" };
        table.add_row([row.name, row.family, &megabytes(row.megabytes), here, row.licence, row.note]);
    }
    format!("{}\n\nsamovar models pull NAME fetches one.\n", table.trim_fmt())
}
