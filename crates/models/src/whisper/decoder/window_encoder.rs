//! Windows through the encoder.

use super::Graphs;
use super::hidden::Hidden;
use super::parts::shape_error;
use crate::floats::floats;
use half::f16;
use half::slice::HalfFloatSliceExt;
use samovar_engine_api::{ElementType, EngineError, Runner, TensorRef};
use std::borrow::Cow;
use std::sync::Arc;

/// What the encoder made of one window: hidden states `[positions, width]`.
#[derive(Clone, Debug)]
pub struct EncodedWindow {
    pub(in crate::whisper) hidden: Hidden,
}

impl EncodedWindow {
    /// The hidden states, `[positions, width]`.
    pub fn hidden(&self) -> Cow<'_, [f32]> {
        self.hidden.floats()
    }

    /// A row of the encoder's output, kept as the decoder reads it: `element` is the type of its caches.
    ///
    /// # Errors
    /// Elements of a type that no encoder gives.
    pub(in crate::whisper) fn of(row: &TensorRef<'_>, element: ElementType) -> Result<Self, EngineError> {
        Ok(Self { hidden: Hidden::of(row, element)? })
    }
}

/// The encoder on one runner.
pub struct WindowEncoder {
    graphs: Arc<Graphs>,
    runner: Box<dyn Runner>,
}

impl WindowEncoder {
    /// The encoder of `graphs` on a runner of its model.
    pub fn new(graphs: Arc<Graphs>, runner: Box<dyn Runner>) -> Self {
        Self { graphs, runner }
    }

    /// Encodes windows in one run: log-mel spectrograms, each `[mels, 2 · positions]`.
    ///
    /// # Errors
    /// A window of another size (`Shape`), and what the engine says.
    pub fn encode(&mut self, windows: &[&[f32]]) -> Result<Vec<EncodedWindow>, EngineError> {
        if windows.is_empty() {
            return Ok(Vec::new());
        }
        let ports = &self.graphs.encoder;
        let (mels, frames) = (ports.mels, ports.frames);
        if windows.iter().any(|window| window.len() != mels * frames) {
            return Err(shape_error(format!("a window has not the {mels} × {frames} numbers that the encoder takes")));
        }
        let input = self.runner.input(ports.input, &[windows.len(), mels, frames])?;
        if ports.element == ElementType::F16 {
            let rows = input.into_slice::<f16>()?.chunks_exact_mut(mels * frames);
            rows.zip(windows).for_each(|(row, window)| row.convert_from_f32_slice(window));
        } else {
            let rows = input.into_slice::<f32>()?.chunks_exact_mut(mels * frames);
            rows.zip(windows).for_each(|(row, window)| row.copy_from_slice(window));
        }
        self.runner.run()?;
        let output = self.runner.output(ports.output)?;
        let hidden = floats(&output)?;
        let size = self.graphs.shape.positions * self.graphs.shape.width();
        if hidden.len() != size * windows.len() {
            return Err(shape_error(format!("the encoder gives {} numbers, not {size} for each window", hidden.len())));
        }
        Ok(hidden.chunks_exact(size).map(|hidden| EncodedWindow { hidden: Hidden::F32(hidden.to_vec()) }).collect())
    }
}
