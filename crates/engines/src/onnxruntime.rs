//! ONNX Runtime, linked at run time: every operator, and NVIDIA's and Apple's hardware.
//!
//! One session per loaded model holds the weights and is run by all runners at once. Inputs live in memory of ours and are handed
//! over without a copy; outputs stay where the session put them.

use crate::compiled_form::CompiledForm;
use crate::gpu_memory;
use crate::host_tensor::{HostData, HostTensor};
use crate::memory_file::MemoryFile;
use crate::onnx::OnnxFile;
use crate::ort_session::{self, SharedSession};
use crate::ports;
use crate::tensorrt::{self, TensorRtFolder};
use ort::environment::Environment;
use ort::error::ErrorCode;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, TensorElementType, TensorRef as OrtTensorRef};
use samovar_engine_api::{
    Device, Element, Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Precision,
    Runner, RunnerOptions, Signature, TensorMut, TensorRef,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// ONNX Runtime allows one environment per process, ever; so it is made once and kept.
static ENVIRONMENT: OnceLock<Result<(Environment, PathBuf), EngineError>> = OnceLock::new();

/// The engine, once its library was found.
#[derive(Clone)]
pub struct OnnxRuntime {
    library: PathBuf,
    version: String,
}

impl OnnxRuntime {
    /// Loads the library at `library`. The process keeps the first one it loaded.
    ///
    /// # Errors
    /// `Unavailable` where it cannot be loaded or is older than what this binary was built for.
    pub fn open(library: &Path) -> Result<Self, EngineError> {
        let (_, library) = opened(library)?;
        let version = ort_session::version(library).unwrap_or_else(|| "unknown".to_owned());
        Ok(Self { library: library.clone(), version })
    }

    /// The same, but a library whose name tells a version that can be used, as those of all packages do, is loaded with the first model
    /// that it is to run: it takes 17 MB of memory, for nothing where another engine runs all models.
    ///
    /// # Errors
    /// As [`OnnxRuntime::open`], where the name tells none.
    pub fn find(library: &Path) -> Result<Self, EngineError> {
        match version_in_name(library) {
            Some(version) => Ok(Self { library: library.to_owned(), version }),
            None => Self::open(library),
        }
    }
}

/// The library in use, which is the first that was loaded.
fn opened(library: &Path) -> Result<&'static (Environment, PathBuf), EngineError> {
    let unavailable = |reason: String| {
        EngineError::new(EngineErrorKind::Unavailable, format!("ONNX Runtime cannot be used: {reason}"))
    };
    // Asked on its own first: a library that cannot be loaded must leave room for another one.
    let builder = ort::init_from(library).map_err(|error| unavailable(error.to_string()))?;
    let environment = ENVIRONMENT.get_or_init(|| {
        let environment = builder.with_name("samovar").with_telemetry(false).with_logger(Arc::new(log)).build();
        environment.map(|environment| (environment, library.to_owned())).map_err(|error| unavailable(error.to_string()))
    });
    environment.as_ref().map_err(Clone::clone)
}

/// The version in a name such as `libonnxruntime.so.1.31.1`, links followed; none where it is another, or older than what this binary was
/// built for.
fn version_in_name(library: &Path) -> Option<String> {
    let library = library.canonicalize().ok()?;
    let version = library.file_name()?.to_str()?.strip_prefix("libonnxruntime.so.")?;
    let numbers: Vec<u32> = version.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    matches!(numbers[..], [1, minor, _] if minor >= ort::MINOR_VERSION).then(|| version.to_owned())
}

