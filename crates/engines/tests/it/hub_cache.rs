//! External data in the Hugging Face cache, where graph and data are links into the repository's `blobs`: that is taken, and no more.

use crate::machine;
use crate::onnx_writer::{adder, external};
use samovar_engine_api::{EngineErrorKind, LoadOptions, ModelFiles};
use samovar_engines::OnnxFile;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A repository of the cache with a graph whose weights are at `weights.data`, which is not made yet.
struct Repository {
    root: tempfile::TempDir,
    folder: PathBuf,
}

impl Repository {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("models--an--adder");
        let repository = Self { folder, root };
        fs::create_dir_all(repository.snapshot()).unwrap();
        repository.blob("blobs/graph", &adder(&external(2, "weights.data", &[("offset", "0"), ("length", "8")]), 2));
        symlink("../../blobs/graph", repository.snapshot().join("model.onnx")).unwrap();
        repository
    }

    fn snapshot(&self) -> PathBuf {
        self.folder.join("snapshots/1a2b")
    }

    fn blob(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn weights(&self, name: &str) -> PathBuf {
        self.blob(name, &[10.0_f32, 20.0].map(f32::to_le_bytes).concat())
    }

    fn files(&self) -> ModelFiles {
        ModelFiles { path: self.snapshot().join("model.onnx") }
    }

    fn link_data(&self, target: impl AsRef<Path>) {
        symlink(target, self.snapshot().join("weights.data")).unwrap();
    }

    fn refused(&self, what: &str) {
        let error = OnnxFile::read(&self.files().path).err().unwrap_or_else(|| panic!("taken: {what}"));
        assert_eq!(error.kind(), EngineErrorKind::Model, "{what}: {error}");
        for engine in machine::engines() {
            assert!(engine.load(&self.files(), &LoadOptions::default()).is_err(), "{}: {what}", engine.info().name);
        }
    }
}

#[test]
fn graph_and_data_in_the_blobs_of_one_repository_run() {
    let repository = Repository::new();
    repository.weights("blobs/data");
    repository.link_data("../../blobs/data");
    let file = OnnxFile::read(&repository.files().path).unwrap();
    assert_eq!(file.external_files, [repository.snapshot().join("weights.data")]);
    for engine in machine::engines() {
        let loaded = engine.load(&repository.files(), &LoadOptions::default());
        if engine.info().name == "openvino" {
            // Its reader takes no link out of the folder, whoever made it.
            assert_eq!(loaded.err().unwrap().kind(), EngineErrorKind::Unsupported);
            continue;
        }
        let model = loaded.unwrap();
        let mut runner = machine::runner(model.as_ref());
        runner.input(0, &[2]).unwrap().into_slice::<f32>().unwrap().copy_from_slice(&[1.0, 2.0]);
        runner.run().unwrap();
        assert_eq!(runner.output(0).unwrap().as_slice::<f32>().unwrap(), [11.0, 22.0], "{}", engine.info().name);
    }
}

#[test]
fn a_link_to_anything_else_is_refused() {
    for target in [
        "../../../models--another/blobs/data",
        "/etc/hostname",
        "../../blobs/deeper/data",
        "../../blobs/../elsewhere/data",
        "../../elsewhere/data",
        "../2c3d/data",
        "../../blobs",
        "../../blobs/absent",
    ] {
        let repository = Repository::new();
        for place in ["../models--another/blobs/data", "blobs/deeper/data", "elsewhere/data", "snapshots/2c3d/data"] {
            repository.weights(place);
        }
        repository.link_data(target);
        repository.refused(target);
        assert!(repository.root.path().exists());
    }
}

#[test]
fn a_link_to_a_link_is_refused() {
    let repository = Repository::new();
    repository.weights("blobs/data");
    symlink("../../blobs/data", repository.snapshot().join("first")).unwrap();
    repository.link_data("first");
    repository.refused("a link to a link in the snapshot");
}

#[test]
fn a_blob_that_is_itself_a_link_is_refused() {
    let repository = Repository::new();
    repository.weights("blobs/real");
    symlink("real", repository.folder.join("blobs/data")).unwrap();
    repository.link_data("../../blobs/data");
    repository.refused("a link in blobs, to a blob");
}

#[test]
fn a_hard_link_in_the_blobs_is_refused() {
    let repository = Repository::new();
    let weights = repository.weights("../secret");
    fs::hard_link(weights, repository.folder.join("blobs/data")).unwrap();
    repository.link_data("../../blobs/data");
    repository.refused("a blob with a second name elsewhere");
}

#[test]
fn a_graph_that_is_no_blob_itself_is_refused() {
    let repository = Repository::new();
    repository.weights("blobs/data");
    repository.link_data("../../blobs/data");
    let graph = repository.files().path;
    let bytes = fs::read(&graph).unwrap();
    fs::remove_file(&graph).unwrap();
    fs::write(&graph, bytes).unwrap();
    repository.refused("a graph that lies in the snapshot");
}

#[test]
fn blobs_without_snapshots_around_the_name_are_refused() {
    let repository = Repository::new();
    repository.weights("blobs/data");
    repository.link_data("../../blobs/data");
    fs::rename(repository.folder.join("snapshots"), repository.folder.join("versions")).unwrap();
    let path = repository.folder.join("versions/1a2b/model.onnx");
    assert_eq!(OnnxFile::read(&path).unwrap_err().kind(), EngineErrorKind::Model);
}

#[test]
fn a_snapshot_that_is_a_link_is_taken_as_where_it_leads() {
    let repository = Repository::new();
    repository.weights("blobs/data");
    repository.link_data("../../blobs/data");
    let alias = repository.root.path().join("current");
    symlink(repository.snapshot(), &alias).unwrap();
    assert!(OnnxFile::read(&alias.join("model.onnx")).is_ok());
}
