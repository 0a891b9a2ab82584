//! What calls depend on here: models that hear, the folder that calls are kept in, the rules of triage.

use super::finding::Finding;
use crate::config::{CallAudioName, Config, FamilyName, parse_bytes};
use crate::triage;
use samovar_calls::{CallErrorKind, SqliteCalls};
use std::path::Path;

/// Looks at everything that is configured of speech, kept calls and triage.
pub fn look(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(hearing(config));
    if let Some(folder) = &config.calls.folder {
        findings.push(place(folder, config));
        findings.extend(database(&folder.join("calls.sqlite")));
    }
    findings.extend(rules(config));
    findings
}

/// Whether calls can be cut where people pause. Only told where a model hears words.
fn hearing(config: &Config) -> Option<Finding> {
    let of = |family| config.models.values().any(|model| model.family == Some(family));
    let hears = config.speech.model.is_some() || of(FamilyName::Whisper);
    let pauses = config.speech.voice_model.is_some() || of(FamilyName::SileroVad);
    (hears && !pauses).then(|| {
        let detail = "no model that hears voices is configured: live calls are cut into pieces of a fixed length";
        Finding::note("speech", detail, "add a model of the family \"silero-vad\"")
    })
}

/// Whether the folder can be written, and has room.
fn place(folder: &Path, config: &Config) -> Finding {
    const SUBJECT: &str = "calls folder";
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() || rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
        let detail = format!("{} cannot be written: no calls are kept", folder.display());
        return Finding::problem(SUBJECT, detail, "set `folder` in `[calls]` to one that this user may write");
    }
    let free = rustix::fs::statvfs(there).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let least = parse_bytes(&config.calls.free_bytes_min).unwrap_or(0);
    let detail = format!("{}, {} MiB free", folder.display(), free >> 20);
    if free < least && config.calls.audio == CallAudioName::Keep {
        let detail = format!("{detail}: less than `free_bytes_min`, so that no sound is kept");
        return Finding::problem(SUBJECT, detail, "make space, or choose another disk with `folder` in `[calls]`");
    }
    Finding::ok(SUBJECT, detail)
}

/// Whether the database can be opened; it is never made here.
fn database(file: &Path) -> Option<Finding> {
    const SUBJECT: &str = "calls database";
    if !file.exists() {
        return None;
    }
    let shown = file.display();
    Some(match SqliteCalls::open(file, Default::default()) {
        Ok(_) => Finding::ok(SUBJECT, format!("{shown} can be read and written")),
        Err(error) if error.kind() == CallErrorKind::Corrupt => Finding::problem(
            SUBJECT,
            format!("{shown}: {error}"),
            "put a copy of it back, or move it away to begin with none",
        ),
        Err(error) => {
            Finding::problem(SUBJECT, format!("{shown}: {error}"), "check the disk, and who may write the file")
        }
    })
}

/// Whether the configured rules can be used.
fn rules(config: &Config) -> Option<Finding> {
    let file = config.triage.rules.as_deref()?;
    Some(match triage::rules(Some(file)) {
        Ok(book) => Finding::ok("triage rules", format!("{}, {} rules", file.display(), book.len())),
        Err(error) => Finding::problem("triage rules", error.message, error.cure.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::Health;
    use super::*;

    fn subjects(config: &Config) -> Vec<(String, Health)> {
        look(config).into_iter().map(|finding| (finding.subject, finding.health)).collect()
    }

    #[test]
    fn what_calls_need_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        assert_eq!(subjects(&config), []);
        config.calls.folder = Some(folder.path().to_path_buf());
        assert_eq!(subjects(&config), [("calls folder".to_owned(), Health::Ok)]);
        config.calls.audio = CallAudioName::Keep;
        config.calls.free_bytes_min = "17179869183GiB".into();
        std::fs::write(folder.path().join("calls.sqlite"), "no database at all, but some text").unwrap();
        config.triage.rules = Some(folder.path().join("rules.toml"));
        let expected =
            ["calls folder", "calls database", "triage rules"].map(|name| (name.to_owned(), Health::Problem));
        assert_eq!(subjects(&config), expected);
        std::fs::write(folder.path().join("rules.toml"), samovar_triage::RuleBook::shipped_text()).unwrap();
        assert_eq!(subjects(&config)[2], ("triage rules".to_owned(), Health::Ok));
    }
}
