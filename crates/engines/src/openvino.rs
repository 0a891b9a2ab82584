//! OpenVINO, linked at run time: the fastest engine on x86 CPUs, in bf16 where the CPU has it.
//!
//! One compiled model per loaded model holds the weights; each runner is one of its infer requests, and lends that request's own
//! input tensors. All threads of the model are one pool of `slots × threads`, cut into `slots` streams. Pinning is off: two models
//! would otherwise be pinned to the same cores. A small model whose runs have one thread has no pool: it is compiled once for each slot, and
//! runs in the thread that asks, because handing a run over costs more than some runs do.

use crate::compiled_form::CompiledForm;
use crate::cpu;
use crate::form_bytes::{FormBytes, MAPPED_FROM};
use crate::memory_file::MemoryFile;
use crate::onnx::OnnxFile;
use crate::openvino_form;
use crate::openvino_graph;
use crate::openvino_tensor as tensor;
use crate::ports;
use openvino::{CompiledModel, Core, DeviceType, InferRequest, InferenceError, PartialShape, RwPropertyKey, Tensor};
use parking_lot::Mutex;
use samovar_engine_api::{
    Device, Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles, PortShape,
    Precision, Runner, RunnerOptions, Signature, TensorMut, TensorRef,
};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The engine, once its library was found and loaded.
#[derive(Clone, Debug)]
pub struct OpenVino {
    library: PathBuf,
    version: String,
    devices: Vec<Device>,
}

impl OpenVino {
    /// Loads `libopenvino_c` at `library`; its plugins and their libraries lie beside it. The process keeps the first one it loaded.
    ///
    /// # Errors
    /// `Unavailable` where the library or one that it needs cannot be loaded, or is older than 2025.1.
    pub fn open(library: &Path) -> Result<Self, EngineError> {
        let unavailable = |reason: String| {
            EngineError::new(EngineErrorKind::Unavailable, format!("OpenVINO cannot be used: {reason}"))
        };
        openvino_sys::library::load_from(library).map_err(unavailable)?;
        let core = Core::new().map_err(|error| unavailable(error.to_string()))?;
        let devices = devices(&core).map_err(|error| unavailable(text(&error)))?;
        let version = openvino::version().build_number;
        let version = version.split('-').next().unwrap_or(&version).to_owned();
        Ok(Self { library: library.to_owned(), version, devices })
    }
}

