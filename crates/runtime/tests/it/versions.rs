//! Versions of a model, swaps between them, and files that change: the old one serves until the new one is warm, and on if that fails.

use crate::house::{House, soon, until};
use crate::support::{FEATURES, Row, call, rows, spec};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, FakeModel, Gate};
use samovar_runtime::{Class, FailureKind, ModelSource, ModelSpec, ModelState, TuneOptions, VersionChoice};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A model `m` in a folder of versions, each of which is a model of its own.
struct Versioned {
    house: House,
    versions: BTreeMap<u64, FakeModel>,
    folder: TempDir,
}

impl Versioned {
    fn new(numbers: &[u64], choice: VersionChoice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = ModelSource::Versions { folder: folder.path().to_owned(), choice };
        let house = House::new(vec![ModelSpec { source, watch: true, ..spec("m") }], |_| ());
        let mut versioned = Self { house, versions: BTreeMap::new(), folder };
        numbers.iter().for_each(|&number| versioned.put(number, "graph"));
        versioned
    }

    fn latest(numbers: &[u64]) -> Self {
        Self::new(numbers, VersionChoice::Latest { keep: 2 })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(number.to_string()).join("model.onnx")
    }

    /// Puts a version there, or other content into its file.
    fn put(&mut self, number: u64, content: &str) {
        let path = self.path(number);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let model = self.versions.entry(number).or_insert_with(|| FakeModel::rows(FEATURES));
        self.house.engine.put(path, model);
    }

    fn damage(&self, number: u64) {
        self.versions[&number].fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    }

    fn loads(&self, number: u64) -> u64 {
        self.versions[&number].counts().loads
    }

    /// The version and the generation that serve.
    fn serving(&self) -> Option<(u64, u64)> {
        let state = self.house.handle("m").state();
        state.generation().map(|generation| (generation.version.unwrap(), generation.number))
    }

    /// What a swap to `version` came to: the version that it loaded, or why it failed.
    async fn swap(&self, version: Option<u64>) -> Result<Option<u64>, FailureKind> {
        let swapped = soon(self.house.registry.swap("m", version)).await.unwrap();
        swapped.map(|generation| generation.version).map_err(|failure| failure.kind)
    }

    /// Two seconds later the keeper looks at files again.
    fn look(&self) {
        self.house.hand.advance(Duration::from_secs(2));
        self.house.registry.look();
    }

    /// Waits until the operation that a look has started is through: loads exclude it.
    async fn looked(&self) {
        drop(soon(self.house.registry.load("m")).await);
    }

    fn alive(&self) -> u64 {
        self.versions.values().map(|model| model.counts().loaded_alive).sum()
    }
}

#[tokio::test]
async fn the_newest_version_serves_until_a_swap_names_another() {
    let m = Versioned::latest(&[1, 2, 10]);
    m.house.open("m").await.unwrap();
    assert_eq!(m.serving(), Some((10, 1)));
    assert_eq!(m.swap(Some(2)).await, Ok(Some(2)));
    assert_eq!(m.house.run("m", 1.0).await.unwrap().generation.version, Some(2));
    soon(m.house.registry.reload("m")).await.unwrap().unwrap();
    assert_eq!(m.serving(), Some((2, 3)), "a reload keeps to what was chosen");
    soon(m.house.registry.unload("m")).await.unwrap();
    m.house.open("m").await.unwrap();
    assert_eq!(m.serving().map(|(version, _)| version), Some(2), "so does the next load");
    assert_eq!(m.swap(None).await, Ok(Some(10)));
    assert_eq!((m.alive(), m.house.events.count("swapped")), (1, 3));
    let pinned = Versioned::new(&[1, 2], VersionChoice::Pinned(1));
    pinned.house.open("m").await.unwrap();
    assert_eq!(pinned.serving(), Some((1, 1)));
}

#[tokio::test]
async fn a_first_load_falls_back_to_an_older_version_as_far_as_it_may() {
    let m = Versioned::latest(&[1, 2, 3]);
    m.damage(3);
    m.house.open("m").await.unwrap();
    assert_eq!(m.serving().map(|(version, _)| version), Some(2));
    let m = Versioned::latest(&[1, 2, 3]);
    m.damage(3);
    m.damage(2);
    assert!(m.house.open("m").await.is_err());
    assert_eq!((m.house.failure("m").kind, m.loads(1)), (FailureKind::Model, 0), "two may be tried");
    let m = Versioned::new(&[1, 2], VersionChoice::Latest { keep: 1 });
    m.damage(2);
    assert!(m.house.open("m").await.is_err());
    let m = Versioned::new(&[1, 2], VersionChoice::Pinned(3));
    assert!(m.house.open("m").await.is_err());
    assert_eq!((m.house.failure("m").kind, m.loads(1) + m.loads(2)), (FailureKind::Version, 0));
}

