//! The fake engine's compiled form: one small file in [`LoadOptions::cache`], written by the first load and found by the next.
//!
//! It says what it was compiled for, so that a folder which two combinations share is never taken for a find.

use samovar_engine_api::{EngineInfo, LoadOptions};

/// The file's name in the folder.
const FILE_NAME: &str = "fake.compiled";

/// Whether the form was found; written where it was not, absent or damaged. A folder that cannot be written costs nothing but the find.
pub(crate) fn load(info: &EngineInfo, options: &LoadOptions) -> bool {
    let Some(folder) = &options.cache else { return false };
    let path = folder.join(FILE_NAME);
    let form = form(info, options);
    match std::fs::read_to_string(&path) {
        Ok(found) if found == form => return true,
        Ok(_) => tracing::warn!(engine = info.name, "the compiled form is damaged: it is made anew"),
        Err(_) => {}
    }
    let written = std::fs::write(&path, form);
    if let Err(error) = written {
        tracing::debug!(engine = info.name, %error, "the compiled form cannot be kept");
    }
    false
}

fn form(info: &EngineInfo, options: &LoadOptions) -> String {
    let LoadOptions { precision, device, slots, threads, shapes, .. } = options;
    format!("{} {} {precision} {device} {slots} × {threads} {shapes:?}\n", info.name, info.version)
}
