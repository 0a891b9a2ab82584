//! The engine that is always there: `rten`, pure Rust, compiled in.
//!
//! One [`rten::Model`] per loaded model, run through `&self` by all runners; each runner has a thread pool of its own, so that
//! runs never wait for each other's threads. Weights are read into memory, not mapped: a mapped file that is edited or cut while
//! it serves would change the answers or kill the process.

use crate::host_tensor::HostTensor;
use crate::onnx::OnnxFile;
use crate::ports;
use crate::rten_convert as convert;
use rten::{LoadError, LoadErrorKind, ModelOptions, NodeId, RunError, RunOptions, ThreadPool, Value, ValueOrView};
use samovar_engine_api::{
    Device, Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Precision, Runner,
    RunnerOptions, Signature, TensorMut, TensorRef,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version of the crate; it is pinned exactly in the workspace, and has no way to tell.
const VERSION: &str = "0.27.0";

/// The engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rten;

impl Engine for Rten {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: "rten",
            version: VERSION.to_owned(),
            devices: vec![Device::Cpu],
            precisions: vec![Precision::F32],
            library: None,
        }
    }

    fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError> {
        OnnxFile::read(&files.path).map(|file| file.signature)
    }

    fn data_files(&self, files: &ModelFiles) -> Result<Vec<PathBuf>, EngineError> {
        OnnxFile::read(&files.path).map(|file| file.external_files)
    }

    fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError> {
        let file = OnnxFile::read(&files.path)?;
        check_options(options)?;
        let mut loading = ModelOptions::with_all_ops();
        loading.prepack_weights(true);
        let data = read_data(&file.external_files)?;
        // Graph optimisation meets bytes from outside: should it panic, the file is at fault.
        let model = catch_unwind(AssertUnwindSafe(|| load(loading, &files.path, data)))
            .map_err(|_| EngineError::new(EngineErrorKind::Model, "rten panicked while it loaded the model"))?
            .map_err(|error| load_error(&error))?;
        Ok(Arc::new(RtenModel { shared: Arc::new(Shared::new(model, file)?) }))
    }
}

/// The data files by name. rten takes data in the graph's own folder alone, so the name tells it all.
fn read_data(paths: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, EngineError> {
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(path).map_err(|error| {
            EngineError::new(EngineErrorKind::File, format!("{} cannot be read: {error}", path.display()))
        })?;
        Ok((name, bytes))
    };
    paths.iter().map(read).collect()
}

/// With data beside the graph, both are handed over as bytes: rten would look for the data where a link to the graph leads, and those
/// files nobody has checked.
fn load(mut loading: ModelOptions, path: &Path, data: Vec<(String, Vec<u8>)>) -> Result<rten::Model, LoadError> {
    let graph = if data.is_empty() { None } else { std::fs::read(path).ok() };
    let Some(graph) = graph else { return loading.load_file(path) };
    for (name, bytes) in data {
        loading.external_data(&name, bytes);
    }
    loading.load(graph)
}

struct RtenModel {
    shared: Arc<Shared>,
}

struct Shared {
    model: rten::Model,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
    signature: Signature,
    weights_bytes: u64,
}

impl Shared {
    fn new(model: rten::Model, file: OnnxFile) -> Result<Self, EngineError> {
        let node = |name: &str| {
            model.node_id(name).map_err(|error| EngineError::new(EngineErrorKind::Model, error.to_string()))
        };
        let ids =
            |ports: &[samovar_engine_api::Port]| ports.iter().map(|port| node(&port.name)).collect::<Result<_, _>>();
        let (inputs, outputs) = (ids(&file.signature.inputs)?, ids(&file.signature.outputs)?);
        Ok(Self { model, inputs, outputs, signature: file.signature, weights_bytes: file.size_bytes })
    }
}

impl LoadedModel for RtenModel {
    fn signature(&self) -> &Signature {
        &self.shared.signature
    }

    fn weights_bytes(&self) -> u64 {
        self.shared.weights_bytes
    }