impl Engine for OnnxRuntime {
    fn info(&self) -> EngineInfo {
        let mut devices = vec![Device::Cpu];
        if self.library.with_file_name("libonnxruntime_providers_cuda.so").exists() {
            devices.push(Device::Gpu(0));
        }
        EngineInfo {
            name: "onnxruntime",
            version: self.version.clone(),
            devices,
            precisions: vec![Precision::F32],
            library: Some(self.library.clone()),
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
        if options.precision != Precision::F32 {
            let message = format!("ONNX Runtime computes as the file says, {} was asked for", options.precision);
            return Err(EngineError::new(EngineErrorKind::Unsupported, message));
        }
        // Here, so that a library that cannot be loaded is told as such.
        opened(&self.library)?;
        let (session, compiled_from_cache) =
            self.session((&files.path, &file), options).map_err(|error| load_error(&error))?;
        let session = SharedSession::new(session, &file.signature, matches!(options.device, Device::Gpu(_)))?;
        let shared = Shared { session, signature: file.signature, weights_bytes: file.size_bytes, compiled_from_cache };
        Ok(Arc::new(OnnxRuntimeModel { shared: Arc::new(shared) }))
    }
}

impl OnnxRuntime {
    fn builder(&self, options: &LoadOptions) -> ort::Result<SessionBuilder> {
        let (environment, _) = opened(&self.library).map_err(ort::Error::wrap)?;
        builder(environment, options)
    }

    /// The session, and whether it was found as it was compiled before.
    fn session(&self, model: (&Path, &OnnxFile), options: &LoadOptions) -> ort::Result<(Session, bool)> {
        let form = CompiledForm::of(&self.info(), options);
        match (&options.device, form) {
            (Device::Cpu, None) => Ok((commit(self.builder(options)?, model)?, false)),
            (Device::Cpu, Some(form)) => self.optimised_session(&form, model, options),
            (Device::Gpu(index), form) => {
                let index = i32::try_from(*index).map_err(ort::Error::wrap)?;
                self.gpu_session(form, (model.0, index), &model.1.signature, options)
            }
        }
    }

    fn gpu_session(
        &self,
        form: Option<CompiledForm>,
        (path, index): (&Path, i32),
        signature: &Signature,
        options: &LoadOptions,
    ) -> ort::Result<(Session, bool)> {
        let form = form.filter(|_| self.has_tensorrt() && options.shapes.len() == signature.inputs.len());
        let built = form.map(|form| self.tensorrt_session(&form, (path, index), signature, options));
        match built {
            Some(Ok(built)) => return Ok(built),
            Some(Err(error)) => tracing::warn!(%error, "TensorRT is not used: CUDA runs the model"),
            None => {}
        }
        let cuda = cuda(index, options);
        let mut builder = self.builder(options)?.with_execution_providers([cuda.build().error_on_failure()])?;
        Ok((builder.commit_from_file(path)?, false))
    }

    fn optimised_session(
        &self,
        form: &CompiledForm,
        model: (&Path, &OnnxFile),
        options: &LoadOptions,
    ) -> ort::Result<(Session, bool)> {
        if let Some(graph) = form.read() {
            match optimised(self.builder(options)?, &graph) {
                Ok(session) => return Ok((session, true)),
                Err(error) => form.discard(&error.to_string()),
            }
        }
        Ok((self.optimise(form, model, options)?, false))
    }

    fn has_tensorrt(&self) -> bool {
        self.library.with_file_name("libonnxruntime_providers_tensorrt.so").exists()
    }

    /// TensorRT where it can, CUDA for what it leaves. Only with fixed shapes and a place for what it builds: it builds for minutes.
    fn tensorrt_session(
        &self,
        form: &CompiledForm,
        (path, index): (&Path, i32),
        signature: &Signature,
        options: &LoadOptions,
    ) -> ort::Result<(Session, bool)> {
        let found = form.read();
        let folder = TensorRtFolder::unpack(found.as_deref().unwrap_or_default()).map_err(ort::Error::wrap)?;
        let profile = tensorrt::profile(signature, &options.shapes);
        let tensorrt = folder.provider(index, &profile, memory_limit(index, options));
        let providers = [tensorrt.build().error_on_failure(), cuda(index, options).build().error_on_failure()];
        let mut builder = self.builder(options)?.with_execution_providers(providers)?;
        let session = builder.commit_from_file(path)?;
        let built = folder.pack().map_err(ort::Error::wrap)?;
        let is_found = found.is_some_and(|found| *found == *built);
        if !is_found {
            form.keep(&built[..]);
        }
        Ok((session, is_found))
    }

