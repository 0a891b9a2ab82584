//! A voice detector bound to one model: how a chunk of sound enters it and how a probability leaves it. Serves the family
//! `silero-vad`.

use super::warm_up::WarmUpVoice;
use super::{SpeechSegment, VoiceState};
use crate::{FamilyHints, FamilyKind};
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShape, RowShapes, TaskError, WarmUpRow};

/// A voice detector bound to one model's signature: Silero's from version 5 on.
///
/// In: 64 samples of the chunk before and 512 new ones `[1, 576]`, mono, −1 to 1, at 16 kHz; the memory `[2, 1, 128]`, and the rate as
/// a scalar. Out: the probability `[1, 1]` that somebody speaks, and the memory for the next chunk. Chunks of different streams do not
/// share a run: their memories lie along the second axis, which is not how rows of a batch lie, and a run takes a tenth of a
/// millisecond. Files that also take 8 kHz are used at 16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceModel {
    input: usize,
    memory: usize,
    rate: usize,
    probability: usize,
    memory_out: usize,
}

/// New samples of each run: 32 ms.
pub(super) const CHUNK: usize = 512;
/// Samples of the chunk before that go in once more.
pub(super) const CONTEXT: usize = 64;
/// Numbers of the memory.
pub(super) const MEMORY: usize = 2 * 128;

impl VoiceModel {
    /// Samples for each second.
    pub const SAMPLE_RATE: u32 = SpeechSegment::SAMPLE_RATE;

    /// New samples of each chunk: 32 ms.
    pub const CHUNK_SAMPLES: usize = CHUNK;

    /// Binds a voice detector to `signature`: it is known by the names of its inputs.
    ///
    /// # Errors
    /// What was found, and what is expected.
    pub fn bind(signature: &Signature, _hints: &FamilyHints) -> Result<Self, ContractError> {
        let input = |name: &str, fits: fn(&Port) -> bool| find(&signature.inputs, name, fits);
        let output = |name: &str, fits: fn(&Port) -> bool| find(&signature.outputs, name, fits);
        let bound = || {
            Some(Self {
                input: input("input", |port| is_open(port, &[1, CHUNK + CONTEXT]))?,
                memory: input("state", |port| is_open(port, &[2, 1, 128]))?,
                rate: input("sr", |port| port.element == ElementType::I64 && port.dims.is_empty())?,
                probability: output("output", |port| is_open(port, &[1, 1]))?,
                memory_out: output("stateN", |port| is_open(port, &[2, 1, 128]))?,
            })
        };
        let bound = bound().filter(|_| signature.inputs.len() == 3);
        bound.ok_or_else(|| misfit(signature))
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::SileroVad
    }

    pub(super) fn rows(&self) -> RowShapes {
        let mut shapes = vec![RowShape::Whole(Vec::new()); 3];
        shapes[self.input] = RowShape::Whole(vec![1, CHUNK + CONTEXT]);
        shapes[self.memory] = RowShape::Whole(vec![2, 1, 128]);
        RowShapes::new(shapes)
    }

    /// `samples` are [`CHUNK`] many.
    pub(super) fn write(&self, state: &VoiceState, samples: &[f32], row: &mut InputRow<'_>) -> Result<(), TaskError> {
        let (before, new) = row.slice::<f32>(self.input)?.split_at_mut(CONTEXT);
        before.copy_from_slice(&state.context);
        new.copy_from_slice(samples);
        row.slice::<f32>(self.memory)?.copy_from_slice(&state.memory);
        row.slice::<i64>(self.rate)?.fill(i64::from(Self::SAMPLE_RATE));
        Ok(())
    }

    /// The probability, and the memory for the next chunk.
    pub(super) fn read(&self, row: &OutputRow<'_>) -> Result<(f32, Vec<f32>), TaskError> {
        let probability = row.tensor(self.probability)?.as_slice::<f32>()?.to_vec();
        let memory = row.tensor(self.memory_out)?.as_slice::<f32>()?.to_vec();
        let &[probability] = probability.as_slice() else { return Err(unexpected()) };
        let sound = (0.0..=1.0).contains(&probability) && memory.iter().all(|value| value.is_finite());
        if memory.len() != MEMORY || !sound {
            return Err(unexpected());
        }
        Ok((probability, memory))
    }
}

impl Family for VoiceModel {
    fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![self.rows()]
    }

    fn batch_max(&self) -> usize {
        1
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(WarmUpVoice::new(self.clone()))
    }
}

fn find(ports: &[Port], name: &str, fits: fn(&Port) -> bool) -> Option<usize> {
    ports.iter().position(|port| port.name == name && fits(port))
}

/// Whether a tensor of these sizes fits.
fn is_open(port: &Port, sizes: &[usize]) -> bool {
    let fits = |(dim, size): (&Dim, &usize)| dim.fixed().is_none_or(|fixed| fixed == *size);
    port.element == ElementType::F32 && port.dims.len() == sizes.len() && port.dims.iter().zip(sizes).all(fits)
}

fn unexpected() -> TaskError {
    TaskError::internal("the model gave no probability, or a memory that cannot be gone on from")
}

fn misfit(signature: &Signature) -> ContractError {
    let list = |ports: &[Port]| ports.iter().map(|port| format!("`{port}`")).collect::<Vec<_>>().join(", ");
    ContractError(format!(
        "the model is no voice detector of Silero's version 5 or later. Found inputs {} and outputs {}. Expected inputs `input` [1, 576], \
         `state` [2, 1, 128] and `sr` (a scalar), outputs `output` [1, 1] and `stateN` [2, 1, 128]",
        list(&signature.inputs),
        list(&signature.outputs)
    ))
}
