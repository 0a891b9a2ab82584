//! One ONNX Runtime session that many threads run at once.
#![expect(
    unsafe_code,
    reason = "the safe binding lends a session to one thread at a time; the C interface does not ask for that"
)]

use ort::AsPointer;
use ort::error::Error;
use ort::session::{Session, SessionInputValue};
use ort::value::DynValue;
use parking_lot::Mutex;
use samovar_engine_api::{EngineError, EngineErrorKind, Port, Signature};
use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::{self, NonNull};

/// A session and the names of its inputs and outputs in the signature's order.
///
/// `OrtApi::Run` is documented as safe to be called from many threads on one session ("Multiple threads can call this
/// concurrently on the same session", ONNX Runtime's own servers do so), and was run so here with results that were equal bit for bit.
/// The binding's `Session::run` takes `&mut self` because some execution providers break that promise (CUDA did: pykeio/ort#348); so
/// sessions on a GPU are run one at a time, and sessions on the CPU, whose kernels keep no state between runs, are not.
pub(crate) struct SharedSession {
    session: Session,
    input_names: Vec<CString>,
    output_names: Vec<CString>,
    turn: Option<Mutex<()>>,
}

impl SharedSession {
    /// Wraps `session`; with `one_at_a_time`, runs wait for each other.
    ///
    /// # Errors
    /// `Model` where a name holds a zero byte.
    pub(crate) fn new(session: Session, signature: &Signature, one_at_a_time: bool) -> Result<Self, EngineError> {
        Ok(Self {
            session,
            input_names: names(&signature.inputs)?,
            output_names: names(&signature.outputs)?,
            turn: one_at_a_time.then(|| Mutex::new(())),
        })
    }

    /// Runs the session on `inputs`, in the signature's order; the outputs, in the signature's order.
    pub(crate) fn run(&self, inputs: &[SessionInputValue<'_>]) -> Result<Vec<DynValue>, Error> {
        let _turn = self.turn.as_ref().map(Mutex::lock);
        let input_names: Vec<_> = self.input_names.iter().map(|name| name.as_ptr()).collect();
        let output_names: Vec<_> = self.output_names.iter().map(|name| name.as_ptr()).collect();
        let values: Vec<_> = inputs.iter().map(|value| value.ptr()).collect();
        assert_eq!(values.len(), input_names.len(), "the runner lends one tensor per input of the signature");
        let mut outputs = vec![ptr::null_mut(); output_names.len()];
        // SAFETY: the session lives as long as `self`, and `Run` may be called concurrently on it (see the type). Names and values
        // are valid for the call and as many as told; each output pointer is null, so that ONNX Runtime allocates the value.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr().cast_mut(),
                ptr::null(),
                input_names.as_ptr(),
                values.as_ptr(),
                values.len(),
                output_names.as_ptr(),
                output_names.len(),
                outputs.as_mut_ptr(),
            )
        };
        // SAFETY: the status comes from the call above and is not used again.
        unsafe { Error::result_from_status(status) }?;
        outputs.into_iter().map(|output| self.own(output)).collect()
    }

    fn own(&self, output: *mut ort::sys::OrtValue) -> Result<DynValue, Error> {
        let output = NonNull::new(output).ok_or_else(|| Error::new("an output is missing"))?;
        // SAFETY: `Run` succeeded and gave this value to us alone; it was allocated by the session's allocator.
        Ok(unsafe { DynValue::from_ptr(output, Some(self.session.allocator())) })
    }
}

/// The version that the library at `path` tells; none where it is not ONNX Runtime. The library stays loaded as long as its other users
/// hold it: opening it here a second time gives the same one.
pub(crate) fn version(path: &Path) -> Option<String> {
    // SAFETY: the library was loaded by the binding before, so that nothing of it runs for the first time here.
    let library = unsafe { libloading::Library::new(path) }.ok()?;
    // SAFETY: `OrtGetApiBase` has had this signature since the first release.
    let base =
        unsafe { library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase") }.ok()?;
    // SAFETY: it takes nothing and gives a static of the library, or null, which `as_ref` tells.
    let base = unsafe { base().as_ref() }?;
    // SAFETY: the version is a static C string of the library, which is still open.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    Some(version.to_string_lossy().into_owned())
}

fn names(ports: &[Port]) -> Result<Vec<CString>, EngineError> {
    let names = ports.iter().map(|port| CString::new(port.name.as_str())).collect::<Result<_, _>>();
    names.map_err(|_| EngineError::new(EngineErrorKind::Model, "the name of an input or output holds a zero byte"))
}