    /// Loads the model and keeps its optimised graph: by way of memory, because a full disk must not fail the load.
    fn optimise(&self, form: &CompiledForm, model: (&Path, &OnnxFile), options: &LoadOptions) -> ort::Result<Session> {
        let plain = || commit(self.builder(options)?, model);
        let Ok(written) = MemoryFile::new() else { return plain() };
        let writing = self.builder(options)?.with_optimized_model_path(written.path())?;
        let Ok(session) = commit(writing, model) else { return plain() };
        // A graph that still names files beside the model could not be read from another folder.
        let is_whole = OnnxFile::read(&written.path()).is_ok_and(|file| file.external_files.is_empty());
        match written.into_reader() {
            Ok(graph) if is_whole => form.keep(graph),
            _ => tracing::debug!("ONNX Runtime's optimised graph is not whole, and is not kept"),
        }
        Ok(session)
    }
}

/// CUDA on card `index`; its arena takes no more than the share of the card's memory that it may.
fn cuda(index: i32, options: &LoadOptions) -> ort::ep::CUDA {
    let cuda = ort::ep::CUDA::default().with_device_id(index);
    match memory_limit(index, options) {
        Some(bytes) => cuda.with_memory_limit(bytes),
        None => cuda,
    }
}

fn memory_limit(index: i32, options: &LoadOptions) -> Option<usize> {
    gpu_memory::limit_bytes(options.gpu_memory, u32::try_from(index).ok()?)
}

/// The session of a file. Data beside the graph is read here, because ONNX Runtime would map it: a mapped file that somebody overwrites
/// changes the model that serves, and one that is cut ends the process.
fn commit(mut builder: SessionBuilder, (path, file): (&Path, &OnnxFile)) -> ort::Result<Session> {
    let folder = path.parent().unwrap_or(Path::new(""));
    for data in &file.external_files {
        let bytes = fs::read(data).map_err(ort::Error::wrap)?;
        let location = data.strip_prefix(folder).unwrap_or(data);
        builder = builder.with_external_initializer_file_in_memory(location, bytes.into())?;
    }
    builder.commit_from_file(path)
}

/// What was optimised before is taken as it is: optimising again would find the same or nothing.
fn optimised(builder: SessionBuilder, graph: &[u8]) -> ort::Result<Session> {
    builder.with_optimization_level(GraphOptimizationLevel::Disable)?.commit_from_memory(graph)
}

struct OnnxRuntimeModel {
    shared: Arc<Shared>,
}

struct Shared {
    session: SharedSession,
    signature: Signature,
    weights_bytes: u64,
    compiled_from_cache: bool,
}

impl LoadedModel for OnnxRuntimeModel {
    fn signature(&self) -> &Signature {
        &self.shared.signature
    }

    fn weights_bytes(&self) -> u64 {
        self.shared.weights_bytes
    }

    fn compiled_from_cache(&self) -> bool {
        self.shared.compiled_from_cache
    }

    /// Threads are those of the load: they belong to the session.
    fn runner(&self, _options: &RunnerOptions) -> Result<Box<dyn Runner>, EngineError> {
        let shared = Arc::clone(&self.shared);
        let inputs = shared.signature.inputs.iter().map(|port| (HostTensor::empty(port.element), false)).collect();
        Ok(Box::new(OnnxRuntimeRunner { outputs: Vec::new(), inputs, shared }))
    }
}

/// Outputs come before the session whose memory they are, so that they are dropped first.
struct OnnxRuntimeRunner {
    outputs: Vec<DynValue>,
    /// Each input, and whether it was ever asked for.
    inputs: Vec<(HostTensor, bool)>,
    shared: Arc<Shared>,
}

impl Runner for OnnxRuntimeRunner {
    fn input(&mut self, index: usize, shape: &[usize]) -> Result<TensorMut<'_>, EngineError> {
        ports::input_port(&self.shared.signature, index, shape)?;
        let (tensor, is_written) = &mut self.inputs[index];
        tensor.reshape(shape);
        *is_written = true;
        Ok(tensor.view_mut())
    }

