//! Exports and imports OpenVINO's compiled models.
//!
//! OpenVINO's own cache folder (`CACHE_DIR`) is not used: it reads and reshapes the graph and hashes it before it finds its file,
//! which takes half of a cached load, it keeps the file mapped (a file that is cut would end the process), and it imports what it
//! finds without a check. The safe binding has neither call, and keeps its pointers private.
#![expect(unsafe_code, reason = "the safe binding neither exports nor imports compiled models")]

use openvino::{CompiledModel, Core};
use openvino_sys as sys;
use samovar_engine_api::{EngineError, EngineErrorKind};
use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr;

/// Makes the compiled model that `form` was exported from.
///
/// # Safety
/// The model and its requests go on reading their weights in `form`: it must stay as it is until the last of them is dropped. It must
/// be what this version exported on this kind of CPU: OpenVINO trusts it.
///
/// # Errors
/// `Model`, with OpenVINO's text.
pub(crate) unsafe fn import(core: &Core, device: &str, form: &[u8]) -> Result<CompiledModel, EngineError> {
    let device = c_string(device)?;
    let mut compiled = ptr::null_mut();
    // SAFETY: `Core` is one pointer, so that what is copied is that pointer (`transmute_copy` reads no more than there is: the sizes
    // are compared below); it stays valid as long as the borrow of the core. The bytes are as many as told, the device a C string,
    // and the result is written to a place of our own.
    let status = unsafe {
        let core: *const sys::ov_core_t = std::mem::transmute_copy(core);
        sys::ov_core_import_model(core, form.as_ptr().cast(), form.len(), device.as_ptr(), &raw mut compiled)
    };
    check(status)?;
    // SAFETY: `CompiledModel` is one pointer to what it frees, and this one is ours alone since the call succeeded.
    Ok(unsafe { std::mem::transmute::<*mut sys::ov_compiled_model_t, CompiledModel>(compiled) })
}

/// Writes `compiled` to the file at `path`. A full disk goes unnoticed: OpenVINO does not look whether its writes succeed.
///
/// # Errors
/// `Unsupported` where the device cannot export, with OpenVINO's text.
pub(crate) fn export(compiled: &CompiledModel, path: &Path) -> Result<(), EngineError> {
    let path = c_string(&path.to_string_lossy())?;
    // SAFETY: as above, the pointer is copied out of its only owner, which is borrowed for the call; the path is a C string.
    let status = unsafe {
        let compiled: *const sys::ov_compiled_model_t = std::mem::transmute_copy(compiled);
        sys::ov_compiled_model_export_model(compiled, path.as_ptr())
    };
    check(status)
}

/// The binding is pinned to one version, whose types are structs with a pointer as their only field.
const _: () = assert!(
    size_of::<Core>() == size_of::<*const sys::ov_core_t>()
        && size_of::<CompiledModel>() == size_of::<*mut sys::ov_compiled_model_t>()
);

fn check(status: sys::ov_status_e) -> Result<(), EngineError> {
    if status == sys::ov_status_e::OK {
        return Ok(());
    }
    // SAFETY: it takes nothing; it gives null or a C string of this thread that lives until the next call.
    let text = unsafe {
        let text = sys::ov_get_last_err_msg();
        if text.is_null() { "no reason told".into() } else { CStr::from_ptr(text).to_string_lossy() }
    };
    Err(EngineError::new(EngineErrorKind::Model, format!("OpenVINO cannot take its compiled form: {text}")))
}

fn c_string(text: &str) -> Result<CString, EngineError> {
    CString::new(text).map_err(|_| EngineError::new(EngineErrorKind::Model, "a name holds a zero byte"))
}