impl Engine for OpenVino {
    fn info(&self) -> EngineInfo {
        let mut precisions = vec![Precision::F32];
        if cpu::has_bf16() {
            precisions.push(Precision::Bf16);
        }
        EngineInfo {
            name: "openvino",
            version: self.version.clone(),
            devices: self.devices.clone(),
            precisions,
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
        // A core of its own per load, because settings belong to the core: loads then run side by side.
        let mut core =
            Core::new().map_err(|error| EngineError::new(EngineErrorKind::Unavailable, error.to_string()))?;
        configure(&mut core, options, is_direct(&file, options))?;
        let form = CompiledForm::of(&self.info(), options).map(|form| form.made_with(GRAPH));
        let imported = form.as_ref().and_then(|form| import(&core, form, &options.device));
        let from_cache = imported.is_some();
        let (compiled, imported_from) = match imported {
            Some((compiled, bytes)) => (compiled, Some(bytes)),
            None => compile_and_keep(&mut core, (&files.path, &file), form.as_ref(), options)?,
        };
        let mut compiled = vec![compiled];
        if is_direct(&file, options) {
            for _ in 1..options.slots {
                compiled.push(compile(&mut core, &files.path, &file, options)?);
            }
        }
        let wide = imported_from.as_ref().filter(|_| file.size_bytes <= WIDE_MAX_BYTES);
        let wide = wide.and_then(|form| import_wide(form, options)).map(Mutex::new);
        // What was packed already is read there no more.
        imported_from.iter().for_each(FormBytes::give_back);
        Ok(Arc::new(OpenVinoModel {
            compiled: Mutex::new(compiled.into()),
            lone_threads: wide.as_ref().map(|_| options.lone_threads),
            wide,
            shared: Arc::new(Shared {
                signature: file.signature,
                shapes: options.shapes.clone(),
                weights_bytes: file.size_bytes,
                from_cache,
                imported_from,
            }),
        }))
    }
}

/// How graphs are given to the compiler: forms of another way are made anew.
const GRAPH: &str = "turned matrices";

/// Whether the model is so small that handing a run to another thread would be felt, and a copy for each slot would not.
fn is_direct(file: &OnnxFile, options: &LoadOptions) -> bool {
    file.size_bytes <= DIRECT_MAX_BYTES && options.threads <= 1 && options.device == Device::Cpu
}

/// The pages of the form are let go behind the first run, in which a model whose shapes are open packs its weights, before the rest of a
/// warm-up takes its own memory; and behind each that comes so many runs later: a table that rows are looked up in is read there, and with
/// each row come the pages around it.
const TRIM_EVERY: u64 = 16;

/// Larger models share their weights among the slots.
const DIRECT_MAX_BYTES: u64 = 4 << 20;

/// Larger models have no form of their own for lone runs: it packs the weights a second time.
const WIDE_MAX_BYTES: u64 = 128 << 20;

/// The compiled models come before what they may read, so that they are dropped first.
struct OpenVinoModel {
    /// Locked only while a runner is made, of the first, which then is the last: where there is one for each slot, runners take turns.
    compiled: Mutex<VecDeque<CompiledModel>>,
    /// The same form with one stream of all threads, for lone runs.
    wide: Option<Mutex<CompiledModel>>,
    lone_threads: Option<usize>,
    shared: Arc<Shared>,
}

struct Shared {
    signature: Signature,
    shapes: Vec<PortShape>,
    weights_bytes: u64,
    /// Whether an earlier load has left the form.
    from_cache: bool,
    /// The compiled form that the model was made from: an imported model reads its weights there, as long as it or a request of it
    /// lives.
    imported_from: Option<FormBytes>,
}

impl Shared {
    /// Lets the pages of the form go.
    fn trim(&self) {
        self.imported_from.iter().for_each(FormBytes::give_back);
    }
}

impl LoadedModel for OpenVinoModel {
    fn signature(&self) -> &Signature {
        &self.shared.signature
    }

    fn weights_bytes(&self) -> u64 {
        self.shared.weights_bytes
    }

    fn compiled_from_cache(&self) -> bool {
        self.shared.from_cache
    }

    /// Kernels read the weights that they have packed; those of the graph, from which they packed them, lie in the form.
    fn trim(&self) {
        self.shared.trim();
    }

    fn lone_threads(&self) -> Option<usize> {
        self.lone_threads
    }

