//! A server with one or more models, on a free port, that ends with the test.

use crate::client::{PATIENCE, get};
use samovar_engine_api::{Dim, ElementType, Engine, Port, Precision, Signature};
use samovar_engines::{FakeEngine, FakeModel};
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions};
use samovar_server::{Metrics, Server, ServerLimits, ServerOptions, Shutdown};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A running server.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) registry: Arc<Registry>,
    pub(crate) shutdown: Shutdown,
    pub(crate) served: JoinHandle<()>,
    /// Steers the model `fake`, where that is what serves.
    pub(crate) fake: FakeModel,
}

impl House {
    /// One warm fake detector called `fake`.
    pub(crate) async fn fake(limits: ServerLimits) -> Self {
        Self::fake_with(ServerOptions { limits, ..options() }, true).await
    }

    /// The same, with these options; loaded only if `preload`.
    pub(crate) async fn fake_with(options: ServerOptions, preload: bool) -> Self {
        let fake = fake_detector();
        let engine = FakeEngine::new().with("fake.onnx", &fake);
        let specs = vec![ModelSpec { preload, ..spec("fake", Path::new("fake.onnx")) }];
        Self::start(options, Arc::new(engine), specs, fake).await
    }

    /// Four segmentation models as modes, and a detector that is not loaded, none loaded yet. Model `seg-MODE` of tier `n` has `n + 2`
    /// classes, and what the fake engine computes is always of the last one.
    pub(crate) async fn modes() -> (Self, Vec<FakeModel>) {
        Self::modes_with(ServerLimits::default()).await
    }

    /// The same within these limits.
    pub(crate) async fn modes_with(limits: ServerLimits) -> (Self, Vec<FakeModel>) {
        let models: Vec<_> = (0..MODES.len()).map(|tier| fake_segmenter(tier + 2)).collect();
        let fake = fake_detector();
        let engine = FakeEngine::new().with("fake.onnx", &fake);
        let engine = MODES.iter().zip(&models).fold(engine, |engine, (name, model)| engine.with(*name, model));
        let lazy = |name: &str, path: &str| ModelSpec { preload: false, ..spec(name, Path::new(path)) };
        let mut specs: Vec<_> = MODES.iter().map(|mode| lazy(&format!("seg-{mode}"), mode)).collect();
        specs.push(lazy("fake", "fake.onnx"));
        let modes = MODES.iter().map(|mode| ((*mode).to_owned(), format!("seg-{mode}"))).collect();
        let options = ServerOptions { segment_modes: modes, limits, ..options() };
        (Self::start(options, Arc::new(engine), specs, fake).await, models)
    }

    pub(crate) async fn start(
        options: ServerOptions,
        engine: Arc<dyn Engine>,
        specs: Vec<ModelSpec>,
        fake: FakeModel,
    ) -> Self {
        Self::start_with(options, RegistryOptions::new(vec![engine]), specs, fake).await
    }

    /// The same, with what is particular to the registry.
    pub(crate) async fn start_with(
        options: ServerOptions,
        registry: RegistryOptions,
        specs: Vec<ModelSpec>,
        fake: FakeModel,
    ) -> Self {
        let metrics = Arc::new(Metrics::new());
        let device = DeviceOptions { slots: 2, ..DeviceOptions::default() };
        let registry = RegistryOptions { device, observer: Arc::clone(&metrics) as _, ..registry };
        let registry = Arc::new(Registry::start(registry, specs).unwrap());
        registry.preload().await;
        let server = Server::bind(options, Arc::clone(&registry), metrics).unwrap();
        let (address, shutdown) = (server.local_addr(), Shutdown::default());
        let served = tokio::spawn(server.serve(shutdown.clone()));
        Self { address, registry, shutdown, served, fake }
    }

    /// One value of the metrics page, by its name and labels as they are written there; 0 where it is not.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = get(self.address, "/metrics").await.text();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric is what it should be.
    pub(crate) async fn until(&self, name: &str, enough: impl Fn(f64) -> bool) {
        let reached = tokio::time::timeout(PATIENCE, async {
            while !enough(self.metric(name).await) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(reached.await.is_ok(), "{name} stays at {}", self.metric(name).await);
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// A free port of this machine, and no waiting at the end.
pub(crate) fn options() -> ServerOptions {
    ServerOptions {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        drain_delay: Duration::ZERO,
        ..ServerOptions::default()
    }
}

pub(crate) fn spec(name: &str, path: &Path) -> ModelSpec {
    ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        batch_max: Some(1),
        ..ModelSpec::new(name, ModelSource::file(path), binder(FamilyHints::default()))
    }
}

/// Fastest first.
pub(crate) const MODES: [&str; 4] = ["fast", "balanced", "accurate", "sota"];

/// A segmentation model for 16 × 16 pixels.
pub(crate) fn fake_segmenter(classes: usize) -> FakeModel {
    let names: Vec<String> = (0..classes).map(|class| format!("{class}: 'thing {class}'")).collect();
    FakeModel::new(Signature {
        inputs: vec![port("image", &[3, 16, 16])],
        outputs: vec![port("logits", &[classes, 16, 16])],
        metadata: [("names".to_owned(), format!("{{{}}}", names.join(", ")))].into(),
    })
}

/// A dynamic batch of fixed rows.
pub(crate) fn port(name: &str, dims: &[usize]) -> Port {
    Port {
        name: name.to_owned(),
        element: ElementType::F32,
        dims: std::iter::once(Dim::Dynamic(Some("batch".to_owned())))
            .chain(dims.iter().map(|&size| Dim::Fixed(size)))
            .collect(),
    }
}

/// A detector of cats and dogs for 64 × 64 pixels: 4 sides and 2 scores for 8² + 4² + 2² places.
pub(crate) fn fake_detector() -> FakeModel {
    let metadata = [("names", "{0: 'cat', 1: 'dog'}"), ("stride", "32"), ("task", "detect")];
    FakeModel::new(Signature {
        inputs: vec![port("images", &[3, 64, 64])],
        outputs: vec![port("output0", &[6, 84])],
        metadata: metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    })
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of real models and media; none, with a line that says so, where it is absent.
pub(crate) fn shared() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let folder = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "the test models are absent");
    println!("skipped: the test models are absent; set SAMOVAR_TEST_MODELS to their folder");
    None
}