    fn run(&mut self) -> Result<(), EngineError> {
        ports::all_written(&self.shared.signature, self.inputs.iter().map(|(_, written)| *written))?;
        // Freed before the run, so that the session's arena gives the same memory again.
        self.outputs.clear();
        let inputs = self.inputs.iter().map(|(tensor, _)| lend(tensor)).collect::<Result<Vec<_>, _>>();
        let inputs = inputs.map_err(|error| run_error(&error))?;
        self.outputs = self.shared.session.run(&inputs).map_err(|error| run_error(&error))?;
        Ok(())
    }

    fn output(&self, index: usize) -> Result<TensorRef<'_>, EngineError> {
        read(self.outputs.get(index).ok_or_else(|| ports::no_output(&self.shared.signature, index))?)
    }
}

fn builder(environment: &Environment, options: &LoadOptions) -> ort::Result<SessionBuilder> {
    let (slots, threads) = (options.slots.max(1), options.threads.max(1));
    // Callers work themselves; the pool behind them is shared, so it holds the helpers of all slots.
    let pool = slots * (threads - 1) + 1;
    let builder = Session::builder(environment)?
        .with_intra_threads(pool)?
        .with_inter_threads(1)?
        // Helpers that spin between two operators would take the cores of the other slots.
        .with_intra_op_spinning(slots == 1)?;
    Ok(builder)
}

macro_rules! by_type {
    ($($variant:ident, $ort:ident, $rust:ty);* $(;)?) => {
        /// Hands a tensor to the session without a copy.
        fn lend(tensor: &HostTensor) -> ort::Result<SessionInputValue<'_>> {
            let shape = tensor.shape();
            Ok(match tensor.data() { $(
                HostData::$variant(data) => OrtTensorRef::from_array_view((shape, &data[..]))?.into(),
            )* })
        }

        /// Reads a value in place.
        fn read(value: &DynValue) -> Result<TensorRef<'_>, EngineError> {
            match value.dtype().tensor_type() {
                $(Some(TensorElementType::$ort) => read_as::<$rust>(value),)*
                other => Err(EngineError::new(EngineErrorKind::Unsupported, format!("an output holds {other:?}"))),
            }
        }
    };
}

by_type! {
    Bool, Bool, bool;
    U8, Uint8, u8;
    I8, Int8, i8;
    U16, Uint16, u16;
    I16, Int16, i16;
    U32, Uint32, u32;
    I32, Int32, i32;
    U64, Uint64, u64;
    I64, Int64, i64;
    F16, Float16, half::f16;
    Bf16, Bfloat16, half::bf16;
    F32, Float32, f32;
    F64, Float64, f64;
}

fn read_as<'a, T>(value: &'a DynValue) -> Result<TensorRef<'a>, EngineError>
where
    T: Element + ort::value::PrimitiveTensorElementType,
    TensorRef<'a>: for<'s> From<(&'s [usize], &'a [T])>,
{
    let (shape, data) = value.try_extract_tensor::<T>().map_err(|error| run_error(&error))?;
    let shape: Vec<usize> = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
    Ok(TensorRef::from((&shape[..], data)))
}

fn load_error(error: &ort::Error) -> EngineError {
    let kind = match error.code() {
        ErrorCode::NotImplemented | ErrorCode::ExecutionProviderFailure => EngineErrorKind::Unsupported,
        ErrorCode::NoSuchFile => EngineErrorKind::File,
        _ if ["No Op registered", "is not a registered function/op"]
            .iter()
            .any(|words| error.message().contains(words)) =>
        {
            EngineErrorKind::Unsupported
        }
        _ => EngineErrorKind::Model,
    };
    EngineError::new(kind, format!("ONNX Runtime cannot load the model: {error}"))
}

fn run_error(error: &ort::Error) -> EngineError {
    let kind = if error.code() == ErrorCode::InvalidArgument { EngineErrorKind::Shape } else { EngineErrorKind::Run };
    EngineError::new(kind, format!("ONNX Runtime failed: {error}"))
}

fn log(level: ort::logging::LogLevel, category: &str, _session: &str, _place: &str, message: &str) {
    use ort::logging::LogLevel;
    match level {
        LogLevel::Fatal | LogLevel::Error => tracing::warn!(category, "{message}"),
        LogLevel::Warning => tracing::debug!(category, "{message}"),
        LogLevel::Info | LogLevel::Verbose => tracing::trace!(category, "{message}"),
    }
}
