//! The outputs of a request: which are wanted, and in what form they are told.

use super::classes::best_classes;
use super::inputs::quoted;
use super::{DataType, OutputTensor, WantedOutput};
use crate::access::Caller;
use crate::shared_memory::{RegionSpan, SharedMemory};
use crate::{ServiceError, ServiceErrorKind};
use samovar_models::TensorOutput;
use samovar_runtime::{Generation, RunErrorKind, Signature};
use std::sync::Arc;

/// The outputs that are wanted, found in the graph.
pub(super) struct Wanted(Vec<Found>);

struct Found {
    index: usize,
    output: WantedOutput,
    span: Option<RegionSpan>,
}

impl Wanted {
    /// Every output where none is named.
    ///
    /// # Errors
    /// Unknown and doubled names; shared memory that is not there.
    pub(super) fn check(
        signature: &Signature,
        outputs: Vec<WantedOutput>,
        caller: &Caller,
        shared_memory: &SharedMemory,
    ) -> Result<Self, ServiceError> {
        if outputs.is_empty() {
            let every = signature.outputs.iter().enumerate();
            let found = |(index, port): (usize, &samovar_runtime::Port)| {
                let output = WantedOutput { name: port.name.clone(), ..WantedOutput::default() };
                Found { index, output, span: None }
            };
            return Ok(Self(every.map(found).collect()));
        }
        let mut wanted: Vec<Found> = Vec::with_capacity(outputs.len());
        for output in outputs {
            let index = signature.outputs.iter().position(|port| port.name == output.name);
            let index = index.ok_or_else(|| unknown(&output.name, signature))?;
            if wanted.iter().any(|other| other.index == index) {
                let message = format!("output {} is wanted twice", quoted(&output.name));
                return Err(ServiceError::invalid("duplicate_output", message));
            }
            let span = |(region, offset, size): &(String, u64, u64)| shared_memory.span(caller, region, *offset, *size);
            let span = output.shared.as_ref().map(span).transpose()?;
            wanted.push(Found { index, output, span });
        }
        Ok(Self(wanted))
    }

    pub(super) fn indices(&self) -> Vec<usize> {
        self.0.iter().map(|found| found.index).collect()
    }
}

/// The tensors as they are told: as they are, as classes, or written to shared memory.
///
/// # Errors
/// Shared memory that has become too short, or is too short for the tensor.
pub(super) async fn tell(
    wanted: Wanted,
    tensors: Vec<TensorOutput>,
    generation: &Arc<Generation>,
) -> Result<Vec<OutputTensor>, ServiceError> {
    let work = |(found, tensor): (&Found, &TensorOutput)| if found.is_as_it_is() { 0 } else { tensor.data.len() };
    let quick = wanted.0.iter().zip(&tensors).map(work).sum::<usize>() <= QUICK_BYTES;
    let generation = Arc::clone(generation);
    let tell =
        move || wanted.0.into_iter().zip(tensors).map(|(found, tensor)| tell_one(found, tensor, &generation)).collect();
    if quick {
        return tell();
    }
    tokio::task::spawn_blocking(tell).await.map_err(|_| lost())?
}

/// What is searched or written to shared memory within some ten microseconds; more would hold up every other request of its thread.
const QUICK_BYTES: usize = 64 << 10;

impl Found {
    /// Whether there is nothing to be done with the tensor.
    const fn is_as_it_is(&self) -> bool {
        self.output.classes.is_none() && self.span.is_none()
    }
}

fn lost() -> ServiceError {
    ServiceError::new(ServiceErrorKind::Run(RunErrorKind::Internal), "the outputs were lost; the server's log says why")
}

fn tell_one(found: Found, tensor: TensorOutput, generation: &Generation) -> Result<OutputTensor, ServiceError> {
    let Found { output, span, .. } = found;
    if let Some(count) = output.classes {
        let (shape, data) = best_classes(&tensor, count, &generation.signature);
        return Ok(OutputTensor { name: output.name, data_type: DataType::Bytes, shape, data, shared: None });
    }
    let TensorOutput { element, shape, mut data } = tensor;
    let mut shared = None;
    if let (Some(span), Some((region, offset, _))) = (span, output.shared) {
        span.write(&data)?;
        shared = Some((region, offset, data.len() as u64));
        data.clear();
    }
    Ok(OutputTensor { name: output.name, data_type: DataType::of_element(element.name()), shape, data, shared })
}

fn unknown(name: &str, signature: &Signature) -> ServiceError {
    let known: Vec<&str> = signature.outputs.iter().map(|port| port.name.as_str()).collect();
    let message = format!("the model has no output {}; it has `{}`", quoted(name), known.join("`, `"));
    ServiceError::invalid("unknown_output", message)
}