    fn runner(&self, options: &RunnerOptions) -> Result<Box<dyn Runner>, EngineError> {
        let pool = Arc::new(ThreadPool::with_num_threads(options.threads.max(1)));
        let inputs = self.shared.signature.inputs.iter().map(|port| Input::new(port.element)).collect();
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(RtenRunner {
            shared,
            options: RunOptions::default().with_thread_pool(Some(pool)),
            inputs,
            outputs: Vec::new(),
        }))
    }
}

/// An input as it is lent, and as rten takes it where that differs.
struct Input {
    lent: HostTensor,
    native: Option<HostTensor>,
    is_written: bool,
}

impl Input {
    fn new(element: samovar_engine_api::ElementType) -> Self {
        let native = convert::native_of(element).map(HostTensor::empty);
        Self { lent: HostTensor::empty(element), native, is_written: false }
    }

    fn value(&mut self) -> Result<ValueOrView<'_>, EngineError> {
        let tensor = match &mut self.native {
            Some(native) => {
                convert::to_native(&self.lent, native);
                &*native
            }
            None => &self.lent,
        };
        convert::view(tensor)
    }
}

struct RtenRunner {
    shared: Arc<Shared>,
    options: RunOptions,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
}

/// An output as rten gave it, and as the signature says where that differs.
enum Output {
    Direct(Value),
    Converted(HostTensor),
}

impl Runner for RtenRunner {
    fn input(&mut self, index: usize, shape: &[usize]) -> Result<TensorMut<'_>, EngineError> {
        ports::input_port(&self.shared.signature, index, shape)?;
        let input = &mut self.inputs[index];
        input.lent.reshape(shape);
        input.is_written = true;
        Ok(input.lent.view_mut())
    }

    fn run(&mut self) -> Result<(), EngineError> {
        ports::all_written(&self.shared.signature, self.inputs.iter().map(|input| input.is_written))?;
        let ids = self.shared.inputs.iter().copied();
        let inputs = ids.zip(&mut self.inputs).map(|(id, input)| Ok((id, input.value()?)));
        let inputs = inputs.collect::<Result<Vec<_>, EngineError>>()?;
        let values = self
            .shared
            .model
            .run(inputs, &self.shared.outputs, Some(self.options.clone()))
            .map_err(|error| run_error(&error))?;
        let ports = &self.shared.signature.outputs;
        self.outputs =
            values.into_iter().zip(ports).map(|(value, port)| output(value, port)).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn output(&self, index: usize) -> Result<TensorRef<'_>, EngineError> {
        match self.outputs.get(index) {
            Some(Output::Direct(value)) => convert::read(value),
            Some(Output::Converted(tensor)) => Ok(tensor.view()),
            None => Err(ports::no_output(&self.shared.signature, index)),
        }
    }
}

fn output(value: Value, port: &samovar_engine_api::Port) -> Result<Output, EngineError> {
    if convert::read(&value).is_ok_and(|tensor| tensor.element() == port.element) {
        return Ok(Output::Direct(value));
    }
    convert::from_native(&value, port.element).map(Output::Converted)
}

fn check_options(options: &LoadOptions) -> Result<(), EngineError> {
    if options.precision != Precision::F32 || options.device != Device::Cpu {
        let message =
            format!("rten computes in f32 on the CPU, {} on {} was asked for", options.precision, options.device);
        return Err(EngineError::new(EngineErrorKind::Unsupported, message));
    }
    Ok(())
}

fn load_error(error: &LoadError) -> EngineError {
    let kind = match error.kind() {
        LoadErrorKind::IoError => EngineErrorKind::File,
        // External data was checked before: what rten still refuses is a kind of file name that it does not take.
        LoadErrorKind::OperatorInvalid | LoadErrorKind::OptimizeError | LoadErrorKind::ExternalDataError => {
            EngineErrorKind::Unsupported
        }
        _ => EngineErrorKind::Model,
    };
    EngineError::new(kind, format!("rten cannot load the model: {error}"))
}

fn run_error(error: &RunError) -> EngineError {
    EngineError::new(EngineErrorKind::Run, format!("rten failed: {error}"))
}
