//! What a stream of sound carries from one chunk to the next.

use super::model::{CHUNK, CONTEXT, MEMORY};
use samovar_runtime::Generation;
use std::sync::Arc;

/// What one stream carries from chunk to chunk: the network's memory and the last samples. One for each stream, never shared. A few
/// kilobytes.
#[derive(Clone, Debug)]
pub struct VoiceState {
    /// `[2, 1, 128]`.
    pub(super) memory: Vec<f32>,
    /// The last samples of the chunk before.
    pub(super) context: Vec<f32>,
    /// The model's name and the number of the generation that the memory is of.
    of: Option<(Arc<str>, u64)>,
}

impl Default for VoiceState {
    /// Before the first chunk: silence.
    fn default() -> Self {
        Self { memory: vec![0.0; MEMORY], context: vec![0.0; CONTEXT], of: None }
    }
}

impl VoiceState {
    /// The state to go on from with `generation`. A memory of other weights says nothing to these, so it begins anew; the samples stay.
    pub(super) fn to_go_on(&self, generation: &Generation) -> Self {
        let own =
            self.of.as_ref().is_none_or(|(name, number)| **name == *generation.name && *number == generation.number);
        if own { self.clone() } else { Self { context: self.context.clone(), ..Self::default() } }
    }

    /// After a chunk of `samples`, which left this memory in that generation.
    pub(super) fn advance(&mut self, memory: Vec<f32>, samples: &[f32], generation: &Generation) {
        self.memory = memory;
        self.context.copy_from_slice(&samples[CHUNK - CONTEXT..]);
        if self.of.as_ref().is_none_or(|(name, number)| **name != *generation.name || *number != generation.number) {
            self.of = Some((Arc::clone(&generation.name), generation.number));
        }
    }
}
