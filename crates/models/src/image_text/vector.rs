//! The output of a tower that holds its vectors: where it is, and what is in it.

use super::TowerArchitecture;
use super::side::{Side, is_vector, list};
use crate::Embedding;
use crate::floats::floats;
use samovar_engine_api::{Port, Signature};
use samovar_runtime::{ContractError, OutputRow, TaskError};

/// The output that holds the vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VectorPort {
    pub(crate) index: usize,
    /// Numbers of each vector, where the graph says.
    pub(crate) dimensions: Option<usize>,
}

impl VectorPort {
    /// The output with the vectors that both towers share: `image_embeds` or `text_embeds`; `pooler_output` for SigLIP, which needs
    /// no projection; else the only one that has a vector for each row.
    ///
    /// # Errors
    /// None, several, or CLIP's vectors before their projection.
    pub(crate) fn find(
        side: Side,
        signature: &Signature,
        architecture: TowerArchitecture,
    ) -> Result<Self, ContractError> {
        let vectors: Vec<_> = signature.outputs.iter().enumerate().filter(|(_, port)| is_vector(port)).collect();
        let named = |name: &str| vectors.iter().find(|(_, port)| port.name == name);
        match (named(side.embeds()), named("pooler_output"), vectors.as_slice()) {
            (Some(found), ..) => Ok(Self::of(*found)),
            (None, Some(pooled), _) if architecture == TowerArchitecture::Siglip => Ok(Self::of(*pooled)),
            (None, Some(_), _) => Err(not_projected(side)),
            (None, None, [only]) => Ok(Self::of(*only)),
            _ => Err(unclear(side, signature)),
        }
    }

    fn of((index, port): (usize, &Port)) -> Self {
        Self { index, dimensions: port.dims[1].fixed() }
    }
}

/// The vector of one row.
///
/// # Errors
/// One of another length than the file says, or without a direction.
pub(crate) fn read_vector(row: &OutputRow<'_>, port: VectorPort) -> Result<Embedding, TaskError> {
    let vector = floats(&row.tensor(port.index)?)?.into_owned();
    if port.dimensions.is_some_and(|dimensions| dimensions != vector.len()) {
        return Err(TaskError::internal("the model gave a vector of another length than its file says"));
    }
    Embedding::new(vector).ok_or_else(|| TaskError::internal("the model gave a vector without a direction"))
}

fn not_projected(side: Side) -> ContractError {
    ContractError(format!(
        "the tower gives `pooler_output`, which in CLIP is not projected yet and cannot be compared with the other tower's; \
         export it with its projection, so that it gives `{}`: `python tools/export_towers.py CHECKPOINT FOLDER`",
        side.embeds()
    ))
}

fn unclear(side: Side, signature: &Signature) -> ContractError {
    ContractError(format!(
        "which output holds the vectors is not clear: found {}. Expected `{}` [batch, numbers], or `pooler_output` for SigLIP",
        list(&signature.outputs),
        side.embeds()
    ))
}