#[tokio::test]
async fn a_bad_version_changes_nothing_but_what_is_told() {
    let m = Versioned::latest(&[1, 2]);
    m.damage(2);
    assert_eq!(m.swap(Some(1)).await, Ok(Some(1)));
    for version in [Some(2), None, Some(7)] {
        assert!(m.swap(version).await.is_err());
        assert_eq!((m.serving().map(|(version, _)| version), m.house.state("m")), (Some(1), "ready"));
        assert_eq!(m.house.run("m", 4.0).await.unwrap().output, Row::expected(4.0));
    }
    let status = m.house.registry.list().remove(0);
    assert_eq!(
        status.reload_failure.map(|failure| (failure.kind, failure.retry_at)),
        Some((FailureKind::Version, None))
    );
    let loads = m.loads(1);
    for _ in 0..3 {
        m.look();
        m.looked().await;
    }
    assert_eq!(m.loads(1), loads, "nor has the file that serves");
    soon(m.house.registry.reload("m")).await.unwrap().unwrap();
    assert_eq!(m.serving().map(|(version, _)| version), Some(1), "the choice was not changed either");
    assert!(m.house.registry.list()[0].reload_failure.is_none());
    assert_eq!((m.alive(), m.versions[&1].counts().loaded_alive_max), (1, 2));
}

#[tokio::test]
async fn a_version_that_leads_out_of_its_folder_is_refused() {
    let m = Versioned::latest(&[1]);
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("model.onnx");
    std::fs::write(&secret, "graph").unwrap();
    m.house.engine.put(secret.canonicalize().unwrap(), &m.versions[&1]);
    std::os::unix::fs::symlink(outside.path(), m.folder.path().join("2")).unwrap();
    m.house.open("m").await.unwrap();
    assert_eq!(m.serving().map(|(version, _)| version), Some(1));
    assert_eq!((m.swap(Some(2)).await, m.loads(1)), (Err(FailureKind::File), 1));
    let failure = soon(m.house.registry.swap("m", Some(2))).await.unwrap().unwrap_err();
    assert!(failure.reason.contains("leads out"), "{}", failure.reason);
    let file = House::new(vec![spec("m")], |_| ());
    let failure = soon(file.registry.swap("m", Some(1))).await.unwrap().unwrap_err();
    assert!(failure.reason.contains("without versions"), "{}", failure.reason);
}

#[tokio::test]
async fn a_measurement_takes_the_version_that_a_load_would_take() {
    let m = Versioned::latest(&[1, 2]);
    assert_eq!(m.swap(Some(1)).await, Ok(Some(1)));
    soon(m.house.registry.unload("m")).await.unwrap();
    let options = TuneOptions { budget: Duration::ZERO, ..TuneOptions::default() };
    drop(soon(m.house.registry.tune("m", options)).await.unwrap());
    assert!(m.loads(1) > 1);
    assert_eq!(m.loads(2), 0, "version 1 was chosen");
}

#[tokio::test]
async fn a_new_version_is_taken_up_once_it_rests() {
    let mut m = Versioned::latest(&[1]);
    m.house.open("m").await.unwrap();
    m.look();
    m.look();
    m.looked().await;
    assert_eq!(m.loads(1), 1, "nothing has changed");
    for content in ["gra", "graph", "graph that grows"] {
        m.put(2, content);
        m.look();
        m.looked().await;
    }
    assert_eq!((m.loads(2), m.serving()), (0, Some((1, 1))), "it was another one at every look");
    m.look();
    until(|| m.serving() == Some((2, 2))).await;
    m.look();
    m.look();
    m.looked().await;
    assert_eq!((m.loads(2), m.house.events.count("swapped")), (1, 1));
    // The same version with other content is another model.
    m.put(2, "edited");
    m.look();
    m.look();
    until(|| m.serving() == Some((2, 3))).await;
    assert_eq!(m.versions[&2].counts().loaded_alive_max, 2);
}

/// A decoder that is replaced is another model, though the graph that is named stays.
#[tokio::test]
async fn a_companion_that_changes_is_a_change_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let [graph, companion] = ["encoder.onnx", "decoder.onnx"].map(|name| folder.path().join(name));
    std::fs::write(&graph, "graph").unwrap();
    let model = FakeModel::rows(FEATURES);
    let (source, companions) = (ModelSource::file(&graph), vec![companion.clone()]);
    let house = House::new(vec![ModelSpec { source, companions, watch: true, ..spec("m") }], |_| ());
    house.engine.put(graph, &model);
    house.open("m").await.unwrap();
    let number = || house.handle("m").state().generation().map(|generation| generation.number);
    assert_eq!(number(), Some(1));
    std::fs::write(&companion, "weights").unwrap();
    for _ in 0..2 {
        house.hand.advance(Duration::from_secs(2));
        house.registry.look();
    }
    until(|| number() == Some(2)).await;
}

