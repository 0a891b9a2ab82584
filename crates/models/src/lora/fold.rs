//! Folds an adapter into a graph.

use super::linears::{Linear, Linears, TensorKey, each_tensor};
use super::low_rank::LowRank;
use super::{Adapter, LoraError};
use crate::onnx::proto::{Graph, Model, Tensor};
use crate::onnx::{BYTES_MAX, take_in, take_in_data};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use prost::Message;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Which half of a model a graph is; graphs of one half leave its name out of their paths or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What lies behind `encoder`.
    Encoder,
    /// All else: what lies behind `decoder`, and the projection to the logits.
    Decoder,
}

/// The weights of a module that a graph names nowhere, found by what they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The module's path behind `decoder`.
    pub(crate) path: String,
    /// The name of the stored tensor.
    pub(crate) tensor: String,
}

/// What became of an adapter's modules in one graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    /// Stored tensors that were changed.
    pub(crate) changed: usize,
    /// Modules of this half that the graph has not.
    pub(crate) missing: Vec<String>,
}

/// How a tensor is changed.
struct Change<'a> {
    module: &'a str,
    change: &'a LowRank,
    turned: bool,
    widens: bool,
}

const F32: i32 = 1;
const F16: i32 = 10;

/// Modules that are named in a refusal.
const SHOWN_MAX: usize = 3;

impl Folded {
    /// Whether the graph has all modules of its side.
    ///
    /// # Errors
    /// `Module` where it has not.
    pub(crate) fn complete(&self) -> Result<(), LoraError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = self.missing.iter().take(SHOWN_MAX).map(|module| format!("`{module}`")).collect();
        let more = self.missing.len() - named.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let named = named.join(", ");
        Err(LoraError::Module(format!("the model has no linear layer {named}{more}, or holds it fused or quantised")))
    }
}

impl Side {
    fn holds(self, module: &str) -> bool {
        module.split('.').any(|part| part == "encoder") == (self == Self::Encoder)
    }

    /// The module's path behind the name of its half.
    fn tail(self, module: &str) -> &str {
        let name = if self == Self::Encoder { "encoder." } else { "decoder." };
        match module.strip_prefix(name) {
            Some(tail) => tail,
            None => module.split_once(&format!(".{name}")).map_or(module, |(_, tail)| tail),
        }
    }
}

/// Adds what `adapter` changes on this side to the weights in `model`, whose data lies in `folder` where it lies beside the graph. Sums
/// are computed in f32; weights that the graph reads as f32 are stored so, others in the precision that they had.
///
/// # Errors
/// A module of another size, and weights that are stored or used in a way that cannot be changed.
pub(crate) fn fold(
    model: &mut Model,
    (adapter, side): (&Adapter, Side),
    places: &[Place],
    folder: &Path,
) -> Result<Folded, LoraError> {
    let changes = adapter.changes(|module| side.holds(module));
    let Some(graph) = model.graph.as_mut().filter(|_| !changes.is_empty()) else { return Ok(Folded::default()) };
    let mut linears = Linears::of(graph);
    name(&mut linears, places);
    let (targets, missing) = targets(&linears, &changes, side)?;
    let widens = bytes_of(graph)? <= BYTES_MAX / 2;
    let changed = targets.len();
    each_tensor(graph, &mut |key, tensor| match targets.get(key) {
        Some(target) => target.apply(tensor, folder, widens),
        None => Ok(()),
    })?;
    Ok(Folded { changed, missing })
}

/// The graph at `path` with what `adapter` changes on this side folded in, as one ONNX file.
///
/// # Errors
/// A graph that cannot be read or has not all of the modules, a module of another size, and weights that are stored or used in a way
/// that cannot be changed.
pub fn fold_file(path: &Path, adapter: &Adapter, side: Side) -> Result<Vec<u8>, LoraError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut model = crate::onnx::read(path)?;
    fold(&mut model, (adapter, side), &[], folder)?.complete()?;
    one_file(model, folder)
}

/// The model as one file, with what lay beside it.
///
/// # Errors
/// Data that cannot be read, and a model that is larger than one file may be.
pub(crate) fn one_file(mut model: Model, folder: &Path) -> Result<Vec<u8>, LoraError> {
    if let Some(graph) = &mut model.graph {
        each_tensor(graph, &mut |_, tensor| take_in_data(tensor, folder).map_err(LoraError::from))?;
    }
    if model.encoded_len() > BYTES_MAX {
        return Err(LoraError::Base(
            "with them the graph is larger than one file may be; export it in 16 bits".to_owned(),
        ));
    }
    Ok(model.encode_to_vec())
}

/// Adds the paths of modules that were found by what they do.
fn name(linears: &mut Linears, places: &[Place]) {
    for linear in &mut linears.all {
        let known = places.iter().filter(|place| place.tensor == linear.tensor.1);
        linear.paths.extend(known.map(|place| place.path.clone()));
    }
}

