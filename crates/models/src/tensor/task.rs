//! Given bytes through any graph: what a slot's thread does before and after the run.

use super::element_bytes;
use super::output_buffers::OutputBuffers;
use bytes::Bytes;
use samovar_engine_api::{Dim, ElementType, EngineErrorKind};
use samovar_runtime::{Generation, InputRow, OutputRow, RowShape, RowShapes, Scratch, Task, TaskError};

/// Tensors on their way through a graph, whatever family it is bound to.
pub struct TensorTask {
    /// In the signature's order.
    inputs: Vec<TensorInput>,
    /// Numbers of the outputs that are wanted, by the signature.
    outputs: Vec<usize>,
    /// Whether the rows share a run with others: then each output lacks its first axis.
    batched: bool,
}

/// One tensor that goes in.
pub struct TensorInput {
    /// The sizes of all its axes.
    pub shape: Vec<usize>,
    /// Its elements.
    pub source: Box<dyn TensorSource>,
}

/// Where the elements of an input come from.
pub trait TensorSource: Send {
    /// Fills `into`, which is as long as the shape says: dense, row-major, little-endian. May be called again.
    ///
    /// # Errors
    /// Where there are fewer bytes, or none any more.
    fn fill(&self, into: &mut [u8]) -> Result<(), TaskError>;
}

/// One tensor that comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorOutput {
    /// The type of its elements.
    pub element: ElementType,
    /// The sizes of all its axes.
    pub shape: Vec<usize>,
    /// Dense, row-major, little-endian.
    pub data: Bytes,
}

impl TensorTask {
    /// The task and the rows it takes. `inputs` has one entry for each of the graph's inputs, in the signature's order, of its rank;
    /// `outputs` are numbers of the graph's outputs.
    ///
    /// Inputs of one row (first axis 1) share a run with others where the graph's first axis is a batch. What has more rows is run as
    /// it is: it is a batch of its own already.
    pub fn new(generation: &Generation, inputs: Vec<TensorInput>, outputs: Vec<usize>) -> (Self, RowShapes) {
        let batched = has_rows(generation) && inputs.iter().all(|input| input.shape.first() == Some(&1));
        let shape = |input: &TensorInput| match input.shape.split_first() {
            Some((_, row)) if batched => RowShape::Batched(row.to_vec()),
            _ => RowShape::Whole(input.shape.clone()),
        };
        let rows = RowShapes::new(inputs.iter().map(shape).collect());
        (Self { inputs, outputs, batched }, rows)
    }
}

/// Whether rows of different requests may share a run of this graph.
fn has_rows(generation: &Generation) -> bool {
    let signature = &generation.signature;
    let mut ports = signature.inputs.iter().chain(&signature.outputs);
    generation.family.batch_max() > 1 && ports.all(|port| matches!(port.dims.first(), Some(Dim::Dynamic(_))))
}

impl Task for TensorTask {
    type Output = Vec<TensorOutput>;

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        for (index, input) in self.inputs.iter().enumerate() {
            let tensor = row.lend(index).map_err(|error| match error.kind() {
                EngineErrorKind::Shape => refused_shape(&input.shape),
                _ => TaskError::from(error),
            })?;
            element_bytes::fill(tensor, input.source.as_ref())?;
        }
        Ok(())
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Self::Output, TaskError> {
        let buffers = scratch.of::<OutputBuffers>();
        self.outputs.iter().map(|&output| self.read_output(row, output, buffers)).collect()
    }

    /// Few numbers are copied in no time.
    fn is_light(&self) -> bool {
        let numbers = |input: &TensorInput| input.shape.iter().fold(1, |all: usize, axis| all.saturating_mul(*axis));
        self.inputs.iter().map(numbers).fold(0, usize::saturating_add) <= LIGHT_NUMBERS
    }
}

/// Numbers of all inputs together.
const LIGHT_NUMBERS: usize = 16 << 10;

impl TensorTask {
    fn read_output(
        &self,
        row: &OutputRow<'_>,
        output: usize,
        buffers: &OutputBuffers,
    ) -> Result<TensorOutput, TaskError> {
        let tensor = row.tensor(output)?;
        let rows = self.batched.then_some(1);
        let shape = rows.into_iter().chain(tensor.shape().iter().copied()).collect();
        Ok(TensorOutput { element: tensor.element(), shape, data: element_bytes::copy(&tensor, buffers)? })
    }
}

fn refused_shape(shape: &[usize]) -> TaskError {
    TaskError::input("invalid_shape", format!("the model as it is loaded takes no input of the shape {shape:?}"))
}
