//! An ONNX file: signature, metadata, operators and data files, read and checked without loading a weight.
//!
//! `ModelProto` of `onnx.proto3`; see <https://onnx.ai/onnx/repo-docs/IR.html>.

use super::graph::{self, Graph};
use super::protobuf::{Field, Malformed, Source};
use super::{external, tensor};
use samovar_engine_api::{EngineError, EngineErrorKind, Signature};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// What a file says about itself.
#[derive(Clone, Debug)]
pub struct OnnxFile {
    /// What goes in and comes out, with the metadata that the exporter wrote.
    pub signature: Signature,
    /// Files beside the model that hold weights, each checked to lie in the model's folder.
    pub external_files: Vec<PathBuf>,
    /// Bytes of the model and its data files together.
    pub size_bytes: u64,
    /// Operators used anywhere in the graph: `Conv`, and with their domain where it is not ONNX's own.
    pub operators: BTreeSet<String>,
}

#[derive(Default)]
struct Model {
    ir_version: Option<u64>,
    opset_count: usize,
    graph: Option<Graph>,
    metadata: BTreeMap<String, String>,
}

impl OnnxFile {
    /// Reads and checks the model at `path`.
    ///
    /// # Errors
    /// `File` where it is absent or cannot be read; `Model` where it is empty, cut, damaged or no ONNX file, or where it refers
    /// to data outside its folder; `Unsupported` where an input or output is no tensor of a known element type.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let (file, size_bytes) = open(path)?;
        let model = read_model(&mut Source::new(file, size_bytes)).map_err(|reason| malformed(path, &reason))?;
        let (mut graph, metadata) = model.checked().map_err(|reason| malformed(path, &reason))?;
        let data = external::check(path, &graph.external).map_err(|reason| malformed(path, &reason))?;
        let operators = std::mem::take(&mut graph.operators);
        let signature = signature(graph, metadata).map_err(|reason| {
            EngineError::new(EngineErrorKind::Unsupported, format!("{}: {reason}", path.display()))
        })?;
        let size_bytes = size_bytes + data.values().sum::<u64>();
        Ok(Self { signature, external_files: data.into_keys().collect(), size_bytes, operators })
    }
}

fn open(path: &Path) -> Result<(File, u64), EngineError> {
    let failed = |error: std::io::Error| {
        EngineError::new(EngineErrorKind::File, format!("{} cannot be read: {error}", path.display()))
    };
    // Asked before it is opened: opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(EngineError::new(EngineErrorKind::File, format!("{} is not a file", path.display())));
    }
    if metadata.len() == 0 {
        return Err(malformed(path, "it is empty"));
    }
    Ok((File::open(path).map_err(failed)?, metadata.len()))
}

fn read_model(source: &mut Source) -> Result<Model, Malformed> {
    let mut model = Model::default();
    let mut message = source.message();
    while let Some(field) = message.next()? {
        match field {
            Field::Number(1, version) => model.ir_version = Some(version),
            Field::Bytes(7) => graph::read(message.child(), model.graph.get_or_insert_default())?,
            Field::Bytes(8) => model.opset_count += 1,
            Field::Bytes(14) => {
                let (key, value) = tensor::read_entry(message.child())?;
                model.metadata.insert(key, value);
            }
            Field::Bytes(25) => {
                graph::read_function(message.child(), model.graph.get_or_insert_default())?;
            }
            _ => {}
        }
    }
    Ok(model)
}

impl Model {
    /// The graph and the metadata, once the parts that every model must have were found.
    fn checked(self) -> Result<(Graph, BTreeMap<String, String>), Malformed> {
        self.ir_version.ok_or("it has no format version")?;
        let graph = self.graph.ok_or("it holds no graph")?;
        if self.opset_count == 0 {
            return Err("it names no operator set".to_owned());
        }
        if graph.outputs.is_empty() {
            return Err("its graph has no output".to_owned());
        }
        Ok((graph, self.metadata))
    }
}

fn signature(graph: Graph, metadata: BTreeMap<String, String>) -> Result<Signature, String> {
    let Graph { inputs, outputs, initializers, .. } = graph;
    let inputs = inputs.into_iter().filter(|port| !initializers.contains(&port.name));
    Ok(Signature {
        inputs: inputs.map(graph::RawPort::known).collect::<Result<_, _>>()?,
        outputs: outputs.into_iter().map(graph::RawPort::known).collect::<Result<_, _>>()?,
        metadata,
    })
}

fn malformed(path: &Path, reason: &str) -> EngineError {
    EngineError::new(EngineErrorKind::Model, format!("{} is not a usable ONNX model: {reason}", path.display()))
}
