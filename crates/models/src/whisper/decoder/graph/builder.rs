//! Writes a graph node by node.

use super::proto::{Attribute, Dimension, Graph, Model, Node, OperatorSet, Shape, Tensor, TensorType, Type, ValueInfo};
use bytes::Bytes;
use samovar_engine_api::ElementType;
use std::collections::BTreeSet;

/// The operator set: the first that has LayerNormalization.
const OPERATORS: i64 = 17;

/// An axis: a size, or a name for any size.
#[derive(Clone, Copy)]
pub(super) enum Axis {
    Of(usize),
    Any(&'static str),
}

/// The nodes, weights, inputs and outputs so far. Every value has the name of what made it.
#[derive(Default)]
pub(super) struct Builder {
    graph: Graph,
    weights: BTreeSet<String>,
    count: usize,
}

impl Builder {
    /// An input of the graph.
    pub(super) fn input(&mut self, name: &str, element: ElementType, axes: &[Axis]) -> String {
        self.graph.input.push(port(name, element, axes));
        name.to_owned()
    }

    /// Makes `value` an output of the graph under `name`, cast to `element`.
    pub(super) fn output(&mut self, value: &str, name: &str, element: ElementType, axes: &[Axis]) {
        let (operator, attributes) = match element {
            ElementType::F32 => ("Identity", Vec::new()),
            other => ("Cast", vec![whole("to", data_type(other).into())]),
        };
        self.push(operator, &[value], attributes, name.to_owned());
        self.graph.output.push(port(name, element, axes));
    }

    /// Adds a node of one output and gives the output's name.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        self.count += 1;
        let output = format!("{operator}_{}", self.count);
        self.push(operator, inputs, attributes, output.clone());
        output
    }

    /// `value`, which holds `element`, as f32.
    pub(super) fn as_f32(&mut self, value: &str, element: i32) -> String {
        if element == data_type(ElementType::F32) {
            return value.to_owned();
        }
        self.node("Cast", &[value], vec![whole("to", data_type(ElementType::F32).into())])
    }

    /// A stored tensor as it is, once however often it is asked for.
    pub(super) fn stored(&mut self, name: &str, tensor: &Tensor) -> String {
        if self.weights.insert(name.to_owned()) {
            self.graph.initializer.push(Tensor { name: name.to_owned(), ..tensor.clone() });
        }
        name.to_owned()
    }

    /// A stored tensor as f32.
    pub(super) fn weight(&mut self, name: &str, tensor: &Tensor) -> String {
        let stored = self.stored(name, tensor);
        self.as_f32(&stored, tensor.data_type)
    }

    /// Whole numbers as a list, named by themselves.
    pub(super) fn wholes(&mut self, values: &[i64]) -> String {
        let name = values.iter().fold("wholes".to_owned(), |name, value| format!("{name}_{value}"));
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let dims = vec![i64::try_from(values.len()).unwrap_or(0)];
        self.stored(&name, &Tensor { dims, ..tensor(ElementType::I64, raw) })
    }

    /// A scalar, named by itself.
    pub(super) fn number(&mut self, value: f32) -> String {
        self.stored(&format!("number_{value}"), &tensor(ElementType::F32, value.to_le_bytes().to_vec()))
    }

    /// The finished file.
    pub(super) fn model(mut self, name: &str) -> Model {
        name.clone_into(&mut self.graph.name);
        let opset_import = vec![OperatorSet { domain: String::new(), version: OPERATORS }];
        let producer_name = "samovar".to_owned();
        Model { ir_version: 8, producer_name, graph: Some(self.graph), opset_import, ..Model::default() }
    }

    fn push(&mut self, operator: &str, inputs: &[&str], attribute: Vec<Attribute>, output: String) {
        self.graph.node.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            name: format!("node_{output}"),
            output: vec![output],
            op_type: operator.to_owned(),
            attribute,
            ..Node::default()
        });
    }
}

/// A whole number as an attribute.
pub(super) fn whole(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), i: Some(value), kind: 2, ..Attribute::default() }
}

/// A number as an attribute.
pub(super) fn real(name: &str, value: f32) -> Attribute {
    Attribute { name: name.to_owned(), f: Some(value), kind: 1, ..Attribute::default() }
}

/// A list of whole numbers as an attribute.
pub(super) fn list(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.to_owned(), ints: values.to_vec(), kind: 7, ..Attribute::default() }
}

/// `TensorProto.DataType` of the types that occur here.
pub(super) const fn data_type(element: ElementType) -> i32 {
    match element {
        ElementType::I64 => 7,
        ElementType::F16 => 10,
        ElementType::Bf16 => 16,
        _ => 1,
    }
}

fn tensor(element: ElementType, raw: Vec<u8>) -> Tensor {
    Tensor { data_type: data_type(element), raw_data: Some(Bytes::from(raw)), ..Tensor::default() }
}

fn port(name: &str, element: ElementType, axes: &[Axis]) -> ValueInfo {
    let dim = axes.iter().map(|axis| match axis {
        Axis::Of(size) => Dimension { size: i64::try_from(*size).ok(), ..Dimension::default() },
        Axis::Any(name) => Dimension { name: Some((*name).to_owned()), ..Dimension::default() },
    });
    let tensor = TensorType { element: data_type(element), shape: Some(Shape { dim: dim.collect() }) };
    let kind = Some(Type { tensor: Some(tensor), ..Type::default() });
    ValueInfo { name: name.to_owned(), kind, ..ValueInfo::default() }
}
