//! Files of rules and of examples: read, held against the figures that there are, and read again when they change.

use crate::config::{Config, nearest};
use crate::failure::{CliError, Exit};
use crate::reload::Watched;
use samovar_acoustics::FIGURES;
use samovar_triage::{CaseFile, CurrentRules, RuleBook, TriageError};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// The rules of that file; none: those that Samovar brings.
///
/// # Errors
/// A file that cannot be read, or every mistake that keeps it from being used.
pub fn rules(file: Option<&Path>) -> Result<RuleBook, CliError> {
    file.map_or_else(|| Ok(RuleBook::shipped()), |file| read(file).map_err(|error| unusable(file, &error)))
}

/// The examples of that file; none: those that Samovar brings.
///
/// # Errors
/// As [`rules`].
pub fn cases(file: Option<&Path>) -> Result<CaseFile, CliError> {
    let Some(file) = file else { return Ok(CaseFile::shipped()) };
    let read = std::fs::read_to_string(file).map_err(|_| TriageError::unreadable());
    read.and_then(|text| CaseFile::parse(&text)).map_err(|error| unusable(file, &error))
}

/// The file of rules, to be read again when it changes; none where there is no such file. One that cannot be used changes nothing.
pub fn watched(config: &Config, rules: &Arc<CurrentRules>) -> Option<Watched> {
    let file = config.triage.rules.clone()?;
    let (rules, path) = (Arc::clone(rules), file.clone());
    let reload = move || match read(&path) {
        Ok(book) => {
            rules.replace(book);
            Ok(())
        }
        Err(error) => {
            let told = error.to_string();
            rules.refuse(error);
            Err(told)
        }
    };
    Some(Watched::new("the rules of triage", vec![file], Box::new(reload)))
}

fn read(file: &Path) -> Result<RuleBook, TriageError> {
    let book = RuleBook::parse(&text(file)?)?;
    let known: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
    let unknown = book.features().into_iter().find(|feature| !known.contains(feature));
    let refused = unknown.map(|feature| TriageError::unknown_figure(feature, nearest(feature, &known)));
    refused.map_or(Ok(book), Err)
}

/// What is larger than may be is not read to its end: no more of it is needed to refuse it.
fn text(file: &Path) -> Result<String, TriageError> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(RuleBook::BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|_| TriageError::unreadable())?;
    if bytes.len() > RuleBook::BYTES_MAX {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| TriageError::unreadable())
}

fn unusable(file: &Path, error: &TriageError) -> CliError {
    CliError::new(error.kind().code(), format!("{}: {}", file.display(), error.to_string().trim_end()))
        .cure("`samovar triage rules` prints a file that is right, `samovar triage test --rules FILE` tests one")
        .exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_refused_as_too_large() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), samovar_triage::TriageErrorKind::TooLarge);
    }

    #[test]
    fn a_changed_file_is_in_force_and_a_broken_one_is_told_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        std::fs::write(&file, "[[rules]]\nid = 'a'\nraise = 1\nany = ['x']\n").unwrap();
        let mut config = Config::default();
        config.triage.rules = Some(file.clone());
        let current = Arc::new(CurrentRules::new(rules(Some(&file)).unwrap()));
        let mut watched = watched(&config, &current).unwrap();
        assert_eq!((current.get().len(), watched.look()), (1, None));
        std::fs::write(&file, RuleBook::shipped_text()).unwrap();
        assert_eq!(watched.look(), Some(Ok(())));
        let shipped = current.get().len();
        assert!(shipped > 10);
        for broken in [
            "[[rules]]\nid = 'a'\n",
            "[[rules]]\nid = 'loud'\nraise = 1\nacoustic = [{ feature = 'pich_hz', min = 1.0 }]\n",
        ] {
            std::fs::write(&file, broken).unwrap();
            assert!(matches!(watched.look(), Some(Err(_))));
            assert!(current.get().len() == shipped && current.refused().is_some());
        }
        let told = current.refused().unwrap().to_string();
        assert!(told.ends_with("did you mean \"pitch_hz\"?"), "{told}");
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(watched.look(), Some(Err(_))));
        std::fs::write(&file, "").unwrap();
        assert_eq!(watched.look(), Some(Ok(())));
        assert!(current.get().is_empty() && current.refused().is_none());
    }
}
