//! The ports of a decoder as it was exported: split in two graphs or merged in one.

use super::graph::DecoderShape;
use super::parts::{check, find, input, output};
use samovar_engine_api::{ElementType, Port, Signature};
use samovar_runtime::ContractError;

/// Where everything enters and leaves; lists by layer, keys before values. Of a merged decoder both graphs are the same.
#[derive(Debug)]
pub(super) struct PlainPorts {
    pub(super) is_merged: bool,
    pub(super) prompt: PromptPorts,
    pub(super) step: StepPorts,
    pub(super) cache: ElementType,
}

/// The graph without past keys and values.
#[derive(Debug)]
pub(super) struct PromptPorts {
    pub(super) tokens: usize,
    pub(super) encoded: usize,
    pub(super) encoded_element: ElementType,
    pub(super) logits: usize,
    pub(super) text: Vec<usize>,
    pub(super) sound: Vec<usize>,
}

/// The graph with past keys and values.
#[derive(Debug)]
pub(super) struct StepPorts {
    pub(super) tokens: usize,
    /// Inputs that only some exports have.
    pub(super) branch: Option<usize>,
    pub(super) encoded: Option<usize>,
    pub(super) cache_position: Option<usize>,
    pub(super) logits: usize,
    pub(super) text: Vec<usize>,
    pub(super) sound: Vec<usize>,
    /// Outputs: the text's keys and values with the new ones.
    pub(super) grown: Vec<usize>,
    /// Whether the sound's caches may be empty while they are not read.
    pub(super) sound_positions: Option<usize>,
}

impl PlainPorts {
    /// Binds `decoder_model` and `decoder_with_past_model`.
    ///
    /// # Errors
    /// A port that is missing or has another size.
    pub(super) fn split(prompt: &Signature, step: &Signature, shape: &DecoderShape) -> Result<Self, ContractError> {
        let step_ports = StepPorts::bind(step, shape)?;
        let cache = element(step, &step_ports);
        Ok(Self { is_merged: false, prompt: PromptPorts::bind(prompt, shape)?, step: step_ports, cache })
    }

    /// Binds `decoder_model_merged`.
    ///
    /// # Errors
    /// A port that is missing or has another size.
    pub(super) fn merged(merged: &Signature, shape: &DecoderShape) -> Result<Self, ContractError> {
        let step_ports = StepPorts::bind(merged, shape)?;
        if step_ports.branch.is_none() {
            return Err(ContractError(
                "one decoder alone must be a merged one, with the input `use_cache_branch`; else both `decoder_model` and \
                 `decoder_with_past_model` are needed"
                    .to_owned(),
            ));
        }
        let cache = element(merged, &step_ports);
        Ok(Self { is_merged: true, prompt: PromptPorts::bind(merged, shape)?, step: step_ports, cache })
    }
}

impl PromptPorts {
    fn bind(signature: &Signature, shape: &DecoderShape) -> Result<Self, ContractError> {
        let encoded = input(signature, "encoder_hidden_states")?;
        check(&signature.inputs[encoded], &[None, None, Some(shape.width())])?;
        let list = |side| names("present", shape, side).map(|name| output(signature, &name)).collect::<Result<_, _>>();
        Ok(Self {
            tokens: input(signature, "input_ids")?,
            encoded,
            encoded_element: signature.inputs[encoded].element,
            logits: logits(signature, shape)?,
            text: list("decoder")?,
            sound: list("encoder")?,
        })
    }
}

impl StepPorts {
    fn bind(signature: &Signature, shape: &DecoderShape) -> Result<Self, ContractError> {
        let inputs = |side| {
            let ports = names("past_key_values", shape, side).map(|name| input(signature, &name));
            let ports = ports.collect::<Result<Vec<_>, _>>()?;
            let size = [None, Some(shape.heads), None, Some(shape.head_width)];
            ports.iter().try_for_each(|&port| check(&signature.inputs[port], &size)).map(|()| ports)
        };
        let grown = names("present", shape, "decoder").map(|name| output(signature, &name));
        let sound: Vec<usize> = inputs("encoder")?;
        let positions = |port: &Port| port.dims.get(2).and_then(samovar_engine_api::Dim::fixed);
        Ok(Self {
            tokens: input(signature, "input_ids")?,
            branch: find(&signature.inputs, "use_cache_branch"),
            encoded: find(&signature.inputs, "encoder_hidden_states"),
            cache_position: find(&signature.inputs, "cache_position"),
            logits: logits(signature, shape)?,
            text: inputs("decoder")?,
            sound_positions: sound.first().and_then(|&port| positions(&signature.inputs[port])),
            sound,
            grown: grown.collect::<Result<_, _>>()?,
        })
    }
}

fn logits(signature: &Signature, shape: &DecoderShape) -> Result<usize, ContractError> {
    let port = output(signature, "logits")?;
    check(&signature.outputs[port], &[None, None, Some(shape.vocabulary)]).map(|()| port)
}

fn element(signature: &Signature, ports: &StepPorts) -> ElementType {
    ports.text.first().map_or(ElementType::F32, |&port| signature.inputs[port].element)
}

/// `present.0.decoder.key` and so on.
fn names(prefix: &str, shape: &DecoderShape, side: &str) -> impl Iterator<Item = String> {
    let layers = 0..shape.layers;
    let start = prefix.to_owned();
    let side = side.to_owned();
    layers.flat_map(move |layer| ["key", "value"].map(|part| format!("{start}.{layer}.{side}.{part}")))
}
