//! A tiny detector on the fake engine: 64×64 in, 84 anchors of 2 classes out.

use bytes::Bytes;
use samovar_engine_api::{Dim, ElementType, Port, Precision, Signature};
use samovar_engines::{FakeEngine, FakeModel};
use samovar_media::{Frame, FramePool, ImageLimits, Picture, PixelFormat};
use samovar_models::{Detector, FamilyHints, binder};
use samovar_runtime::{DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions};
use std::sync::Arc;
use std::time::Duration;

pub struct Bench {
    pub registry: Registry,
    pub model: FakeModel,
    pub pool: FramePool,
}

impl Bench {
    pub async fn warm(slots: usize) -> Self {
        let model = FakeModel::new(signature());
        let engine = Arc::new(FakeEngine::new().with("m", &model));
        let options = RegistryOptions {
            device: DeviceOptions { slots, ..DeviceOptions::default() },
            ..RegistryOptions::new(vec![engine])
        };
        let registry = Registry::start(options, vec![spec("m")]).unwrap();
        registry.model("m").unwrap().open().await.unwrap();
        Self { registry, model, pool: FramePool::new(4) }
    }

    pub fn detector(&self) -> Detector {
        Detector::new(self.registry.model("m").unwrap())
    }

    /// A picture of one shade.
    pub fn picture(&self, shade: u8) -> Picture {
        square(&self.pool, shade)
    }

    /// A picture whose header is right and whose data is cut off.
    pub fn cut_off(&self) -> Picture {
        let frame = self.picture(90).frame(&self.pool).unwrap();
        let png = samovar_media::encode_image(&frame, samovar_media::ImageEncoding::Png, &self.pool).unwrap();
        let half = Bytes::copy_from_slice(&png[..png.len() / 2]);
        Picture::encoded(half, ImageLimits::default()).unwrap()
    }
}

/// A picture of 64×64 in one shade.
pub fn square(pool: &FramePool, shade: u8) -> Picture {
    let mut pixels = pool.take(64 * 64 * 3);
    pixels.fill(shade);
    Picture::decoded(Arc::new(Frame::new(64, 64, PixelFormat::Rgb8, Duration::ZERO, pixels)))
}

/// A model whose file has its name.
pub fn spec(name: &str) -> ModelSpec {
    ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        ..ModelSpec::new(name, ModelSource::file(name), binder(FamilyHints::default()))
    }
}

/// A port of `f32` with a free batch and these sizes.
pub fn port(name: &str, dims: &[usize]) -> Port {
    let batch = std::iter::once(Dim::Dynamic(Some("batch".to_owned())));
    let dims = batch.chain(dims.iter().map(|&size| Dim::Fixed(size))).collect();
    Port { name: name.to_owned(), element: ElementType::F32, dims }
}

fn signature() -> Signature {
    let metadata = [("names", "{0: 'cup', 1: 'kettle'}")];
    Signature {
        inputs: vec![port("images", &[3, 64, 64])],
        outputs: vec![port("output0", &[6, 84])],
        metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}
