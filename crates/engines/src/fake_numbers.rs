//! What the fake engine computes: a digest of each input row, and outputs that follow from it alone.

use crate::host_tensor::{HostData, HostTensor};
use samovar_engine_api::{Dim, Port, Signature};

/// Element `index` of an output row whose input row has `digest`, before the cast to the output's type.
///
/// The digest of a row of `f32` is the sum over its elements of `value × (1 + position mod 7)` in `f64`, inputs in order.
pub fn fake_output(digest: f64, index: usize) -> f64 {
    digest + index as f64
}

/// The digest of one row of `f32`, as [`fake_output`] takes it, for a model with a single input.
pub fn fake_digest(row: &[f32]) -> f64 {
    digest_of(row.iter().map(|&value| f64::from(value)))
}

fn digest_of(values: impl Iterator<Item = f64>) -> f64 {
    values.enumerate().map(|(position, value)| value * (1 + position % 7) as f64).sum()
}

/// Output `port` for these inputs.
pub(crate) fn compute(signature: &Signature, port: &Port, inputs: &[HostTensor]) -> HostTensor {
    let shape = output_shape(signature, port, inputs);
    let mut output = HostTensor::empty(port.element);
    output.reshape(&shape);
    let rows = shape.first().copied().unwrap_or(1).max(1);
    let row_size = shape.iter().product::<usize>() / rows;
    let values: Vec<f64> = (0..rows)
        .flat_map(|row| {
            let digest: f64 = inputs.iter().map(|input| row_digest(input, row)).sum();
            (0..row_size).map(move |index| fake_output(digest, index))
        })
        .collect();
    store(&mut output, &values);
    output
}

/// Dynamic axes take the size of the input axis with their name; a nameless first axis is the batch; others are 1.
fn output_shape(signature: &Signature, port: &Port, inputs: &[HostTensor]) -> Vec<usize> {
    let named = |name: &str| {
        let axes = signature.inputs.iter().zip(inputs).flat_map(|(port, input)| port.dims.iter().zip(input.shape()));
        axes.filter(|(dim, _)| matches!(dim, Dim::Dynamic(Some(found)) if found == name)).map(|(_, &size)| size).next()
    };
    let batch = inputs.first().and_then(|input| input.shape().first().copied());
    let size = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Fixed(size) => *size,
        Dim::Dynamic(Some(name)) => named(name).unwrap_or(1),
        Dim::Dynamic(None) => batch.filter(|_| axis == 0).unwrap_or(1),
    };
    port.dims.iter().enumerate().map(size).collect()
}

fn row_digest(input: &HostTensor, row: usize) -> f64 {
    let rows = input.shape().first().copied().unwrap_or(1).max(1);
    let row_size = input.shape().iter().product::<usize>() / rows;
    let range = if row < rows { row * row_size..(row + 1) * row_size } else { 0..row_size };
    match input.data() {
        HostData::F32(data) => fake_digest(&data[range]),
        HostData::U8(data) => digest_of(data[range].iter().map(|&value| f64::from(value))),
        HostData::I32(data) => digest_of(data[range].iter().map(|&value| f64::from(value))),
        HostData::I64(data) => digest_of(data[range].iter().map(|&value| value as f64)),
        HostData::F16(data) => digest_of(data[range].iter().map(|value| value.to_f64())),
        _ => 0.0,
    }
}

fn store(output: &mut HostTensor, values: &[f64]) {
    match output.data_mut() {
        HostData::F32(data) => data.iter_mut().zip(values).for_each(|(to, &from)| *to = from as f32),
        HostData::F16(data) => data.iter_mut().zip(values).for_each(|(to, &from)| *to = half::f16::from_f64(from)),
        HostData::I64(data) => data.iter_mut().zip(values).for_each(|(to, &from)| *to = from as i64),
        HostData::I32(data) => data.iter_mut().zip(values).for_each(|(to, &from)| *to = from as i32),
        HostData::U8(data) => data.iter_mut().zip(values).for_each(|(to, &from)| *to = from as u8),
        _ => {}
    }
}

/// Multiplies every floating-point element by `1 + relative`.
pub(crate) fn deviate(output: &mut HostTensor, relative: f64) {
    match output.data_mut() {
        HostData::F32(data) => data.iter_mut().for_each(|value| *value *= 1.0 + relative as f32),
        HostData::F16(data) => {
            data.iter_mut().for_each(|value| *value = half::f16::from_f64(value.to_f64() * (1.0 + relative)));
        }
        _ => {}
    }
}

/// Makes every floating-point element NaN.
pub(crate) fn spoil(output: &mut HostTensor) {
    match output.data_mut() {
        HostData::F32(data) => data.fill(f32::NAN),
        HostData::F16(data) => data.fill(half::f16::NAN),
        _ => {}
    }
}
