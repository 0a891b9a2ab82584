//! What the runtime needs from a family, whichever it is: the row shapes in use and representative work for warm-up.

use crate::{InputRow, OutputRow, PartSource, RowShapes, Scratch, TaskError};
use samovar_engine_api::{EngineError, ModelFiles, Precision, Runner, Signature};
use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A family bound to one model's signature.
pub trait Family: Any + Send + Sync {
    /// The word for it: `yolo`, `text-embedding` …
    fn name(&self) -> &'static str;

    /// The row shapes that calls will use: few, and all of them warmed. The first is the commonest.
    fn lanes(&self) -> Vec<RowShapes>;

    /// The most rows that the graph takes in one run (1 where its batch axis is fixed to 1).
    fn batch_max(&self) -> usize;

    /// Rows of the first lane that share a run on a CPU while nothing else is configured or measured. One, as here, where batches only
    /// cost time and memory: pictures.
    fn rows_on_cpu(&self) -> usize {
        1
    }

    /// Threads of one run on a CPU of so many cores while nothing is configured or measured. One, as here, where runs beside each other
    /// do more than one run on many cores: graphs of many small layers, which fit into memory more than once.
    fn threads_on_cpu(&self, _cores: usize) -> usize {
        1
    }

    /// How much work a row of `lane` is beside rows of the other lanes, such as its tokens: a run takes as much work of each lane as it
    /// takes of the first, so that longer rows share it with fewer.
    fn weight(&self, _lane: &RowShapes) -> usize {
        1
    }

    /// Shapes of rows that come alone and are small, worth a run on all cores while nothing else runs: measured when the model is
    /// warmed. None, as here, where a run takes long enough for others to come meanwhile.
    fn lone_lanes(&self) -> Vec<RowShapes> {
        Vec::new()
    }

    /// How long the warm-up of one slot may take before the shapes that are left are left to their first calls. None: all are warmed.
    /// For families with many shapes, where a shape's first run costs an engine some milliseconds once, however large the model is.
    fn warm_up_limit(&self) -> Option<Duration> {
        None
    }

    /// Representative work of one of the lanes.
    fn warm_up(&self, lane: &RowShapes) -> Box<dyn WarmUpRow>;

    /// Files beside the graph that the model is made of, those of its parts and of an adapter: a plan holds for them too.
    fn part_files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// The model's first graph as the family changes it for this load, an ONNX file with its weights in it. None, as here, where it runs as
    /// it is stored. Ports stay what they are.
    ///
    /// # Errors
    /// An adapter that does not fit: fails the load.
    fn first_graph(&self, _files: &ModelFiles) -> Result<Option<Vec<u8>>, AdapterError> {
        Ok(None)
    }

    /// Further graphs of the model, loaded after its first one on the same engine, in this precision. None, as here, for most.
    ///
    /// # Errors
    /// An adapter that does not fit: fails the load.
    fn parts(&self, _precision: Precision) -> Result<Vec<PartSource>, AdapterError> {
        Ok(Vec::new())
    }

    /// Binds the parts that were loaded, in the order of [`Family::parts`]. Called again where a load tries another precision: the last
    /// call counts.
    ///
    /// # Errors
    /// Parts that do not fit: fails the load.
    fn bind_parts(&self, _signatures: &[Signature]) -> Result<(), ContractError> {
        Ok(())
    }

    /// A representative run of the parts that were bound last. Its figures in a precision below f32 must agree with those in f32.
    ///
    /// # Errors
    /// Fails the load.
    fn try_parts(&self, _runner: PartRunners<'_>, _scratch: &mut Scratch) -> Result<Vec<f32>, TaskError> {
        Ok(Vec::new())
    }

    /// Makes the runners of parts that the family keeps, and the runs that calls will make on them, so that no call is the first to make
    /// one: once, before the generation serves.
    ///
    /// # Errors
    /// Fails the load.
    fn prepare(&self, _runner: PartRunners<'_>) -> Result<(), TaskError> {
        Ok(())
    }

    /// The generation leaves memory: runners that the family keeps go.
    fn release(&self) {}
}

/// Makes a runner of a part, by its place in [`Family::parts`].
pub type PartRunners<'a> = &'a mut dyn FnMut(usize) -> Result<Box<dyn Runner>, EngineError>;

/// Representative work on one row, done over and over while a model warms up.
pub trait WarmUpRow: Send {
    /// Writes the row, as a real call would.
    ///
    /// # Errors
    /// Fails the load.
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError>;

    /// Reads the row, as a real call would.
    ///
    /// # Errors
    /// Fails the load: a model whose outputs fit no family is found out here, never at the first request.
    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError>;
}

/// Binds a family to a signature: the contract check that every load begins with.
pub type Binder = Arc<dyn Fn(&Signature) -> Result<Arc<dyn Family>, ContractError> + Send + Sync>;

/// A model that does not fit its family. The message says what was found and what was expected.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ContractError(pub String);

/// An adapter that cannot be folded into the model. The message says why; it may name modules and sizes, and no path.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct AdapterError(pub String);
