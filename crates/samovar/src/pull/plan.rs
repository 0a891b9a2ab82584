//! From what was typed to the files that are to be fetched.

use super::arguments::PullArguments;
use crate::config::Config;
use crate::failure::{CliError, Exit};
use crate::model_name;
use samovar_hub::{Catalogue, CatalogueModel, Event, FilePath, Hub, RepoName, Revision, Source, Wanted};

/// One name, ready to be pulled.
pub struct Plan {
    /// As it was typed.
    pub name: String,
    /// The catalogue's entry, where all of it is pulled and as it stands there.
    pub entry: Option<&'static CatalogueModel>,
    pub repo: RepoName,
    pub revision: Revision,
    /// None: the repository has to be asked which there are.
    files: Option<Vec<Wanted>>,
}

/// Files that are named where one has to be chosen.
const SHOWN: usize = 12;

impl Plan {
    /// What `name` means together with the flags.
    pub fn new(name: &str, arguments: &PullArguments) -> Result<Self, CliError> {
        let revision = arguments.revision.as_deref().map(Revision::new).transpose()?;
        let files = arguments.file.iter().map(|file| FilePath::new(file)).collect::<Result<Vec<_>, _>>()?;
        match Catalogue::get().find(name) {
            Some(entry) => Self::of_entry(entry, revision, files),
            None if name.contains('/') => Self::of_source(name, revision, files),
            None => Err(model_name::unknown(name, &Config::default())),
        }
    }

    fn of_entry(
        entry: &'static CatalogueModel,
        revision: Option<Revision>,
        files: Vec<FilePath>,
    ) -> Result<Self, CliError> {
        let repo = RepoName::new(&entry.repo)?;
        let is_whole = files.is_empty();
        let wanted = if is_whole { Some(entry.wanted(revision.as_ref())?) } else { None };
        let is_entry = is_whole && revision.is_none();
        let revision = revision.map_or_else(|| Revision::new(&entry.revision), Ok)?;
        let files = wanted.unwrap_or_else(|| wanted_files(&repo, &revision, files));
        Ok(Self { name: entry.name.clone(), entry: is_entry.then_some(entry), repo, revision, files: Some(files) })
    }

    fn of_source(name: &str, revision: Option<Revision>, mut files: Vec<FilePath>) -> Result<Self, CliError> {
        let source = Source::new(name)?;
        let revision = revision.or(source.revision).unwrap_or_else(Revision::main);
        files.extend(source.file);
        let files = (!files.is_empty()).then(|| wanted_files(&source.repo, &revision, files));
        Ok(Self { name: name.to_owned(), entry: None, repo: source.repo, revision, files })
    }

    /// The files; of a repository of which none was named, its one ONNX file.
    pub fn files(&self, hub: &Hub, tell: &mut dyn FnMut(Event<'_>)) -> Result<Vec<Wanted>, CliError> {
        if let Some(files) = &self.files {
            return Ok(files.clone());
        }
        let all = hub.files(&self.repo, &self.revision, tell)?;
        let onnx: Vec<&str> = all.iter().map(String::as_str).filter(|file| file.ends_with(".onnx")).collect();
        match onnx.as_slice() {
            [only] => Ok(wanted_files(&self.repo, &self.revision, vec![FilePath::new(only)?])),
            [] => Err(CliError::new("file_required", format!("{} has no ONNX file", self.repo))
                .cure("name another repository, or any of its files with --file; --list tells them")),
            many => {
                let shown: String = many.iter().take(SHOWN).map(|file| format!("\n  --file {file}")).collect();
                let rest = many.len().saturating_sub(SHOWN);
                let rest = if rest > 0 { format!("\n  and {rest} more (--list)") } else { String::new() };
                let message = format!("{} has {} ONNX files; say which:{shown}{rest}", self.repo, many.len());
                Err(CliError::new("file_required", message).exit(Exit::Usage))
            }
        }
    }
}

fn wanted_files(repo: &RepoName, revision: &Revision, files: Vec<FilePath>) -> Vec<Wanted> {
    let wanted = |file| Wanted { repo: repo.clone(), revision: revision.clone(), file, sha256: None };
    files.into_iter().map(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str, revision: Option<&str>, file: &[&str]) -> Result<Plan, CliError> {
        let arguments = PullArguments {
            names: vec![],
            revision: revision.map(str::to_owned),
            file: file.iter().map(|file| (*file).to_owned()).collect(),
            list: false,
            json: false,
        };
        Plan::new(name, &arguments)
    }

    #[test]
    fn names_and_flags_come_together() {
        let entry = &Catalogue::get().models()[0];
        let whole = plan(&entry.name, None, &[]).unwrap();
        assert!(whole.entry.is_some());
        assert_eq!(whole.files.unwrap(), entry.wanted(None).unwrap());
        let part = plan(&entry.name, Some("v2"), &["x.onnx"]).unwrap();
        assert_eq!((part.entry, part.revision.as_str(), part.files.unwrap().len()), (None, "v2", 1));
        let typed = plan("a/b@v1:c.onnx", None, &["d.onnx"]).unwrap();
        assert_eq!((typed.revision.as_str(), typed.files.unwrap().len()), ("v1", 2));
        assert!(plan("a/b", None, &[]).unwrap().files.is_none());
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for (name, file, code) in [
            ("nothing-like-it", &[][..], "model_not_found"),
            ("a/b/c", &[], "hub_name_invalid"),
            ("a/b", &["../../x"], "hub_name_invalid"),
        ] {
            let error = plan(name, None, file).err().unwrap();
            assert_eq!((&*error.code, error.exit_code()), (code, Exit::Usage), "{name}");
        }
    }
}