    /// The request keeps the compiled model alive inside OpenVINO. Threads are those of the load: a stream cannot change them.
    fn runner(&self, _options: &RunnerOptions) -> Result<Box<dyn Runner>, EngineError> {
        let request = self.request()?;
        let shared = Arc::clone(&self.shared);
        let inputs =
            shared.signature.inputs.iter().map(|port| request.get_tensor(&port.name)).collect::<Result<Vec<_>, _>>();
        let inputs: Vec<Input> = inputs.map_err(|error| run_error(&error))?.into_iter().map(Input::new).collect();
        let wide =
            self.wide.as_ref().map(|wide| wide_request(&mut wide.lock(), &inputs, &shared.signature)).transpose()?;
        Ok(Box::new(OpenVinoRunner { outputs: Vec::new(), inputs, request, wide, shared, runs: 0 }))
    }
}

impl OpenVinoModel {
    fn request(&self) -> Result<InferRequest, EngineError> {
        let mut compiled = self.compiled.lock();
        compiled.rotate_left(1);
        let model = compiled.back_mut().expect("a loaded model was compiled at least once");
        model.create_infer_request().map_err(|error| run_error(&error))
    }
}

/// A request of the wide form that reads the very tensors which the narrow one's are written to.
fn wide_request(
    wide: &mut CompiledModel,
    inputs: &[Input],
    signature: &Signature,
) -> Result<InferRequest, EngineError> {
    let mut request = wide.create_infer_request().map_err(|error| run_error(&error))?;
    for (port, input) in signature.inputs.iter().zip(inputs) {
        request.set_tensor(&port.name, &input.tensor).map_err(|error| run_error(&error))?;
    }
    Ok(request)
}

/// Lets the request read the tensor where it lies. A request copies even its own tensors at every run while their shapes are open, unless
/// they are given to it in the shape that they have: with the caches of a decoder that is as much work as the run.
fn lend(request: &mut InferRequest, name: &str, tensor: &Tensor) -> Result<(), EngineError> {
    request.set_tensor(name, tensor).map_err(|error| run_error(&error))
}

/// One of the request's own input tensors.
struct Input {
    tensor: Tensor,
    /// The shape that it was given last; none before the first.
    shape: Option<Vec<usize>>,
}

impl Input {
    fn new(tensor: Tensor) -> Self {
        Self { tensor, shape: None }
    }
}

/// Tensors come before the request that they belong to, so that they are dropped first.
struct OpenVinoRunner {
    outputs: Vec<Tensor>,
    inputs: Vec<Input>,
    request: InferRequest,
    wide: Option<InferRequest>,
    shared: Arc<Shared>,
    runs: u64,
}

impl OpenVinoRunner {
    fn infer(&mut self, wide: bool) -> Result<(), EngineError> {
        ports::all_written(&self.shared.signature, self.inputs.iter().map(|input| input.shape.is_some()))?;
        self.outputs.clear();
        let request = if wide { self.wide.as_mut().unwrap_or(&mut self.request) } else { &mut self.request };
        request.infer().map_err(|error| run_error(&error))?;
        let names = self.shared.signature.outputs.iter().map(|port| request.get_tensor(&port.name));
        self.outputs = names.collect::<Result<_, _>>().map_err(|error| run_error(&error))?;
        if self.runs.is_multiple_of(TRIM_EVERY) {
            self.shared.trim();
        }
        self.runs += 1;
        Ok(())
    }
}

impl Runner for OpenVinoRunner {
    fn input(&mut self, index: usize, shape: &[usize]) -> Result<TensorMut<'_>, EngineError> {
        let port = ports::input_port(&self.shared.signature, index, shape)?;
        let input = &mut self.inputs[index];
        if input.shape.as_deref() != Some(shape) {
            if self.shared.shapes.get(index).is_some_and(|fixed| fixed != shape) {
                let message = format!("the model was loaded for other shapes than {shape:?} at {port}");
                return Err(EngineError::new(EngineErrorKind::Shape, message));
            }
            tensor::reshape(&mut input.tensor, port.element, shape)?;
            input.shape = Some(shape.to_vec());
            lend(&mut self.request, &port.name, &input.tensor)?;
            self.wide.as_mut().map_or(Ok(()), |wide| lend(wide, &port.name, &input.tensor))?;
        }
        tensor::write(&mut input.tensor, port.element, shape)
    }

    fn run(&mut self) -> Result<(), EngineError> {
        self.infer(false)
    }

    fn run_alone(&mut self) -> Result<(), EngineError> {
        self.infer(true)
    }

    fn output(&self, index: usize) -> Result<TensorRef<'_>, EngineError> {
        let port = self.shared.signature.outputs.get(index).zip(self.outputs.get(index));
        let (port, output) = port.ok_or_else(|| ports::no_output(&self.shared.signature, index))?;
        tensor::read(output, port.element)
    }
}

