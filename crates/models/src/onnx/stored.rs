//! Reads an ONNX file whole, and the data of its tensors wherever it lies.

use super::proto::{Model, Tensor};
use bytes::Bytes;
use prost::Message;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The longest file that protobuf can write, less what is around the weights.
pub(crate) const BYTES_MAX: usize = (2 << 30) - (64 << 20);

/// Why a file, or a tensor in it, cannot be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoredError {
    /// The file, or data beside it, cannot be read or is damaged.
    #[error("{0}")]
    File(String),
    /// It is stored in a way that is not known here.
    #[error("{0}")]
    Unknown(&'static str),
}

/// The model at `path`, its tensors as they are stored.
///
/// # Errors
/// A file that cannot be read, or is no ONNX file.
pub(crate) fn read(path: &Path) -> Result<Model, StoredError> {
    let bytes = std::fs::read(path).map_err(|error| StoredError::File(error.to_string()))?;
    Model::decode(Bytes::from(bytes)).map_err(|error| StoredError::File(error.to_string()))
}

/// Reads the bytes that lie beside the model, in `folder`, into the tensor, and checks that there are as many as its sizes say.
///
/// # Errors
/// Data that is missing, elsewhere or damaged, and numbers that are no floating-point numbers.
pub(crate) fn take_in(tensor: &mut Tensor, folder: &Path) -> Result<(), StoredError> {
    if !matches!(tensor.data_type, 1 | 10 | 16) {
        return Err(StoredError::Unknown("its weights are no floating-point numbers"));
    }
    let length = length(tensor)?;
    take_in_data(tensor, folder)?;
    if tensor.raw_data.is_none() && tensor.data_type == 1 {
        let floats = std::mem::take(&mut tensor.float_data);
        tensor.raw_data = Some(floats.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into());
    }
    match &tensor.raw_data {
        Some(bytes) if bytes.len() == length => Ok(()),
        _ => Err(damaged(tensor)),
    }
}

/// Reads the bytes that lie beside the model into the tensor, whatever they are; one whose bytes lie in the model is left as it is.
///
/// # Errors
/// Data that is missing, elsewhere or damaged.
pub(crate) fn take_in_data(tensor: &mut Tensor, folder: &Path) -> Result<(), StoredError> {
    if tensor.data_location != 1 {
        return Ok(());
    }
    let length = length(tensor)?;
    let bytes = external(tensor, folder, length)?;
    if bytes.len() != length {
        return Err(damaged(tensor));
    }
    tensor.raw_data = Some(bytes);
    (tensor.data_location, tensor.external_data) = (0, Vec::new());
    Ok(())
}

/// Bytes of what the tensor declares.
fn length(tensor: &Tensor) -> Result<usize, StoredError> {
    let size = match tensor.data_type {
        2 | 3 | 9 => 1,
        4 | 5 | 10 | 16 => 2,
        1 | 6 | 12 => 4,
        7 | 11 | 13 => 8,
        _ => return Err(StoredError::Unknown("its weights are numbers of an unknown kind")),
    };
    let count = tensor.dims.iter().try_fold(size, |count: usize, &dim| count.checked_mul(usize::try_from(dim).ok()?));
    count.filter(|&length| length <= BYTES_MAX).ok_or_else(|| damaged(tensor))
}

fn damaged(tensor: &Tensor) -> StoredError {
    StoredError::File(format!("the tensor `{}` does not hold what it declares", tensor.name))
}

fn external(tensor: &Tensor, folder: &Path, length: usize) -> Result<Bytes, StoredError> {
    let failed = |reason: String| StoredError::File(format!("data beside it: {reason}"));
    let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let name = entry("location").ok_or_else(|| failed("it is not named".to_owned()))?;
    // As the engines have it: a name in the same folder, nothing else.
    if Path::new(name).components().count() != 1 || Path::new(name).file_name().is_none() {
        return Err(failed("it lies in another folder".to_owned()));
    }
    let offset =
        entry("offset").map_or(Ok(0), |offset| offset.parse::<u64>()).map_err(|error| failed(error.to_string()))?;
    // A file that says so itself is not read on into what belongs to the next tensor.
    if entry("length").is_some_and(|told| told.parse::<usize>() != Ok(length)) {
        return Err(damaged(tensor));
    }
    let mut file = File::open(folder.join(name)).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset)).map_err(|error| failed(error.to_string()))?;
    file.take(length as u64).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::{Attribute, Entry, Graph, Node};
    use proptest::prelude::*;

    /// A model with one tensor in it, one beside it and one in a branch.
    fn model() -> Model {
        let tensor = |name: &str| Tensor { dims: vec![2, 3], data_type: 1, name: name.to_owned(), ..Tensor::default() };
        let inside = Tensor { raw_data: Some(vec![1; 24].into()), ..tensor("inside") };
        let listed = Tensor { float_data: vec![0.5; 6], ..tensor("listed") };
        let entry = |key: &str, value: &str| Entry { key: key.to_owned(), value: value.to_owned() };
        let external_data = vec![entry("location", "weights"), entry("offset", "8"), entry("length", "24")];
        let beside = Tensor { external_data, data_location: 1, ..tensor("beside") };
        let branch = Graph { initializer: vec![tensor("empty")], ..Graph::default() };
        let attribute = Attribute { name: "then".to_owned(), g: Some(Box::new(branch)), ..Attribute::default() };
        let node = Node { op_type: "If".to_owned(), attribute: vec![attribute], ..Node::default() };
        let graph = Graph { node: vec![node], initializer: vec![inside, listed, beside], ..Graph::default() };
        Model { ir_version: 8, graph: Some(graph), ..Model::default() }
    }

    /// Reads a file and all of its tensors; bytes that were taken in.
    fn taken_in(path: &Path) -> Result<usize, StoredError> {
        let folder = path.parent().unwrap();
        let graph = read(path)?.graph.unwrap_or_default();
        let taken = graph.initializer.into_iter().map(|mut tensor| {
            take_in(&mut tensor, folder)?;
            Ok(tensor.raw_data.map_or(0, |bytes| bytes.len()))
        });
        Ok(taken.filter_map(|bytes: Result<usize, StoredError>| bytes.ok()).sum())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_500))]

        #[test]
        fn flipped_bytes_are_refused_or_read_and_never_more_than_there_is(
            flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut bytes = model().encode_to_vec();
            for (at, flip) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            let path = folder.path().join("model.onnx");
            std::fs::write(&path, &bytes).unwrap();
            std::fs::write(folder.path().join("weights"), [7; 40]).unwrap();
            if let Ok(taken) = taken_in(&path) {
                prop_assert!(taken <= 4 * (bytes.len() + 40), "{taken}");
            }
        }
    }

    #[test]
    fn what_is_whole_is_taken_in_and_what_declares_too_much_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(folder.path().join("weights"), [7; 40]).unwrap();
        std::fs::write(&path, model().encode_to_vec()).unwrap();
        assert_eq!(taken_in(&path), Ok(72));
        for dims in [vec![i64::MAX, i64::MAX], vec![-1, 3], vec![1 << 40], vec![7]] {
            let mut tensor = Tensor { dims, ..model().graph.unwrap().initializer[2].clone() };
            assert!(take_in(&mut tensor, folder.path()).is_err());
        }
        for location in ["", "..", "../weights", "/etc/hostname", "folder/weights"] {
            let mut tensor = model().graph.unwrap().initializer[2].clone();
            tensor.external_data[0].value = location.to_owned();
            assert!(take_in(&mut tensor, folder.path()).is_err(), "{location}");
        }
    }
}
