//! `adapter_model.safetensors`: the two matrices of every module.

use super::LoraError;
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// A module's matrices as they are stored, `A` `[rank, in]` and `B` `[out, rank]`.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) a: Option<Matrix>,
    pub(super) b: Option<Matrix>,
}

/// Rows, columns, values.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) values: Vec<f32>,
}

/// The list of tensors in front of them; that of the largest model is some hundred kilobytes.
const HEADER_BYTES_MAX: u64 = 16 << 20;

/// Reads the pairs by the path of their module.
///
/// # Errors
/// `Damaged` for bytes that are no such file, `Unsupported` for tensors that are not of plain LoRA on linear layers.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Pair>, LoraError> {
    let header = bytes.first_chunk::<8>().map(|size| u64::from_le_bytes(*size));
    if header.is_none_or(|size| size > HEADER_BYTES_MAX) {
        return Err(LoraError::Damaged("it has no header".to_owned()));
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| LoraError::Damaged(error.to_string()))?;
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let (module, is_a) = module_of(name)?;
        let pair = pairs.entry(module.to_owned()).or_default();
        let matrix = matrix(name, &view)?;
        let place = if is_a { &mut pair.a } else { &mut pair.b };
        if place.replace(matrix).is_some() {
            return Err(LoraError::Damaged(format!("`{}` is in it twice", shown(name))));
        }
    }
    Ok(pairs)
}

/// The module that a tensor belongs to, and whether it is its `A`.
fn module_of(name: &str) -> Result<(&str, bool), LoraError> {
    let path = name.strip_prefix("base_model.model.").unwrap_or(name);
    let a = path.strip_suffix(".lora_A.weight").map(|module| (module, true));
    let found = a.or_else(|| path.strip_suffix(".lora_B.weight").map(|module| (module, false)));
    found.ok_or_else(|| {
        let what = if name.contains("lora_magnitude_vector") {
            "magnitudes of DoRA"
        } else if name.contains("lora_embedding") {
            "a change of an embedding"
        } else if name.contains("lora_") {
            "a kind of change that is not known here"
        } else {
            "weights of its own in place of the base's"
        };
        LoraError::Unsupported(format!("`{}` holds {what}", shown(name)))
    })
}

fn matrix(name: &str, view: &TensorView<'_>) -> Result<Matrix, LoraError> {
    let &[rows, columns] = view.shape() else {
        let reason =
            format!("`{}` has {} axes; linear layers have two, convolutions more", shown(name), view.shape().len());
        return Err(LoraError::Unsupported(reason));
    };
    let values = values(name, view)?;
    if rows == 0 || columns == 0 || rows.checked_mul(columns) != Some(values.len()) {
        return Err(LoraError::Damaged(format!("`{}` does not hold what it declares", shown(name))));
    }
    if !values.iter().all(|value| value.is_finite()) {
        return Err(LoraError::Damaged(format!("`{}` holds a value that is not a number", shown(name))));
    }
    Ok(Matrix { rows, columns, values })
}

fn values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, LoraError> {
    let halves = || view.data().as_chunks::<2>().0.iter().copied();
    match view.dtype() {
        Dtype::F32 => Ok(view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F16 => Ok(halves().map(|bytes| f16::from_le_bytes(bytes).to_f32()).collect()),
        Dtype::BF16 => Ok(halves().map(|bytes| bf16::from_le_bytes(bytes).to_f32()).collect()),
        other => Err(LoraError::Unsupported(format!("`{}` holds {other:?}; F32, F16 and BF16 are read", shown(name)))),
    }
}

/// A name from a file, as much of it as a person needs.
fn shown(name: &str) -> String {
    name.chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use safetensors::serialize;

    fn whole() -> Vec<u8> {
        let data: Vec<u8> = [0.5_f32; 12].iter().flat_map(|value| value.to_le_bytes()).collect();
        let view = |rows, columns| TensorView::new(Dtype::F32, vec![rows, columns], &data).unwrap();
        let half = TensorView::new(Dtype::F16, vec![6, 4], &data).unwrap();
        let names = ["m.fc1.lora_A.weight", "m.fc1.lora_B.weight", "m.fc2.lora_A.weight"];
        serialize(names.into_iter().zip([view(3, 4), view(4, 3), half]), None).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_500))]

        #[test]
        fn flipped_bytes_are_refused_or_read_and_never_more_than_there_is(
            flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        ) {
            let mut bytes = whole();
            for (at, flip) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            if let Ok(pairs) = read(&bytes) {
                let held = pairs.values().flat_map(|pair| [&pair.a, &pair.b]).flatten().map(|matrix| matrix.values.len());
                prop_assert!(held.sum::<usize>() * 2 <= bytes.len());
            }
        }
    }

    #[test]
    fn what_is_whole_is_read() {
        let pairs = read(&whole()).unwrap();
        assert_eq!(pairs.keys().collect::<Vec<_>>(), ["m.fc1", "m.fc2"]);
        assert_eq!(pairs["m.fc2"].a.as_ref().unwrap().values.len(), 24);
    }
}