/// What is done to which tensor, and the modules that are not there.
fn targets<'a>(
    linears: &Linears,
    changes: &BTreeMap<&'a str, &'a LowRank>,
    side: Side,
) -> Result<(HashMap<TensorKey, Change<'a>>, Vec<String>), LoraError> {
    let by_tail: HashMap<&str, &'a str> = changes.keys().map(|module| (side.tail(module), *module)).collect();
    let mut targets: HashMap<TensorKey, Change<'a>> = HashMap::new();
    for linear in &linears.all {
        let Some(module) = module_of(linear, &by_tail) else { continue };
        if let Some(other) = targets.get(&linear.tensor).filter(|other| other.module != module) {
            return Err(shared(module, other.module));
        }
        let widens = linears.only_widened.get(&linear.tensor).copied().unwrap_or(false);
        let change = Change { module, change: changes[module], turned: linear.turned, widens };
        targets.insert(linear.tensor.clone(), change);
    }
    check_uses(linears, &targets, &by_tail)?;
    let found: Vec<&str> = targets.values().map(|target| target.module).collect();
    let missing = changes.keys().filter(|module| !found.contains(module)).map(|module| (*module).to_owned());
    Ok((targets, missing.collect()))
}

/// Weights that something else reads too would change that as well.
fn check_uses(
    linears: &Linears,
    targets: &HashMap<TensorKey, Change<'_>>,
    by_tail: &HashMap<&str, &str>,
) -> Result<(), LoraError> {
    let others = linears.all.iter().filter(|linear| module_of(linear, by_tail).is_none());
    let others = others.map(|linear| &linear.tensor).chain(linears.other_uses.keys());
    match others.filter_map(|tensor| targets.get(tensor)).next() {
        Some(target) => Err(shared(target.module, "another part of the graph")),
        None => Ok(()),
    }
}

/// The module among those wanted that a linear layer is; what its node says goes before what its weights are called.
fn module_of<'a>(linear: &Linear, by_tail: &HashMap<&str, &'a str>) -> Option<&'a str> {
    linear.paths.iter().find_map(|path| {
        let mut tail = Some(path.as_str());
        while let Some(rest) = tail {
            if let Some(module) = by_tail.get(rest) {
                return Some(*module);
            }
            tail = rest.split_once('.').map(|(_, rest)| rest);
        }
        None
    })
}

fn shared(module: &str, other: &str) -> LoraError {
    LoraError::Base(format!("those of `{module}` are those of {other} too"))
}

impl Change<'_> {
    fn apply(&self, tensor: &mut Tensor, folder: &Path, may_widen: bool) -> Result<(), LoraError> {
        let (width_in, width_out) = self.change.sizes;
        let wanted = if self.turned { [width_out, width_in] } else { [width_in, width_out] };
        if tensor.dims != wanted.map(|size| i64::try_from(size).unwrap_or(i64::MAX)) {
            let found = if self.turned { tensor.dims.clone() } else { tensor.dims.iter().rev().copied().collect() };
            let reason = format!(
                "`{}` has weights {found:?}, and the adapter's are for {:?}",
                self.module,
                [width_out, width_in]
            );
            return Err(LoraError::Shape(reason));
        }
        take_in(tensor, folder)?;
        let mut weights = floats(tensor);
        self.change.add_to(&mut weights, self.turned)?;
        if self.widens && may_widen {
            tensor.data_type = F32;
        }
        tensor.raw_data = Some(bytes(&weights, tensor.data_type).into());
        Ok(())
    }
}

/// The numbers of a tensor whose data has been taken in.
fn floats(tensor: &Tensor) -> Vec<f32> {
    let raw = tensor.raw_data.as_deref().unwrap_or_default();
    let halves = || raw.as_chunks::<2>().0.iter().copied();
    match tensor.data_type {
        F32 => raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        F16 => halves().map(|bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
        _ => halves().map(|bytes| bf16::from_le_bytes(bytes).to_f32()).collect(),
    }
}

fn bytes(weights: &[f32], data_type: i32) -> Vec<u8> {
    match data_type {
        F32 => weights.iter().flat_map(|weight| weight.to_le_bytes()).collect(),
        F16 => {
            let mut halves = vec![f16::ZERO; weights.len()];
            halves.convert_from_f32_slice(weights);
            halves.iter().flat_map(|weight| weight.to_le_bytes()).collect()
        }
        _ => weights.iter().flat_map(|weight| bf16::from_f32(*weight).to_le_bytes()).collect(),
    }
}

/// Bytes of all numbers that a graph stores, as it declares them.
fn bytes_of(graph: &mut Graph) -> Result<usize, LoraError> {
    let mut sum = 0_usize;
    each_tensor(graph, &mut |_, tensor| {
        let count = tensor.dims.iter().try_fold(1_usize, |count, &dim| count.checked_mul(usize::try_from(dim).ok()?));
        sum = sum.saturating_add(count.unwrap_or(usize::MAX).saturating_mul(2));
        Ok::<(), LoraError>(())
    })?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_lies_behind_its_half() {
        let cases = [
            ("model.encoder.layers.0.fc1", Side::Encoder, "layers.0.fc1"),
            ("encoder.layers.0.fc1", Side::Encoder, "layers.0.fc1"),
            ("model.decoder.layers.0.encoder_attn.q_proj", Side::Decoder, "layers.0.encoder_attn.q_proj"),
            ("proj_out", Side::Decoder, "proj_out"),
        ];
        for (module, side, tail) in cases {
            assert!(side.holds(module), "{module}");
            assert_eq!(side.tail(module), tail);
        }
        assert!(!Side::Decoder.holds("model.encoder.conv1") && !Side::Encoder.holds("proj_out"));
    }
}
