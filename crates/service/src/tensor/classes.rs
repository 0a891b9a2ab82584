//! The best classes of an output in place of its numbers (the extension `classification`): `value:index[:label]`.

use super::DataType;
use bytes::{BufMut, Bytes, BytesMut};
use half::{bf16, f16};
use samovar_models::{Labels, TensorOutput};
use samovar_runtime::Signature;
use std::cmp::Ordering;
use std::fmt;

/// The `count` largest values of each row, as a tensor of `BYTES` `[rows, count]`: rows are along the first axis where there is more
/// than one. A value that is no number comes after all others. Labels are those that the graph's file has.
pub(super) fn best_classes(tensor: &TensorOutput, count: usize, signature: &Signature) -> (Vec<usize>, Bytes) {
    let (data_type, width) = (DataType::of_element(tensor.element.name()), tensor.element.size_bytes());
    let row_bytes = tensor.shape.iter().skip(usize::from(tensor.shape.len() > 1)).product::<usize>() * width;
    let count = count.min(row_bytes / width);
    let labels = Labels::from_metadata(signature);
    let mut bytes = BytesMut::new();
    for row in tensor.data.chunks_exact(row_bytes.max(1)) {
        let values = row.chunks_exact(width).map(|raw| Value::read(data_type, raw));
        for (index, value) in best(values, count) {
            put_class(&mut bytes, index, value, labels.as_ref());
        }
    }
    let rows = tensor.shape.first().filter(|_| tensor.shape.len() > 1).copied();
    (rows.into_iter().chain([count]).collect(), bytes.freeze())
}

/// The largest, largest first; the earlier one of two that are equal. Keeps twice as many as are wanted, however many values there are.
fn best(values: impl Iterator<Item = Value>, count: usize) -> Vec<(usize, Value)> {
    let mut kept: Vec<(usize, Value)> = Vec::new();
    for value in values.enumerate() {
        kept.push(value);
        if kept.len() >= count.saturating_mul(2) {
            keep_best(&mut kept, count);
        }
    }
    keep_best(&mut kept, count);
    kept.sort_unstable_by(better);
    kept
}

fn keep_best(kept: &mut Vec<(usize, Value)>, count: usize) {
    if count > 0 && count < kept.len() {
        kept.select_nth_unstable_by(count - 1, better);
    }
    kept.truncate(count);
}

fn better((a_index, a): &(usize, Value), (b_index, b): &(usize, Value)) -> Ordering {
    b.order(a).then(a_index.cmp(b_index))
}

fn put_class(bytes: &mut BytesMut, index: usize, value: Value, labels: Option<&Labels>) {
    let label = labels.and_then(|labels| labels.iter().nth(index));
    let class = label.map_or_else(|| format!("{value}:{index}"), |label| format!("{value}:{index}:{label}"));
    bytes.put_u32_le(u32::try_from(class.len()).unwrap_or(u32::MAX));
    bytes.put_slice(class.as_bytes());
}

/// One number of a tensor.
#[derive(Clone, Copy, Debug)]
enum Value {
    Whole(i128),
    Real(f64),
}

impl Value {
    fn read(data_type: DataType, raw: &[u8]) -> Self {
        match data_type {
            DataType::Int8 => Self::Whole(i8::from_le_bytes(array(raw)).into()),
            DataType::Int16 => Self::Whole(i16::from_le_bytes(array(raw)).into()),
            DataType::Int32 => Self::Whole(i32::from_le_bytes(array(raw)).into()),
            DataType::Int64 => Self::Whole(i64::from_le_bytes(array(raw)).into()),
            DataType::Uint16 => Self::Whole(u16::from_le_bytes(array(raw)).into()),
            DataType::Uint32 => Self::Whole(u32::from_le_bytes(array(raw)).into()),
            DataType::Uint64 => Self::Whole(u64::from_le_bytes(array(raw)).into()),
            DataType::Fp16 => Self::Real(f16::from_le_bytes(array(raw)).into()),
            DataType::Bf16 => Self::Real(bf16::from_le_bytes(array(raw)).into()),
            DataType::Fp32 => Self::Real(f32::from_le_bytes(array(raw)).into()),
            DataType::Fp64 => Self::Real(f64::from_le_bytes(array(raw))),
            DataType::Bool | DataType::Uint8 | DataType::Bytes => Self::Whole(raw.first().copied().unwrap_or(0).into()),
        }
    }

    /// What is no number is less than everything.
    fn order(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())),
            _ => Ordering::Equal,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number:.6}"),
        }
    }
}

/// The bytes of one element, cut out by its own width.
fn array<const N: usize>(raw: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&raw[..N]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_what_is_no_number_last() {
        let values = [0.5, f64::NAN, 2.0, f64::INFINITY, 2.0, f64::NEG_INFINITY].map(Value::Real).to_vec();
        let told: Vec<_> =
            best(values.iter().copied(), 6).into_iter().map(|(index, value)| format!("{value}:{index}")).collect();
        assert_eq!(told, ["inf:3", "2.000000:2", "2.000000:4", "0.500000:0", "-inf:5", "NaN:1"]);
        assert_eq!(best(values.into_iter(), 2).iter().map(|(index, _)| *index).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn few_of_many_are_those_of_a_full_sort() {
        let values: Vec<Value> = (0..10_000_i128).map(|index| Value::Whole(index * 7_919 % 1_009)).collect();
        for count in [0, 1, 2, 5, 999] {
            let mut sorted: Vec<_> = values.iter().copied().enumerate().collect();
            sorted.sort_by(better);
            let indices = |classes: &[(usize, Value)]| classes.iter().map(|(index, _)| *index).collect::<Vec<_>>();
            let found = best(values.iter().copied(), count);
            assert_eq!(indices(&found), indices(&sorted[..count]));
            assert!(found.capacity() <= 4 * count.max(4), "{count}: {}", found.capacity());
        }
    }
}
