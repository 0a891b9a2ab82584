//! A request that is nothing but one tensor's bytes: name, type and shape are the graph's.

use super::service::TensorService;
use super::{ByteChunks, DataType, InferRequest, InputTensor, TensorData};
use crate::ServiceError;
use samovar_runtime::Port;

impl TensorService {
    /// The request that `chunks` are, for a model with one input. Of its axes without a size the last one takes what there is; those
    /// before it are 1.
    ///
    /// # Errors
    /// No such model, several inputs, and bytes that make no such tensor.
    pub async fn raw_request(
        &self,
        model: &str,
        version: Option<&str>,
        chunks: ByteChunks,
    ) -> Result<InferRequest, ServiceError> {
        let generation = self.generation(model, version).await?;
        let [port] = generation.signature.inputs.as_slice() else {
            let message = "the model has several inputs; say in JSON which bytes are whose";
            return Err(ServiceError::invalid("raw_request", message));
        };
        let misfit = || ServiceError::invalid("invalid_data_size", format!("the body's bytes make no input `{port}`"));
        let shape = raw_shape(port, chunks.len()).ok_or_else(misfit)?;
        let data_type = DataType::of_element(port.element.name());
        let input = InputTensor { name: port.name.clone(), data_type, shape, data: TensorData::Raw(chunks) };
        Ok(InferRequest { model: model.to_owned(), inputs: vec![input], ..InferRequest::default() })
    }
}

fn raw_shape(port: &Port, bytes: usize) -> Option<Vec<i64>> {
    let mut known = port.dims.iter().filter_map(samovar_runtime::Dim::fixed);
    let known = known.try_fold(port.element.size_bytes(), |bytes, size| bytes.checked_mul(size))?;
    let last = port.dims.iter().rposition(|dim| dim.fixed().is_none());
    let rest = bytes.checked_div(known).filter(|rest| rest.checked_mul(known) == Some(bytes))?;
    let size = |(axis, dim): (usize, &samovar_runtime::Dim)| {
        let open = if Some(axis) == last { rest } else { 1 };
        i64::try_from(dim.fixed().unwrap_or(open)).ok()
    };
    port.dims.iter().enumerate().map(size).collect()
}
