//! What goes into a graph and comes out: names, element types, dimensions, and the file's own metadata.

use crate::ElementType;
use std::collections::BTreeMap;

/// The inputs and outputs of a loaded model, in the file's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// What the graph takes.
    pub inputs: Vec<Port>,
    /// What the graph gives.
    pub outputs: Vec<Port>,
    /// Key and value pairs that the exporter wrote into the file (class names, stride, task).
    pub metadata: BTreeMap<String, String>,
}

/// One input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The tensor's name in the graph.
    pub name: String,
    /// The type of its elements.
    pub element: ElementType,
    /// Its axes, outermost first.
    pub dims: Vec<Dim>,
}

/// One axis of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// Always this size.
    Fixed(usize),
    /// Any size; the name, where the file gives one, says which axes go together.
    Dynamic(Option<String>),
}

impl Dim {
    /// The size, where it is fixed.
    pub const fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(*size),
            Self::Dynamic(_) => None,
        }
    }
}

impl std::fmt::Display for Dim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Dynamic(Some(name)) => f.write_str(name),
            Self::Dynamic(None) => f.write_str("?"),
        }
    }
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(ToString::to_string).collect();
        write!(f, "{} {} [{}]", self.name, self.element, dims.join(", "))
    }
}
