//! The catalogue: well-known models on the Hub, by short names.

use crate::cache::Cache;
use crate::error::HubError;
use crate::hub::Wanted;
use crate::names::{FilePath, RepoName, Revision};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::OnceLock;

/// All models that have a short name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model")]
    models: Vec<CatalogueModel>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// What it is called here.
    pub name: String,
    /// What goes in and comes out.
    pub family: String,
    /// The repository on the Hub.
    pub repo: String,
    /// The branch, tag or commit.
    pub revision: String,
    /// Which of the files a command gets; none: the folder that holds them all.
    pub model: Option<String>,
    /// What its weights are licensed under, as their page says.
    pub licence: String,
    /// What it is, in one line.
    pub note: String,
    /// All files that belong to it.
    pub files: Vec<CatalogueFile>,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// In the repository.
    pub path: String,
    /// About how large it is; 0 where that is not known.
    #[serde(default)]
    pub megabytes: f64,
    /// What it must hash to, where that is known.
    pub sha256: Option<String>,
}

const TEXT: &str = include_str!("../catalogue.toml");

impl Catalogue {
    /// The one that is compiled in.
    pub fn get() -> &'static Self {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(|| toml::from_str(TEXT).expect("the tests read the same text"))
    }

    /// All models, in the catalogue's order.
    pub fn models(&self) -> &[CatalogueModel] {
        &self.models
    }

    /// The model called `name`.
    pub fn find(&self, name: &str) -> Option<&CatalogueModel> {
        self.models.iter().find(|model| model.name == name)
    }

    /// Names that `name` may have been meant to be, the nearest first.
    pub fn near(&self, name: &str) -> Vec<&str> {
        let likeness = |model: &CatalogueModel| strsim::jaro_winkler(name, &model.name);
        let mut near: Vec<(f64, &str)> =
            self.models.iter().map(|model| (likeness(model), model.name.as_str())).collect();
        near.retain(|(likeness, _)| *likeness > 0.84);
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.into_iter().take(3).map(|(_, name)| name).collect()
    }
}

impl CatalogueModel {
    /// Its files, ready to be pulled; of `revision` in place of the catalogue's, and then without the catalogue's checksums.
    ///
    /// # Errors
    /// `Name`, for a catalogue that was written wrong.
    pub fn wanted(&self, revision: Option<&Revision>) -> Result<Vec<Wanted>, HubError> {
        let repo = RepoName::new(&self.repo)?;
        let own = Revision::new(&self.revision)?;
        let sha256 = |file: &CatalogueFile| file.sha256.clone().filter(|_| revision.is_none());
        let wanted = |file: &CatalogueFile| {
            Ok(Wanted {
                repo: repo.clone(),
                revision: revision.unwrap_or(&own).clone(),
                file: FilePath::new(&file.path)?,
                sha256: sha256(file),
            })
        };
        self.files.iter().map(wanted).collect()
    }

    /// What a command gets of it, where all its files are in `cache`: the file, or the folder that holds them.
    pub fn find(&self, cache: &Cache) -> Option<PathBuf> {
        let wanted = self.wanted(None).ok()?;
        let here = |wanted: &Wanted| cache.find(&wanted.repo, &wanted.revision, &wanted.file);
        wanted.iter().all(|wanted| here(wanted).is_some()).then_some(())?;
        match &self.model {
            Some(path) => wanted.iter().find(|wanted| wanted.file.as_str() == path).and_then(here),
            None => wanted.first().and_then(|first| cache.snapshot(&first.repo, &first.revision)),
        }
    }

    /// About how large all its files are together; 0 where that is not known.
    pub fn megabytes(&self) -> f64 {
        self.files.iter().map(|file| file.megabytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_entry_can_be_pulled() {
        let mut names = BTreeSet::new();
        for model in Catalogue::get().models() {
            assert!(names.insert(&model.name), "{} twice", model.name);
            assert!(!model.name.contains(['/', '.']) && !model.name.starts_with("starter-"), "{}", model.name);
            assert_eq!(model.wanted(None).unwrap().len(), model.files.len());
            assert!(!model.files.is_empty() && !model.licence.is_empty() && !model.note.is_empty(), "{}", model.name);
            let is_file = |path: &String| model.files.iter().any(|file| file.path == *path);
            assert!(model.model.as_ref().is_none_or(is_file), "{}", model.name);
            let pins = model.files.iter().filter_map(|file| file.sha256.as_deref());
            pins.for_each(|pin| assert!(pin.len() == 64 && crate::checksum::Checksum::read(pin).is_some(), "{pin}"));
        }
    }

    #[test]
    fn another_revision_has_other_checksums() {
        let file = CatalogueFile { path: "a.onnx".to_owned(), megabytes: 1.0, sha256: Some("a".repeat(64)) };
        let text = || "x".to_owned();
        let model = CatalogueModel {
            name: text(),
            family: text(),
            repo: "a/b".to_owned(),
            revision: "main".to_owned(),
            model: None,
            licence: text(),
            note: text(),
            files: vec![file],
        };
        assert!(model.wanted(None).unwrap()[0].sha256.is_some());
        let other = Revision::new("v2").unwrap();
        let wanted = &model.wanted(Some(&other)).unwrap()[0];
        assert_eq!((&wanted.revision, &wanted.sha256), (&other, &None));
    }

    #[test]
    fn what_is_near_is_told() {
        let first = &Catalogue::get().models()[0].name;
        let typo = format!("{first}x");
        assert_eq!(Catalogue::get().near(&typo).first(), Some(&first.as_str()));
        assert!(Catalogue::get().near("zzzzqqqq").is_empty());
    }
}
