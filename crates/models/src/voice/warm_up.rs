//! Representative work for voice detectors: a hum that swells as a voice does, by formula.

use super::model::CHUNK;
use super::{VoiceModel, VoiceState};
use samovar_runtime::{InputRow, OutputRow, Scratch, TaskError, WarmUpRow};
use std::f32::consts::TAU;

/// One chunk of a hum through a voice detector, over and over.
pub(super) struct WarmUpVoice {
    model: VoiceModel,
    state: VoiceState,
    samples: Vec<f32>,
}

impl WarmUpVoice {
    pub(super) fn new(model: VoiceModel) -> Self {
        Self { model, state: VoiceState::default(), samples: hum() }
    }
}

impl WarmUpRow for WarmUpVoice {
    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.state, &self.samples, row)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.read(row).map(drop)
    }
}

/// A tone of 120 Hz with its harmonics, as a low voice has them.
fn hum() -> Vec<f32> {
    let sample = |index: usize| {
        let time = index as f32 / VoiceModel::SAMPLE_RATE as f32;
        let harmonic = |number: f32| (TAU * 120.0 * number * time).sin() / number;
        let swell = (TAU * 0.5 * index as f32 / CHUNK as f32).sin();
        0.3 * swell * (1..=20).map(|number| harmonic(number as f32)).sum::<f32>() / 2.0
    };
    (0..CHUNK).map(sample).collect()
}