/// `direct`: without threads of its own, each run in the thread that asks for it.
fn configure(core: &mut Core, options: &LoadOptions, direct: bool) -> Result<(), EngineError> {
    let precision = match options.precision {
        Precision::F32 => "f32",
        Precision::Bf16 if cpu::has_bf16() => "bf16",
        other => {
            return Err(EngineError::new(
                EngineErrorKind::Unsupported,
                format!("this CPU does not compute in {other}"),
            ));
        }
    };
    let (slots, threads) = (options.slots.max(1), options.threads.max(1));
    let (streams, threads) = if direct { (0, threads) } else { (slots, slots * threads) };
    let settings = [
        (RwPropertyKey::NumStreams, streams.to_string()),
        (RwPropertyKey::InferenceNumThreads, threads.to_string()),
        (RwPropertyKey::HintEnableCpuPinning, "NO".to_owned()),
        (RwPropertyKey::HintInferencePrecision, precision.to_owned()),
    ];
    let device = device_type(&options.device);
    let settings = settings.iter().map(|(key, value)| (key.clone(), value.as_str()));
    core.set_properties(&device, settings).map_err(|error| load_error(&error))?;
    // Of all devices, which has no name: data beside the graph is read and not mapped. A mapped file that somebody overwrites changes
    // the model that serves, and one that is cut ends the process.
    let all = DeviceType::Other("".into());
    core.set_property(&all, &RwPropertyKey::EnableMmap, "NO").map_err(|error| load_error(&error))
}

fn compile(core: &mut Core, path: &Path, file: &OnnxFile, options: &LoadOptions) -> Result<CompiledModel, EngineError> {
    let turned = openvino_graph::turned(path, file);
    let read_path = turned.as_ref().map_or(Cow::Borrowed(path), |turned| Cow::Owned(turned.path()));
    let read_path = read_path.to_str().ok_or_else(|| {
        let message = format!("OpenVINO takes only paths in UTF-8, not {}", path.display());
        EngineError::new(EngineErrorKind::File, message)
    })?;
    let mut model = core.read_model_from_file(read_path, "").map_err(|error| load_error(&error))?;
    drop(turned);
    reshape(&mut model, &file.signature, &options.shapes)?;
    core.compile_model(&model, device_type(&options.device)).map_err(|error| load_error(&error))
}

/// Compiles, and keeps the compiled form where it has a place. A large model is then made from its form: as it was compiled it holds the
/// weights of the graph, in f32, beside those that it packed; made from its form it finds the former in a mapped file.
fn compile_and_keep(
    core: &mut Core,
    (path, file): (&Path, &OnnxFile),
    form: Option<&CompiledForm>,
    options: &LoadOptions,
) -> Result<(CompiledModel, Option<FormBytes>), EngineError> {
    let compiled = compile(core, path, file, options)?;
    let Some(form) = form else { return Ok((compiled, None)) };
    if file.size_bytes < MAPPED_FROM {
        keep(form, &compiled);
        return Ok((compiled, None));
    }
    if !keep_large(form, &compiled, file.size_bytes) {
        return Ok((compiled, None));
    }
    drop(compiled);
    match import(core, form, &options.device) {
        Some((compiled, bytes)) => Ok((compiled, Some(bytes))),
        None => Ok((compile(core, path, file, options)?, None)),
    }
}

/// The compiled model, and the bytes that must outlive it.
#[expect(unsafe_code, reason = "the safe binding has no import")]
fn import(core: &Core, form: &CompiledForm, device: &Device) -> Option<(CompiledModel, FormBytes)> {
    let bytes = form.read()?;
    // SAFETY: the seal says that these are the bytes that this version exported for these options. They live in `Shared`, which the
    // model and its runners own and which none of them changes; both drop what OpenVINO gave them first.
    let imported = unsafe { openvino_form::import(core, device_type(device).as_ref(), &bytes) };
    let compiled = imported.inspect_err(|error| form.discard(&error.to_string())).ok()?;
    Some((compiled, bytes))
}

/// The form once more, with one stream of all threads; none where OpenVINO refuses, which costs the quicker lone run alone.
#[expect(unsafe_code, reason = "the safe binding has no import")]
fn import_wide(form: &FormBytes, options: &LoadOptions) -> Option<CompiledModel> {
    if options.lone_threads <= options.threads || options.device != Device::Cpu {
        return None;
    }
    let mut core = Core::new().ok()?;
    let wide = LoadOptions { slots: 1, threads: options.lone_threads, ..options.clone() };
    configure(&mut core, &wide, false).ok()?;
    // SAFETY: as in `import`; the model that owns these bytes drops both compiled models before them.
    let imported = unsafe { openvino_form::import(&core, device_type(&options.device).as_ref(), form) };
    imported.inspect_err(|error| tracing::info!(%error, "no form for lone runs")).ok()
}

