//! The tower for texts, bound to one file: how a text enters it and how a vector leaves it.

use super::TowerArchitecture;
use super::caption_task::{Caption, CaptionTask};
use super::captions::Captions;
use super::pairing_file::pairing;
use super::side::{Side, list};
use super::tower_assets::TowerAssets;
use super::vector::{VectorPort, read_vector};
use crate::text::{Encoding, TextError};
use crate::{Embedding, FamilyHints, FamilyKind, Pairing};
use samovar_engine_api::{Dim, ElementType, Signature};
use samovar_runtime::{
    ContractError, Family, InputRow, OutputRow, RowShape, RowShapes, RunError, TaskError, WarmUpRow,
};
use std::sync::Arc;

/// CLIP's or SigLIP's tower for texts, bound to one model's signature.
///
/// In: `input_ids [batch, sequence]`, and `attention_mask` of the same shape where the graph has it (1 for a token, 0 for padding), by
/// the `tokenizer.json` beside the graph. CLIP's rows have up to 77 tokens and end with its end token, whose vector the graph takes;
/// SigLIP's are canonical text, padded to 64. Out: a vector for each row, `text_embeds [batch, numbers]`, or `pooler_output` for
/// SigLIP.
#[derive(Clone, Debug)]
pub struct TextTower {
    architecture: TowerArchitecture,
    inputs: Vec<TokenPort>,
    captions: Captions,
    vector: VectorPort,
    pairing: Option<Pairing>,
    batch_max: usize,
}

/// One input of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TokenPort {
    element: ElementType,
    is_mask: bool,
}

/// Rows in one run where the graph sets no limit.
const BATCH_MAX: usize = 64;

/// Rows of the shortest length that share a run on a CPU: its matrices are then as tall as those of one picture.
const ROWS_ON_CPU: usize = 16;

impl TextTower {
    /// Binds a text tower to `signature`. Without the family in `hints` it is taken only where it can be nothing else: its output is
    /// `text_embeds`, or the `config.json` beside it says SigLIP.
    ///
    /// # Errors
    /// What was found, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let assets = TowerAssets::new(hints.assets.as_deref());
        let architecture = Side::Text.architecture(signature, hints, &assets)?;
        let (inputs, length, batch_max) = token_ports(signature)?;
        Ok(Self {
            architecture,
            inputs,
            captions: Captions::load(&assets, architecture, length)?,
            vector: VectorPort::find(Side::Text, signature, architecture)?,
            pairing: pairing(signature, &assets, architecture)?,
            batch_max,
        })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::ImageTextEmbedding
    }

    /// The design.
    pub const fn architecture(&self) -> TowerArchitecture {
        self.architecture
    }

    /// Tokens of a text at most, special tokens included; what is longer is cut at its end.
    pub fn tokens_max(&self) -> usize {
        self.captions.tokens_max()
    }

    /// Tokens of a text, special tokens included, after it was cut.
    ///
    /// # Errors
    /// A text that gives no tokens (`Input`).
    pub fn tokens(&self, text: &str) -> Result<usize, RunError> {
        Ok(self.captions.encode(text)?.len())
    }

    /// Numbers of each vector, where the graph says.
    pub const fn dimensions(&self) -> Option<usize> {
        self.vector.dimensions
    }

    /// The scale and the bias that it was trained with, where they are known.
    pub const fn pairing(&self) -> Option<Pairing> {
        self.pairing
    }

    pub(crate) fn encode(&self, text: &str) -> Result<Encoding, TextError> {
        self.captions.encode(text)
    }

    pub(crate) fn caption(&self, encoding: Encoding) -> Caption {
        self.captions.caption(encoding)
    }

    pub(crate) fn rows(&self, length: usize) -> RowShapes {
        RowShapes::new(vec![RowShape::Batched(vec![length]); self.inputs.len()])
    }

    pub(crate) fn write(&self, caption: &Caption, row: &mut InputRow<'_>) -> Result<(), TaskError> {
        for (index, port) in self.inputs.iter().enumerate() {
            let value = |at: usize| match port.is_mask {
                true => i64::from(caption.tokens.contains(&at)),
                false => i64::from(caption.ids[at]),
            };
            match port.element {
                // Ids are below the size of a vocabulary, which 32 bits hold.
                ElementType::I32 => fill(row.slice::<i32>(index)?, |at| value(at) as i32),
                _ => fill(row.slice::<i64>(index)?, value),
            }
        }
        Ok(())
    }

    pub(crate) fn read(&self, row: &OutputRow<'_>) -> Result<Embedding, TaskError> {
        read_vector(row, self.vector)
    }

    /// The length of a lane's rows.
    fn length(&self, lane: &RowShapes) -> usize {
        match lane.inputs().first() {
            Some(RowShape::Batched(dims)) => dims.first().copied().unwrap_or(1),
            _ => self.tokens_max(),
        }
    }
}

impl Family for TextTower {
    fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        self.captions.lengths().iter().map(|length| self.rows(*length)).collect()
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    fn rows_on_cpu(&self) -> usize {
        let shortest = self.captions.lengths().first().copied().unwrap_or(1);
        (ROWS_ON_CPU * 16 / shortest.max(1)).clamp(1, self.batch_max)
    }

    fn weight(&self, lane: &RowShapes) -> usize {
        self.length(lane)
    }

    fn warm_up(&self, lane: &RowShapes) -> Box<dyn WarmUpRow> {
        let caption = self.captions.sample(self.length(lane));
        Box::new(CaptionTask { tower: Arc::new(self.clone()), caption })
    }
}

fn fill<T>(row: &mut [T], value: impl Fn(usize) -> T) {
    row.iter_mut().enumerate().for_each(|(at, slot)| *slot = value(at));
}

/// The inputs in their order, how long their rows are where that is fixed, and the most of them in one run.
fn token_ports(signature: &Signature) -> Result<(Vec<TokenPort>, Option<usize>, usize), ContractError> {
    let known = |name: &str| name.contains("mask") || name.contains("ids") || signature.inputs.len() == 1;
    let masks = signature.inputs.iter().filter(|port| port.name.contains("mask")).count();
    let is_plain = signature.inputs.len() == masks + 1 && masks <= 1;
    if !is_plain || !signature.inputs.iter().all(|port| known(&port.name) && port.dims.len() == 2) {
        return Err(ContractError(format!(
            "the inputs of the text tower are {}; expected `input_ids` [batch, sequence] and perhaps `attention_mask`",
            list(&signature.inputs)
        )));
    }
    let fixed = |axis: usize| signature.inputs.iter().find_map(|port| port.dims.get(axis).and_then(Dim::fixed));
    let batch_max = match fixed(0) {
        None => BATCH_MAX,
        Some(1) => 1,
        Some(_) => {
            return Err(ContractError(
                "the text tower has a fixed batch of more than one; export it with batch 1 or a dynamic batch axis"
                    .to_owned(),
            ));
        }
    };
    let port =
        |port: &samovar_engine_api::Port| TokenPort { element: port.element, is_mask: port.name.contains("mask") };
    Ok((signature.inputs.iter().map(port).collect(), fixed(1), batch_max))
}
