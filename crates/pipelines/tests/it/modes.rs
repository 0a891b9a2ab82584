//! Four segmentation models on the fake engine, as the modes of a stream. Tier `n` has `n + 2` classes, and what the fake engine
//! computes is always of the last class: so a map tells which model made it.

use samovar_engine_api::{Dim, ElementType, Port, Precision, Signature};
use samovar_engines::{FakeEngine, FakeModel};
use samovar_media::{Frame, FramePool, Picture, PixelFormat};
use samovar_models::{FamilyHints, SegmentOptions, Segmenter, binder};
use samovar_pipelines::{Mode, ModeTable, SegmentStream};
use samovar_runtime::{DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, StreamKey};
use std::sync::Arc;
use std::time::Duration;

/// Fastest first.
pub const MODES: [&str; 4] = ["fast", "balanced", "accurate", "sota"];

pub struct ModeBench {
    pub registry: Registry,
    /// One for each mode.
    pub models: Vec<FakeModel>,
    pub pool: FramePool,
}

impl ModeBench {
    pub fn new() -> Self {
        let models: Vec<FakeModel> = (0..MODES.len()).map(|tier| FakeModel::new(signature(tier + 2))).collect();
        let engine =
            MODES.iter().zip(&models).fold(FakeEngine::new(), |engine, (name, model)| engine.with(name, model));
        let device = DeviceOptions { slots: 2, ..DeviceOptions::default() };
        let options = RegistryOptions { device, ..RegistryOptions::new(vec![Arc::new(engine)]) };
        let registry = Registry::start(options, MODES.iter().map(|name| spec(name)).collect()).unwrap();
        Self { registry, models, pool: FramePool::new(4) }
    }

    pub fn table(&self) -> ModeTable {
        let mode = |name: &&str| Mode::new(*name, Segmenter::new(self.registry.model(&model_name(name)).unwrap()));
        ModeTable::new(MODES.iter().map(mode).collect()).unwrap()
    }

    /// A stream in that mode, whose model is opened first.
    pub async fn stream(&self, mode: &str) -> SegmentStream {
        let table = self.table();
        let index = table.find(mode).unwrap();
        table.modes()[index].segmenter.handle().open().await.unwrap();
        SegmentStream::new(Arc::new(table), index, SegmentOptions::default(), StreamKey(1))
    }

    pub fn picture(&self) -> Picture {
        let mut pixels = self.pool.take(20 * 10 * 3);
        pixels.fill(90);
        Picture::decoded(Arc::new(Frame::new(20, 10, PixelFormat::Rgb8, Duration::ZERO, pixels)))
    }
}

pub fn model_name(mode: &str) -> String {
    format!("model-{mode}")
}

fn spec(mode: &str) -> ModelSpec {
    ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        ..ModelSpec::new(model_name(mode), ModelSource::file(mode), binder(FamilyHints::default()))
    }
}

fn signature(classes: usize) -> Signature {
    let port = |name: &str, dims: [usize; 3]| Port {
        name: name.to_owned(),
        element: ElementType::F32,
        dims: std::iter::once(Dim::Dynamic(Some("batch".to_owned()))).chain(dims.map(Dim::Fixed)).collect(),
    };
    let names: Vec<String> = (0..classes).map(|class| format!("{class}: 'thing {class}'")).collect();
    Signature {
        inputs: vec![port("image", [3, 16, 16])],
        outputs: vec![port("logits", [classes, 16, 16])],
        metadata: [("names".to_owned(), format!("{{{}}}", names.join(", ")))].into(),
    }
}
