//! What is configured: its models, its address, ffmpeg.

use super::finding::Finding;
use crate::config::{ConfigFile, EngineName, ModelSection};
use crate::failure::CliError;
use crate::here;
use crate::models_command::ModelFacts;
use crate::pinned_engine::Pins;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::Surveyed;
use samovar_runtime::FailureKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

/// Looks at everything that the configuration names.
pub fn look(file: &ConfigFile, surveyed: &[Surveyed]) -> Vec<Finding> {
    let mut findings = vec![configuration(file), ffmpeg(file)];
    findings.push(address("address", "server.listen", file.config.server.listen));
    findings.extend(file.config.models.iter().map(|(name, section)| model(name, section, surveyed)));
    findings
}

fn configuration(file: &ConfigFile) -> Finding {
    match &file.path {
        Some(path) => Finding::ok("configuration", format!("{}, {} models", path.display(), file.config.models.len())),
        None => Finding::ok("configuration", "none, and none is needed: every key has a default"),
    }
}

/// A missing ffmpeg is a problem only where one is configured: everything but video works without.
fn ffmpeg(file: &ConfigFile) -> Finding {
    const INSTALL: &str = "samovar engine install ffmpeg";
    match here::ffmpeg(&file.config) {
        Ok(program) if program.has_x264() => {
            Finding::ok("ffmpeg", format!("{}, {}", program.version(), program.path().display()))
        }
        Ok(program) => Finding::note(
            "ffmpeg",
            format!(
                "{}, {}: cannot write H.264, annotated videos get larger",
                program.version(),
                program.path().display()
            ),
            INSTALL,
        ),
        Err(error) if file.config.media.ffmpeg.is_some() => {
            Finding::problem("ffmpeg", error.to_string(), format!("correct `media.ffmpeg`, or {INSTALL}"))
        }
        // The sentence ends with the cure, which a finding tells by itself.
        Err(error) => Finding::note("ffmpeg", error.to_string().split("; ").next().unwrap_or_default(), INSTALL),
    }
}

/// Whether a server could listen there; `key` is what the configuration calls the address.
pub fn address(subject: &str, key: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(subject, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::note(
            subject,
            format!("{address} is taken, perhaps by a running samovar"),
            format!("stop the other program, or set `{key}`"),
        ),
        Err(error) => Finding::problem(
            subject,
            format!("{address}: {error}"),
            format!("set `{key}` to an address of this machine, such as 127.0.0.1:{}", address.port()),
        ),
    }
}

fn model(name: &str, section: &ModelSection, surveyed: &[Surveyed]) -> Finding {
    let subject = format!("model {name}");
    match usable(name, section, surveyed) {
        Ok(detail) => Finding::ok(subject, detail),
        Err(error) => Finding::problem(subject, error.message, error.cure.unwrap_or_default()),
    }
}

fn usable(name: &str, section: &ModelSection, surveyed: &[Surveyed]) -> Result<String, CliError> {
    let facts = ModelFacts::read(name, section)?;
    if let Some(problem) = facts.problem() {
        return Err(problem.clone());
    }
    let pinned = match Pins::of(section) {
        None => "sha256 not pinned",
        Some(pins) => {
            pins.verify(Path::new(facts.path())).map_err(|error| {
                let kind = if error.kind() == EngineErrorKind::File { FailureKind::File } else { FailureKind::Model };
                CliError::new(kind.code(), error.to_string()).cure(kind.cure())
            })?;
            "sha256 as pinned"
        }
    };
    let present = here::engine_names(surveyed);
    if section.engine != EngineName::Auto && !present.contains(&section.engine.word()) {
        let kind = FailureKind::EngineUnavailable;
        let message = format!("the engine `{}` is not on this machine", section.engine.word());
        return Err(CliError::new(kind.code(), message).cure(kind.cure()));
    }
    if section.engine == EngineName::Auto
        && present == ["rten"]
        && let Some(problem) = facts.problem_with_rten_alone()
    {
        return Err(problem);
    }
    Ok(format!("{}, {}, {pinned}", facts.summary(), facts.path()))
}