/// By way of memory, because OpenVINO does not notice a full disk.
fn keep(form: &CompiledForm, compiled: &CompiledModel) {
    let exported = MemoryFile::new().map_err(|error| error.to_string()).and_then(|file| {
        openvino_form::export(compiled, &file.path()).map_err(|error| error.to_string())?;
        file.into_reader().map_err(|error| error.to_string())
    });
    match exported {
        Ok(reader) => form.keep(reader),
        Err(reason) => tracing::warn!(reason, "OpenVINO's compiled form cannot be kept"),
    }
}

/// Straight to the disk: by way of memory it would take as much again. OpenVINO writes weights of 16 bits with 32.
fn keep_large(form: &CompiledForm, compiled: &CompiledModel, weights_bytes: u64) -> bool {
    let bytes_max = weights_bytes.saturating_mul(2);
    form.keep_written(bytes_max, |draft| openvino_form::export(compiled, draft).map_err(|error| error.to_string()))
}

/// Gives the model the only shapes that it will be asked for; the compiler then plans memory and picks kernels for them.
fn reshape(model: &mut openvino::Model, signature: &Signature, shapes: &[PortShape]) -> Result<(), EngineError> {
    let mut partial = Vec::with_capacity(shapes.len());
    for (index, shape) in shapes.iter().enumerate() {
        let port = ports::input_port(signature, index, shape)?;
        if port.dims.iter().any(|dim| dim.fixed().is_none()) {
            partial.push((port.name.as_str(), tensor::partial_shape(shape)?));
        }
    }
    if partial.is_empty() {
        return Ok(());
    }
    let pairs: Vec<(&str, &PartialShape)> = partial.iter().map(|(name, shape)| (*name, shape)).collect();
    model.reshape(&pairs).map_err(|error| EngineError::new(EngineErrorKind::Shape, text(&error)))
}

fn device_type(device: &Device) -> DeviceType<'static> {
    match device {
        Device::Cpu => DeviceType::CPU,
        Device::Gpu(index) => DeviceType::Other(format!("GPU.{index}").into()),
    }
}

/// Asking OpenVINO loads the plugin of every device, 40 MB for a GPU; so it is asked only where the kernel has a graphics card.
fn devices(core: &Core) -> Result<Vec<Device>, InferenceError> {
    if !Path::new("/dev/dri").exists() {
        return Ok(vec![Device::Cpu]);
    }
    Ok(core.available_devices()?.iter().filter_map(|device| device_of(device.as_ref())).collect())
}

/// `CPU`, `GPU`, `GPU.1`; other kinds (NPU) are not used.
fn device_of(name: &str) -> Option<Device> {
    match name.split_once('.') {
        None if name == "CPU" => Some(Device::Cpu),
        None if name == "GPU" => Some(Device::Gpu(0)),
        Some(("GPU", index)) => index.parse().ok().map(Device::Gpu),
        _ => None,
    }
}

/// OpenVINO gives one kind for every failure of a load; only the text tells a missing operator, or data behind a link that
/// [`OnnxFile`] takes and OpenVINO does not (the blobs of a hub's cache).
fn load_error(error: &InferenceError) -> EngineError {
    let message = text(error);
    let unsupported =
        ["not supported", "unsupported", "not implemented", "OpConversionFailure", "outside the base directory"];
    let is_unsupported = unsupported.iter().any(|words| message.contains(words));
    let kind = if is_unsupported { EngineErrorKind::Unsupported } else { EngineErrorKind::Model };
    EngineError::new(kind, format!("OpenVINO cannot load the model: {message}"))
}

fn run_error(error: &InferenceError) -> EngineError {
    EngineError::new(EngineErrorKind::Run, format!("OpenVINO failed: {}", text(error)))
}

fn text(error: &InferenceError) -> String {
    error.message.clone().unwrap_or_else(|| error.kind.to_string())
}
