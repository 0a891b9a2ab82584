//! `GraphProto` and what it holds: ports, operators, stored tensors, subgraphs.
//!
//! Field numbers are those of `onnx.proto3` (onnx 1.19).

use super::protobuf::{Field, Malformed, Message};
use super::tensor::{self, ExternalRange};
use samovar_engine_api::{Dim, Port};
use std::collections::BTreeSet;

/// Subgraphs in subgraphs (an `If` in a `Loop` in …) deeper than this are refused.
const DEPTH_MAX: usize = 32;

/// What is needed of a graph and all its subgraphs.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The ports of the outermost graph, initialisers included.
    pub(super) inputs: Vec<RawPort>,
    /// The outputs of the outermost graph.
    pub(super) outputs: Vec<RawPort>,
    /// Names of the outermost graph's stored tensors.
    pub(super) initializers: BTreeSet<String>,
    /// `Conv`, `com.microsoft.FusedConv`: every operator used anywhere.
    pub(super) operators: BTreeSet<String>,
    /// Data outside the file, of all tensors anywhere.
    pub(super) external: Vec<ExternalRange>,
}

/// An input or output as the file has it.
#[derive(Debug, Default)]
pub(super) struct RawPort {
    pub(super) name: String,
    /// `TensorProto.DataType`; none where it is no tensor.
    pub(super) element: Option<u64>,
    pub(super) dims: Vec<Dim>,
}

impl RawPort {
    /// The port, where its type is one that Samovar knows.
    pub(super) fn known(self) -> Result<Port, String> {
        let element = self.element.and_then(tensor::element_type);
        let element = element.ok_or_else(|| format!("`{}` is no tensor of a known element type", self.name))?;
        Ok(Port { name: self.name, element, dims: self.dims })
    }
}

/// Reads the outermost graph.
pub(super) fn read(mut message: Message<'_>, graph: &mut Graph) -> Result<(), Malformed> {
    while let Some(field) = message.next()? {
        match field {
            Field::Bytes(11) => graph.inputs.push(read_port(message.child())?),
            Field::Bytes(12) => graph.outputs.push(read_port(message.child())?),
            field => graph.take(field, &mut message, 0)?,
        }
    }
    Ok(())
}

/// Reads a `FunctionProto` for its operators and stored tensors.
pub(super) fn read_function(mut message: Message<'_>, graph: &mut Graph) -> Result<(), Malformed> {
    while let Some(field) = message.next()? {
        if field == Field::Bytes(7) {
            graph.take_node(message.child(), 1)?;
        }
    }
    Ok(())
}

impl Graph {
    /// Takes what the outermost graph and its subgraphs have in common.
    fn take(&mut self, field: Field, message: &mut Message<'_>, depth: usize) -> Result<(), Malformed> {
        match field {
            Field::Bytes(1) => self.take_node(message.child(), depth),
            Field::Bytes(5) => {
                let name = self.take_tensor(message.child())?;
                if depth == 0 {
                    self.initializers.insert(name);
                }
                Ok(())
            }
            Field::Bytes(15) => self.take_sparse(message.child()),
            _ => Ok(()),
        }
    }

    fn take_node(&mut self, mut message: Message<'_>, depth: usize) -> Result<(), Malformed> {
        let (mut operator, mut domain) = (String::new(), String::new());
        while let Some(field) = message.next()? {
            match field {
                Field::Bytes(4) => operator = message.text()?,
                Field::Bytes(5) => self.take_attribute(message.child(), depth)?,
                Field::Bytes(7) => domain = message.text()?,
                _ => {}
            }
        }
        let is_standard = domain.is_empty() || domain == "ai.onnx";
        self.operators.insert(if is_standard { operator } else { format!("{domain}.{operator}") });
        Ok(())
    }

    fn take_attribute(&mut self, mut message: Message<'_>, depth: usize) -> Result<(), Malformed> {
        while let Some(field) = message.next()? {
            match field {
                Field::Bytes(5 | 10) => drop(self.take_tensor(message.child())?),
                Field::Bytes(6 | 11) => self.take_subgraph(message.child(), depth + 1)?,
                Field::Bytes(22 | 23) => self.take_sparse(message.child())?,
                _ => {}
            }
        }
        Ok(())
    }

    fn take_subgraph(&mut self, mut message: Message<'_>, depth: usize) -> Result<(), Malformed> {
        if depth > DEPTH_MAX {
            return Err(format!("subgraphs are nested deeper than {DEPTH_MAX}"));
        }
        while let Some(field) = message.next()? {
            self.take(field, &mut message, depth)?;
        }
        Ok(())
    }

    fn take_tensor(&mut self, message: Message<'_>) -> Result<String, Malformed> {
        let tensor = tensor::read(message)?;
        self.external.extend(tensor.external);
        Ok(tensor.name)
    }

    fn take_sparse(&mut self, mut message: Message<'_>) -> Result<(), Malformed> {
        while let Some(field) = message.next()? {
            if let Field::Bytes(1 | 2) = field {
                self.take_tensor(message.child())?;
            }
        }
        Ok(())
    }
}

fn read_port(mut message: Message<'_>) -> Result<RawPort, Malformed> {
    let mut port = RawPort::default();
    while let Some(field) = message.next()? {
        match field {
            Field::Bytes(1) => port.name = message.text()?,
            Field::Bytes(2) => read_type(message.child(), &mut port)?,
            _ => {}
        }
    }
    Ok(port)
}

fn read_type(mut message: Message<'_>, port: &mut RawPort) -> Result<(), Malformed> {
    while let Some(field) = message.next()? {
        if field == Field::Bytes(1) {
            read_tensor_type(message.child(), port)?;
        }
    }
    Ok(())
}

fn read_tensor_type(mut message: Message<'_>, port: &mut RawPort) -> Result<(), Malformed> {
    while let Some(field) = message.next()? {
        match field {
            Field::Number(1, code) => port.element = Some(code),
            Field::Bytes(2) => read_shape(message.child(), port)?,
            _ => {}
        }
    }
    Ok(())
}

fn read_shape(mut message: Message<'_>, port: &mut RawPort) -> Result<(), Malformed> {
    while let Some(field) = message.next()? {
        if field == Field::Bytes(1) {
            port.dims.push(read_dim(message.child())?);
        }
    }
    Ok(())
}

/// A size of zero or less is how some exporters write *any*.
fn read_dim(mut message: Message<'_>) -> Result<Dim, Malformed> {
    let mut dim = Dim::Dynamic(None);
    while let Some(field) = message.next()? {
        match field {
            Field::Number(1, size) if size.cast_signed() > 0 => {
                dim = Dim::Fixed(usize::try_from(size).map_err(|error| error.to_string())?);
            }
            Field::Bytes(2) => dim = Dim::Dynamic(Some(message.text()?).filter(|name| !name.is_empty())),
            _ => {}
        }
    }
    Ok(dim)
}
