//! Small pose and sequence models on the fake engine: in every black picture of 64×64 stand [`PEOPLE`].

use crate::support::{port, spec, square};
use samovar_engine_api::Signature;
use samovar_engines::{FakeEngine, FakeModel};
use samovar_media::{FramePool, Picture};
use samovar_models::{Detector, PoseEstimator, SequenceScorer};
use samovar_pipelines::{AnomalyModels, AnomalyOptions, AnomalyOutput, AnomalyStream, FrameEvent};
use samovar_runtime::{DeviceOptions, Registry, RegistryOptions, StreamKey};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Frames of the small sequence model's window.
pub const WINDOW: u64 = 4;

/// Whom the fake pose model and the fake detector find.
pub const PEOPLE: usize = 4;

pub struct AnomalyBench {
    pub registry: Registry,
    pub pose: FakeModel,
    pub sequence: FakeModel,
    pub detect: FakeModel,
    pub pool: FramePool,
}

impl AnomalyBench {
    pub async fn warm(slots: usize) -> Self {
        let pose = FakeModel::new(pose());
        let sequence = FakeModel::new(sequence());
        let detect = FakeModel::new(detect());
        let engine = FakeEngine::new().with("pose", &pose).with("sequence", &sequence).with("detect", &detect);
        let options = RegistryOptions {
            device: DeviceOptions { slots, ..DeviceOptions::default() },
            ..RegistryOptions::new(vec![Arc::new(engine)])
        };
        let names = ["pose", "sequence", "detect"];
        let registry = Registry::start(options, names.map(spec).to_vec()).unwrap();
        for name in names {
            registry.model(name).unwrap().open().await.unwrap();
        }
        Self { registry, pose, sequence, detect, pool: FramePool::new(16) }
    }

    pub fn models(&self) -> AnomalyModels {
        AnomalyModels {
            detector: None,
            pose: PoseEstimator::new(self.registry.model("pose").unwrap()),
            sequence: SequenceScorer::new(self.registry.model("sequence").unwrap()),
            appearance: None,
        }
    }

    pub fn models_with_detector(&self) -> AnomalyModels {
        let detector = Some(Detector::new(self.registry.model("detect").unwrap()));
        AnomalyModels { detector, ..self.models() }
    }

    pub fn stream(&self) -> AnomalyStream {
        stream_of(self.models())
    }

    pub fn picture(&self) -> Picture {
        square(&self.pool, 0)
    }

    /// Pushes the frame of that number at 10 frames a second.
    pub fn push(&self, stream: &mut AnomalyStream, number: u64) {
        let time = Duration::from_millis(100 * number);
        stream.push(number, time, UNIX_EPOCH + time, self.picture());
    }

    /// Takes in so many frames, each told before the next comes.
    pub async fn play(&self, stream: &mut AnomalyStream, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.push(stream, number);
            drain(stream).await;
        }
    }
}

pub fn stream_of(models: AnomalyModels) -> AnomalyStream {
    AnomalyStream::new(models, AnomalyOptions::default(), StreamKey(1), NonZeroU16::MIN)
}

/// Everything that is on its way.
pub async fn drain(stream: &mut AnomalyStream) -> Vec<AnomalyOutput> {
    let mut outputs = Vec::new();
    while !stream.is_idle() {
        outputs.push(stream.next().await);
    }
    outputs
}

/// What became of each frame, and the events between, in words.
pub fn words(outputs: Vec<AnomalyOutput>) -> Vec<String> {
    let word = |output: AnomalyOutput| match output {
        AnomalyOutput::Frame(FrameEvent::Result { frame, .. }) => format!("{frame} seen"),
        AnomalyOutput::Frame(FrameEvent::Dropped { frame, count }) => format!("{frame} dropped, {count}"),
        AnomalyOutput::Frame(FrameEvent::Error { frame, error }) => format!("{frame} {}", error.kind().code()),
        AnomalyOutput::Event(event) => event.kind.name().to_owned(),
    };
    outputs.into_iter().map(word).collect()
}

fn pose() -> Signature {
    let metadata = [("names", "{0: 'person'}"), ("task", "pose"), ("kpt_shape", "[17, 3]")];
    Signature {
        inputs: vec![port("images", &[3, 64, 64])],
        outputs: vec![port("output0", &[56, 84])],
        metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

fn detect() -> Signature {
    let metadata = [("names".to_owned(), "{0: 'kettle', 1: 'person'}".to_owned())];
    Signature {
        inputs: vec![port("images", &[3, 64, 64])],
        outputs: vec![port("output0", &[6, 84])],
        metadata: metadata.into_iter().collect(),
    }
}

fn sequence() -> Signature {
    let inputs = vec![port("pose", &[2, usize::try_from(WINDOW).unwrap(), 18])];
    Signature { inputs, outputs: vec![port("nll", &[])], ..Signature::default() }
}