#[tokio::test]
async fn a_bad_version_is_tried_once_and_again_when_it_changes() {
    let mut m = Versioned::latest(&[1]);
    m.house.open("m").await.unwrap();
    m.put(2, "damaged");
    m.damage(2);
    m.look();
    m.look();
    until(|| m.house.registry.list()[0].reload_failure.is_some()).await;
    for _ in 0..6 {
        m.look();
        m.looked().await;
    }
    assert_eq!((m.loads(2), m.serving()), (1, Some((1, 1))));
    m.versions[&2].fail_every_load(None);
    m.put(2, "mended");
    m.look();
    m.look();
    until(|| m.serving().map(|(version, _)| version) == Some(2)).await;
    assert!(m.house.registry.list()[0].reload_failure.is_none());
}

#[tokio::test]
async fn a_model_that_failed_is_loaded_when_its_file_is_mended() {
    let mut m = Versioned::new(&[1], VersionChoice::Latest { keep: 1 });
    m.house.engine.put(m.path(1), &FakeModel::rows(FEATURES + 4));
    assert!(m.house.open("m").await.is_err());
    assert_eq!(m.house.failure("m").kind, FailureKind::Contract, "which is not tried again by itself");
    m.put(1, "another graph");
    m.look();
    m.look();
    until(|| matches!(m.house.handle("m").state(), ModelState::Ready(_))).await;
}

#[tokio::test]
async fn a_swap_finishes_every_job_that_the_old_version_had_accepted() {
    let m = Arc::new(Versioned::latest(&[1, 2]));
    assert_eq!(m.swap(Some(1)).await, Ok(Some(1)));
    let gate = Gate::closed();
    m.versions[&1].hold_runs(&gate);
    let handle = m.house.handle("m");
    let jobs: Vec<_> =
        (0..40).map(|job| handle.submit(Row::of(job as f32), rows(), call(Class::Job, job)).unwrap()).collect();
    gate.wait_for(2);
    let swapping = tokio::spawn({
        let m = Arc::clone(&m);
        async move { m.swap(Some(2)).await }
    });
    until(|| m.loads(2) == 1).await;
    // The warm-up takes its turns between the old version's runs.
    while m.serving().is_some_and(|(version, _)| version == 1) {
        gate.let_through(1);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let fresh = handle.submit(Row::of(9.0), rows(), call(Class::Live, 99)).unwrap();
    gate.open();
    assert_eq!(soon(fresh).await.unwrap().generation.version, Some(2));
    for (job, pending) in jobs.into_iter().enumerate() {
        let completed = soon(pending).await.unwrap();
        assert_eq!((completed.output, completed.generation.version), (Row::expected(job as f32), Some(1)));
    }
    assert_eq!(soon(swapping).await.unwrap(), Ok(Some(2)));
    assert_eq!((m.alive(), m.house.events.count("dropped unloaded")), (1, 0));
}

#[tokio::test]
async fn a_producer_that_waits_for_room_keeps_no_generation() {
    let m = Arc::new(Versioned::latest(&[1, 2]));
    assert_eq!(m.swap(Some(1)).await, Ok(Some(1)));
    let gate = Gate::closed();
    m.versions[&1].hold_runs(&gate);
    let handle = m.house.handle("m");
    let mut jobs = Vec::new();
    // The queue takes 256 jobs beside those that the slots have taken.
    gate_full(&m, &mut jobs, &gate);
    let producing = tokio::spawn({
        let handle = handle.clone();
        async move {
            let pinned = handle.pin_when_room(Class::Job).await.unwrap();
            let pending = pinned.submit_waiting(Row::of(5.0), rows(), call(Class::Job, 7)).await.unwrap();
            pending.await.unwrap()
        }
    });
    tokio::task::yield_now().await;
    let swapping = tokio::spawn({
        let m = Arc::clone(&m);
        async move { m.swap(Some(2)).await }
    });
    until(|| m.loads(2) == 1).await;
    gate.open();
    assert_eq!(soon(producing).await.unwrap().output, Row::expected(5.0));
    assert_eq!(soon(swapping).await.unwrap(), Ok(Some(2)));
    for job in jobs {
        soon(job).await.unwrap();
    }
}

type Job = samovar_runtime::Pending<Vec<f32>>;

/// Submits jobs until the queue is full and both slots stand at the gate.
fn gate_full(m: &Versioned, jobs: &mut Vec<Job>, gate: &Gate) {
    let handle = m.house.handle("m");
    let submit = |stream| handle.submit(Row::of(1.0), rows(), call(Class::Job, stream));
    jobs.extend((0..2).map(|stream| submit(stream).unwrap()));
    gate.wait_for(2);
    while let Ok(job) = submit(3) {
        jobs.push(job);
    }
}
