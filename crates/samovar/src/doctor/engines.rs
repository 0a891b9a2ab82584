//! Engines: which are here, what they can do, and the command that installs the others.

use super::finding::Finding;
use samovar_engines::Surveyed;

/// Looks at every engine that Samovar knows.
pub fn look(surveyed: &[Surveyed]) -> Vec<Finding> {
    surveyed.iter().map(engine).collect()
}

fn engine(one: &Surveyed) -> Finding {
    let subject = format!("engine {}", one.name);
    let Some(info) = &one.info else { return absent(one, subject) };
    let devices: Vec<String> = info.devices.iter().map(ToString::to_string).collect();
    let precisions: Vec<&str> = info.precisions.iter().map(|precision| precision.name()).collect();
    let library = info.library.as_ref().map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
    Finding::ok(subject, format!("{}, {}, {}, {library}", info.version, devices.join(" "), precisions.join(" ")))
}

fn absent(one: &Surveyed, subject: String) -> Finding {
    let cure = one.install_command.unwrap_or("reinstall samovar");
    match one.unusable.first() {
        Some((path, reason)) => Finding::note(subject, format!("{} cannot be used: {reason}", path.display()), cure),
        None => Finding::note(subject, "not on this machine; models run on the others", cure),
    }
}
