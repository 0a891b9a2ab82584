//! Any graph as a family: which shapes it is warmed with, and whether rows of different requests may share a run.

use crate::{FamilyHints, FamilyKind};
use half::{bf16, f16};
use samovar_engine_api::{Dim, ElementType, Port, Signature, TensorMut};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShape, RowShapes, Scratch, TaskError, WarmUpRow};
use std::collections::BTreeMap;

/// Any graph, bound to its signature: nothing is known of what its tensors mean.
///
/// It is warmed with the sizes that are fixed; those that are not are small: 1 for the first axis, the configured `input_size` or 64
/// pixels for the last two of four axes, else 16. What calls ask for may be of any size. A first axis that every input and output has,
/// and that is called a batch, is one: only then do rows of different requests share a run, for an axis of any size may just as well
/// be one of time.
#[derive(Clone, Debug)]
pub struct TensorModel {
    lanes: Vec<RowShapes>,
    batch_max: usize,
    outputs: usize,
}

impl TensorModel {
    /// Binds any graph.
    ///
    /// # Errors
    /// A graph without inputs or without outputs.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        if signature.inputs.is_empty() || signature.outputs.is_empty() {
            return Err(ContractError("the graph has no inputs or no outputs".to_owned()));
        }
        let batched = has_batch(signature);
        let first = Sizes::new(hints, 1).of(&signature.inputs);
        let second = Sizes::new(hints, 2).of(&signature.inputs);
        // A second lane keeps engines from compiling for the first one's sizes alone.
        let lanes = if first == second {
            vec![whole(first)]
        } else {
            vec![if batched { rows(&first) } else { whole(first) }, whole(second)]
        };
        let batch_max = if batched { BATCH_MAX } else { 1 };
        Ok(Self { lanes, batch_max, outputs: signature.outputs.len() })
    }
}

impl Family for TensorModel {
    fn name(&self) -> &'static str {
        FamilyKind::Tensor.name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        self.lanes.clone()
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    /// A run of a small graph costs more around it than in it.
    fn rows_on_cpu(&self) -> usize {
        let small = self.lanes.first().is_some_and(|lane| self.weight(lane) <= SMALL);
        if small { self.batch_max.min(SMALL_ROWS) } else { 1 }
    }

    /// The numbers that go in.
    fn weight(&self, lane: &RowShapes) -> usize {
        let numbers = |shape: &RowShape| match shape {
            RowShape::Batched(dims) | RowShape::Whole(dims) => {
                dims.iter().fold(1, |all: usize, dim| all.saturating_mul(*dim))
            }
        };
        lane.inputs().iter().map(numbers).fold(0, usize::saturating_add).max(1)
    }

    fn warm_up(&self, lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(WarmUpTensors { inputs: lane.inputs().len(), outputs: self.outputs })
    }
}

/// Rows of different requests in one run at most.
const BATCH_MAX: usize = 64;

/// Rows of at most so many numbers share a run on a CPU, so many of them: larger ones gain nothing there.
const SMALL: usize = 4_096;
const SMALL_ROWS: usize = 8;

fn has_batch(signature: &Signature) -> bool {
    let mut ports = signature.inputs.iter().chain(&signature.outputs);
    ports.all(|port| matches!(port.dims.first(), Some(Dim::Dynamic(Some(name))) if is_batch(name)))
}

fn is_batch(axis: &str) -> bool {
    matches!(axis, "N" | "n" | "B" | "b" | "bs") || axis.to_lowercase().contains("batch")
}

fn whole(shapes: Vec<Vec<usize>>) -> RowShapes {
    RowShapes::new(shapes.into_iter().map(RowShape::Whole).collect())
}

fn rows(shapes: &[Vec<usize>]) -> RowShapes {
    RowShapes::new(shapes.iter().map(|shape| RowShape::Batched(shape.get(1..).unwrap_or_default().to_vec())).collect())
}

/// Chooses sizes for axes without one; axes of one name have one size.
struct Sizes {
    /// Height and width, in pixels.
    picture: (usize, usize),
    /// All sizes that are chosen are so many times larger.
    times: usize,
    named: BTreeMap<String, usize>,
}

impl Sizes {
    const PICTURE: (usize, usize) = (64, 64);
    const OTHER: usize = 16;

    fn new(hints: &FamilyHints, times: usize) -> Self {
        let configured = hints.input_size.map(|(width, height)| (height as usize, width as usize));
        Self { picture: configured.unwrap_or(Self::PICTURE), times, named: BTreeMap::new() }
    }

    fn of(&mut self, inputs: &[Port]) -> Vec<Vec<usize>> {
        inputs.iter().map(|port| self.port(port)).collect()
    }

    fn port(&mut self, port: &Port) -> Vec<usize> {
        let rank = port.dims.len();
        port.dims.iter().enumerate().map(|(axis, dim)| self.axis(dim, axis, rank)).collect()
    }

    fn axis(&mut self, dim: &Dim, axis: usize, rank: usize) -> usize {
        let chosen = self.times
            * match (axis, rank) {
                (0, 2..) => 1,
                (2, 4) => self.picture.0,
                (3, 4) => self.picture.1,
                _ => Self::OTHER,
            };
        match dim {
            Dim::Fixed(size) => *size,
            Dim::Dynamic(None) => chosen,
            Dim::Dynamic(Some(name)) => *self.named.entry(name.clone()).or_insert(chosen),
        }
    }
}

/// Numbers between 0 and 1, and ones where numbers are whole: a mask of ones and a known word.
struct WarmUpTensors {
    inputs: usize,
    outputs: usize,
}

impl WarmUpRow for WarmUpTensors {
    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        (0..self.inputs).try_for_each(|input| put_numbers(row.tensor(input)?))
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        (0..self.outputs).try_for_each(|output| row.tensor(output).map(drop))
    }
}

fn put_numbers(tensor: TensorMut<'_>) -> Result<(), TaskError> {
    match tensor.element() {
        ElementType::Bool => tensor.into_slice::<bool>()?.fill(true),
        ElementType::U8 => tensor.into_slice::<u8>()?.fill(1),
        ElementType::I8 => tensor.into_slice::<i8>()?.fill(1),
        ElementType::U16 => tensor.into_slice::<u16>()?.fill(1),
        ElementType::I16 => tensor.into_slice::<i16>()?.fill(1),
        ElementType::U32 => tensor.into_slice::<u32>()?.fill(1),
        ElementType::I32 => tensor.into_slice::<i32>()?.fill(1),
        ElementType::U64 => tensor.into_slice::<u64>()?.fill(1),
        ElementType::I64 => tensor.into_slice::<i64>()?.fill(1),
        ElementType::F16 => vary(tensor.into_slice::<f16>()?, f16::from_f32),
        ElementType::Bf16 => vary(tensor.into_slice::<bf16>()?, bf16::from_f32),
        ElementType::F32 => vary(tensor.into_slice::<f32>()?, |number| number),
        ElementType::F64 => vary(tensor.into_slice::<f64>()?, f64::from),
    }
    Ok(())
}

fn vary<T>(numbers: &mut [T], from: impl Fn(f32) -> T) {
    numbers.iter_mut().enumerate().for_each(|(index, number)| *number = from((index % 251) as f32 / 251.0));
}
