//! The three traits of the seam, and the options that go through them.

use crate::{EngineError, MemoryShare, Signature, TensorMut, TensorRef};
use std::path::PathBuf;
use std::sync::Arc;

/// Executes graphs: one value per library, shared by the whole process.
pub trait Engine: Send + Sync {
    /// Name, version, devices and precisions of this engine on this machine.
    fn info(&self) -> EngineInfo;

    /// Reads what goes in and comes out, without loading the weights: families are recognised by it, and they tell the shapes that
    /// the model is then loaded for.
    ///
    /// # Errors
    /// `File` and `Model` for what is wrong with the file.
    fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError>;

    /// Files beside the graph that hold its weights: with the graph, what must be the same for the model to be the same.
    ///
    /// # Errors
    /// Those of [`Engine::inspect`].
    fn data_files(&self, _files: &ModelFiles) -> Result<Vec<PathBuf>, EngineError> {
        Ok(Vec::new())
    }

    /// Loads a model: the returned value holds the only copy of its weights.
    ///
    /// # Errors
    /// `File` and `Model` for what is wrong with the file, `Unsupported` for what this engine lacks.
    fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError>;
}

/// A model in memory: the one copy of its weights.
pub trait LoadedModel: Send + Sync {
    /// What goes in and comes out.
    fn signature(&self) -> &Signature;

    /// Bytes of weights held, as far as the engine can tell (at least the size of the files).
    fn weights_bytes(&self) -> u64;

    /// Whether this load found its compiled form in [`LoadOptions::cache`] and did not compile. Engines without one say no.
    fn compiled_from_cache(&self) -> bool {
        false
    }

    /// Gives back memory that only the load and the first runs needed. Called when the model is warm; runs may go on meanwhile.
    /// Engines that hold none do nothing.
    fn trim(&self) {}

    /// CPU threads of [`Runner::run_alone`]; none where it is the same as [`Runner::run`].
    fn lone_threads(&self) -> Option<usize> {
        None
    }

    /// Makes the execution state of one slot. It shares the weights.
    ///
    /// # Errors
    /// `Run` where the engine cannot make another one.
    fn runner(&self, options: &RunnerOptions) -> Result<Box<dyn Runner>, EngineError>;
}

/// The execution state of one slot: used by one thread at a time, never shared.
pub trait Runner: Send {
    /// Lends input `index` (the signature's order), sized to `shape`, to be written before [`Runner::run`].
    /// Asking again with the same shape lends the same memory with its content.
    ///
    /// # Errors
    /// `Shape` where the graph cannot take that shape.
    fn input(&mut self, index: usize, shape: &[usize]) -> Result<TensorMut<'_>, EngineError>;

    /// Runs the graph on the inputs as they were last written.
    ///
    /// # Errors
    /// `Run` where the engine fails, `Shape` where the inputs do not fit together.
    fn run(&mut self) -> Result<(), EngineError>;

    /// The same on [`LoadedModel::lone_threads`], while no other run of the model goes on: sooner done, for more of the machine.
    ///
    /// # Errors
    /// As [`Runner::run`].
    fn run_alone(&mut self) -> Result<(), EngineError> {
        self.run()
    }

    /// Reads output `index` (the signature's order) of the last run, in place.
    ///
    /// # Errors
    /// `Run` before the first run, `Unsupported` for an element type that Samovar does not know.
    fn output(&self, index: usize) -> Result<TensorRef<'_>, EngineError>;
}

/// Where a model's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    /// The graph (`.onnx`). External data must lie in the same folder.
    pub path: PathBuf,
}

/// How to load a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Arithmetic of the hot layers.
    pub precision: Precision,
    /// Where to run.
    pub device: Device,
    /// How many runners will run at the same time.
    pub slots: usize,
    /// CPU threads that one run may use.
    pub threads: usize,
    /// CPU threads that a run may use while no other goes on, where that is more. An engine that needs a second form of the model for
    /// it makes one only where both share the weights.
    pub lone_threads: usize,
    /// The only input shapes that will be asked for, one entry per input, when there is just one set of shapes. Engines that compile
    /// faster code for fixed shapes may use it; empty leaves dynamic axes dynamic.
    pub shapes: Vec<PortShape>,
    /// A folder for the engine's compiled form, if it may keep one: of its own for one combination of weights, engine, version,
    /// hardware and the options above, since the engine does not tell others' forms from its own. It must exist; an engine that
    /// cannot use it loads without.
    pub cache: Option<PathBuf>,
    /// The share of a card's memory that this model may use at most; none: all of it. What runs on a CPU does not look at it.
    pub gpu_memory: Option<MemoryShare>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            precision: Precision::F32,
            device: Device::Cpu,
            slots: 1,
            threads: 1,
            lone_threads: 1,
            shapes: Vec::new(),
            cache: None,
            gpu_memory: None,
        }
    }
}

/// The full shape of one input.
pub type PortShape = Vec<usize>;

/// How to make a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerOptions {
    /// CPU threads that one run may use, where the engine can choose per runner.
    pub threads: usize,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self { threads: 1 }
    }
}

/// Arithmetic of the hot layers. The element types of inputs and outputs stay those of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As the file says, in 32-bit floating point.
    F32,
    /// Brain floating point where the hardware has it.
    Bf16,
    /// Half precision where the hardware has it.
    F16,
}

impl Precision {
    /// The name in configuration and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a graph runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The host's cores.
    #[default]
    Cpu,
    /// A graphics card, by index.
    Gpu(usize),
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(index) => write!(f, "gpu:{index}"),
        }
    }
}

/// What an engine is and can do on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// `rten`, `openvino`, `onnxruntime`, `fake`.
    pub name: &'static str,
    /// The library's own version.
    pub version: String,
    /// Devices that it can use here.
    pub devices: Vec<Device>,
    /// Precisions that the hardware here runs natively, f32 first.
    pub precisions: Vec<Precision>,
    /// Where the library was found; none when compiled in.
    pub library: Option<PathBuf>,
}
