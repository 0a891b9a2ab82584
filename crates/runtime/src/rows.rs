//! Rows of a batch: the shapes a task asks for, and the views it writes and reads.

use crate::TaskError;
use samovar_engine_api::{Element, EngineError, EngineErrorKind, Runner, TensorMut, TensorRef};
use std::sync::Arc;

/// The part of one input that belongs to one task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowShape {
    /// One row of a tensor whose first axis is the batch; the shape is without that axis.
    Batched(Vec<usize>),
    /// The whole tensor: tasks with such an input run alone.
    Whole(Vec<usize>),
}

/// One [`RowShape`] per input, in the signature's order. Tasks with equal shapes may share a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowShapes(Arc<[RowShape]>);

impl RowShapes {
    /// Shapes in the signature's order.
    pub fn new(shapes: Vec<RowShape>) -> Self {
        Self(shapes.into())
    }

    /// Whether tasks of these shapes can share a batch at all.
    pub fn batched(&self) -> bool {
        self.0.iter().all(|shape| matches!(shape, RowShape::Batched(_)))
    }

    /// The full shape of every input for a batch of `rows`.
    pub fn full(&self, rows: usize) -> Vec<Vec<usize>> {
        self.0.iter().map(|shape| full_shape(shape, rows)).collect()
    }

    /// One shape per input.
    pub fn inputs(&self) -> &[RowShape] {
        &self.0
    }
}

fn full_shape(shape: &RowShape, rows: usize) -> Vec<usize> {
    match shape {
        RowShape::Whole(dims) => dims.clone(),
        RowShape::Batched(dims) => std::iter::once(rows).chain(dims.iter().copied()).collect(),
    }
}

/// One task's row of every input, lent by the runner that will run it.
pub struct InputRow<'a> {
    pub(crate) runner: &'a mut dyn Runner,
    pub(crate) shapes: &'a RowShapes,
    pub(crate) rows: usize,
    pub(crate) index: usize,
}

impl InputRow<'_> {
    /// Rows of the batch that this one is in.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// This task's part of input `input`, to be written in full.
    ///
    /// # Errors
    /// Where the engine cannot lend that shape.
    pub fn tensor(&mut self, input: usize) -> Result<TensorMut<'_>, TaskError> {
        Ok(self.lend(input)?)
    }

    /// The same for whoever wants to tell what is wrong: callers choose the shapes of tensors without a family.
    ///
    /// # Errors
    /// `Shape` where the engine cannot lend that shape.
    pub fn lend(&mut self, input: usize) -> Result<TensorMut<'_>, EngineError> {
        let shape = self.shapes.inputs().get(input).ok_or_else(|| no_such_input(input))?;
        let whole = self.runner.input(input, &full_shape(shape, self.rows))?;
        match shape {
            RowShape::Whole(_) => Ok(whole),
            RowShape::Batched(_) => whole.into_row(self.index),
        }
    }

    /// This task's part of input `input` as elements of `T`.
    ///
    /// # Errors
    /// Where the engine cannot lend that shape or the element type is another.
    pub fn slice<T: Element>(&mut self, input: usize) -> Result<&mut [T], TaskError> {
        Ok(self.tensor(input)?.into_slice()?)
    }
}

/// One task's row of every output, read in place.
pub struct OutputRow<'a> {
    pub(crate) runner: &'a dyn Runner,
    pub(crate) index: usize,
    pub(crate) batched: bool,
}

impl OutputRow<'_> {
    /// This task's part of output `output`: a row of it, or the whole tensor for tasks that run alone.
    ///
    /// # Errors
    /// Where there is no such output or no such row in it.
    pub fn tensor(&self, output: usize) -> Result<TensorRef<'_>, TaskError> {
        let whole: TensorRef<'_> = self.runner.output(output).map_err(|e: EngineError| TaskError::from(e))?;
        if self.batched { Ok(whole.row(self.index)?) } else { Ok(whole) }
    }
}

fn no_such_input(index: usize) -> EngineError {
    EngineError::new(EngineErrorKind::Shape, format!("the task names no shape for input {index}"))
}
