//! Deterministic inputs in the ranges that models see in use.

use samovar_engine_api::{Dim, ElementType, Port, Runner, Signature, TensorRef};

/// What an input holds.
#[derive(Clone, Copy, Debug)]
pub enum Fill {
    /// A picture-like pattern from 0 to this.
    Picture(f32),
    /// A tone between −0.5 and 0.5.
    Tone,
    /// Zeros.
    Zeros,
    /// This number everywhere.
    Constant(i64),
    /// Token ids up to this.
    Tokens(i64),
}

/// The value of element `index` of row `seed` for a fill: smooth waves with some grain, as pictures and sound have.
fn value(fill: Fill, seed: usize, index: usize) -> f64 {
    let (x, grain) = (index as f64 + 977.0 * seed as f64, (index * 7919 + seed * 104_729) % 1009);
    let wave = 0.5 + 0.3 * (x * 0.013).sin() + 0.15 * (x * 0.000_71).cos();
    match fill {
        Fill::Picture(top) => f64::from(top) * (wave + 0.05 * grain as f64 / 1009.0).clamp(0.0, 1.0),
        Fill::Tone => 0.35 * (x * 0.17).sin() + 0.15 * (x * 0.031).sin(),
        Fill::Zeros => 0.0,
        Fill::Constant(number) => number as f64,
        Fill::Tokens(top) => (999 + (index * 131 + seed * 17) as i64 % (top - 999)) as f64,
    }
}

/// Fills input `index`, which takes `shape`; row `r` of it gets the content of row `first + r`.
pub fn write(
    runner: &mut dyn Runner,
    signature: &Signature,
    index: usize,
    shape: &[usize],
    (fill, first): (Fill, usize),
) {
    let row = shape.iter().skip(1).product::<usize>().max(1);
    let values = |at: usize| value(fill, first + at / row, at % row);
    let input = runner.input(index, shape).unwrap();
    match signature.inputs[index].element {
        ElementType::F32 => {
            input.into_slice::<f32>().unwrap().iter_mut().enumerate().for_each(|(at, to)| *to = values(at) as f32);
        }
        ElementType::F16 => input
            .into_slice::<half::f16>()
            .unwrap()
            .iter_mut()
            .enumerate()
            .for_each(|(at, to)| *to = half::f16::from_f64(values(at))),
        ElementType::I64 => {
            input.into_slice::<i64>().unwrap().iter_mut().enumerate().for_each(|(at, to)| *to = values(at) as i64);
        }
        other => panic!("no test input of {other}"),
    }
}

/// The shape of a port with its dynamic axes at `batch`, then `others`.
pub fn shape(port: &Port, batch: usize, others: usize) -> Vec<usize> {
    let size = |(axis, dim): (usize, &Dim)| dim.fixed().unwrap_or(if axis == 0 { batch } else { others });
    port.dims.iter().enumerate().map(size).collect()
}

/// An output as `f64`.
pub fn values(tensor: &TensorRef<'_>) -> Vec<f64> {
    match tensor.element() {
        ElementType::F32 => tensor.as_slice::<f32>().unwrap().iter().map(|&value| value.into()).collect(),
        ElementType::F16 => tensor.as_slice::<half::f16>().unwrap().iter().map(|value| value.to_f64()).collect(),
        other => panic!("no test output of {other}"),
    }
}
