//! Where a graph's values come from: nodes and stored tensors by the names of what they give.

use super::proto::{Graph, Node, Tensor};
use super::weights::{Linear, Matrix, Norm};
use std::collections::HashMap;

/// How many nodes are looked through at most on the way back from a value.
const STEPS_MAX: usize = 64;

/// A graph, read backwards.
pub(super) struct Flow<'a> {
    makers: HashMap<&'a str, &'a Node>,
    stored: HashMap<&'a str, &'a Tensor>,
    /// Names of a branch's outputs by the names that they have outside.
    outer: HashMap<&'a str, &'a str>,
}

impl<'a> Flow<'a> {
    /// Reads `graph`; of a merged decoder (an `If` around both forms) the branch that takes the encoder's output.
    pub(super) fn new(graph: &'a Graph) -> Self {
        let mut flow = Self { makers: HashMap::new(), stored: HashMap::new(), outer: HashMap::new() };
        flow.add(graph);
        for node in graph.node.iter().filter(|node| node.op_type == "If") {
            let branches = node.attribute.iter().filter_map(|attribute| attribute.g.as_deref());
            if let Some(branch) = branches.into_iter().find(|branch| reads(branch, "encoder_hidden_states")) {
                let inner = branch.output.iter().map(|value| value.name.as_str());
                flow.outer.extend(node.output.iter().map(String::as_str).zip(inner));
                flow.add(branch);
            }
        }
        flow
    }

    fn add(&mut self, graph: &'a Graph) {
        self.stored.extend(graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)));
        for node in &graph.node {
            let constant = (node.op_type == "Constant").then(|| node.attribute.iter().find_map(|a| a.t.as_ref()));
            if let (Some(Some(tensor)), Some(name)) = (constant, node.output.first()) {
                self.stored.insert(name, tensor);
            }
            self.makers.extend(node.output.iter().map(|name| (name.as_str(), node)));
        }
    }

    /// What makes `value`, behind nodes that change nothing.
    pub(super) fn maker(&self, value: &'a str) -> Option<&'a Node> {
        let mut value = value;
        for _ in 0..STEPS_MAX {
            value = self.outer.get(value).copied().unwrap_or(value);
            let node = *self.makers.get(value)?;
            match node.op_type.as_str() {
                "Identity" | "Dropout" => value = node.input.first()?,
                _ => return Some(node),
            }
        }
        None
    }

    /// The stored tensor behind `value`: through casts, and turned round where it says so.
    pub(super) fn matrix(&self, value: &'a str) -> Option<Matrix> {
        let (mut value, mut turned) = (value, false);
        for _ in 0..STEPS_MAX {
            if let Some(&tensor) = self.stored.get(value) {
                return Some(Matrix { tensor: tensor.clone(), turned });
            }
            let node = *self.makers.get(value)?;
            match node.op_type.as_str() {
                "Cast" | "Identity" => {}
                "Transpose" if ints(node, "perm") == [1, 0] => turned = !turned,
                _ => return None,
            }
            value = node.input.first()?;
        }
        None
    }

    /// The stored list behind `value`.
    pub(super) fn vector(&self, value: &'a str) -> Option<Tensor> {
        self.matrix(value).filter(|matrix| matrix.tensor.dims.len() == 1).map(|matrix| matrix.tensor)
    }

    /// `value` as `x · matrix + bias`, with x.
    pub(super) fn linear(&self, value: &'a str) -> Option<(Linear, &'a str)> {
        let node = self.maker(value)?;
        match node.op_type.as_str() {
            "Add" => {
                let (bias, other) = self.one_of(node, |flow, input| flow.vector(input))?;
                let (linear, input) = self.linear(other).filter(|(linear, _)| linear.bias.is_none())?;
                Some((Linear { bias: Some(bias), ..linear }, input))
            }
            "MatMul" => {
                let matrix = self.matrix(node.input.get(1)?).filter(|matrix| matrix.tensor.dims.len() == 2)?;
                Some((Linear { matrix, bias: None }, node.input.first()?))
            }
            _ => None,
        }
    }

    /// `value` as a layer normalisation, with what it normalises: one node, or the ten that older exports write.
    pub(super) fn norm(&self, value: &'a str) -> Option<(Norm, &'a str)> {
        let node = self.maker(value)?;
        if node.op_type == "LayerNormalization" {
            let [input, scale, shift] = node.input.as_slice() else { return None };
            return Some((Norm { scale: self.vector(scale)?, shift: self.vector(shift)? }, input));
        }
        let node = Some(node).filter(|node| node.op_type == "Add")?;
        let (shift, scaled) = self.one_of(node, |flow, input| flow.vector(input))?;
        let node = self.maker(scaled).filter(|node| node.op_type == "Mul")?;
        let (scale, even) = self.one_of(node, |flow, input| flow.vector(input))?;
        let node = self.maker(even).filter(|node| node.op_type == "Div")?;
        let node = self.maker(node.input.first()?).filter(|node| node.op_type == "Sub")?;
        Some((Norm { scale, shift }, node.input.first()?))
    }

    /// The linear layer behind `value`, with x: through nodes that split, turn, scale and bend.
    pub(super) fn linear_behind(&self, value: &'a str) -> Option<(Linear, &'a str)> {
        self.behind(value, |flow, value| flow.linear(value))
    }

    /// What `find` finds first on the way back from `value`, nearest first.
    pub(super) fn behind<T>(&self, value: &'a str, find: impl Fn(&Self, &'a str) -> Option<T>) -> Option<T> {
        let mut waiting = std::collections::VecDeque::from([value]);
        for _ in 0..STEPS_MAX {
            let value = waiting.pop_front()?;
            if let Some(found) = find(self, value) {
                return Some(found);
            }
            let Some(node) = self.maker(value) else { continue };
            // Behind the first input of these are values, behind the others are sizes.
            let sizes = ["Reshape", "Unsqueeze", "Expand", "Slice", "Squeeze", "Cast", "Transpose", "Gather"];
            let inputs = if sizes.contains(&node.op_type.as_str()) { 1 } else { node.input.len() };
            waiting.extend(node.input.iter().take(inputs).map(String::as_str));
        }
        None
    }

    /// The input of a node of two for which `find` finds something, and the other one.
    pub(super) fn one_of<T>(&self, node: &'a Node, find: impl Fn(&Self, &'a str) -> Option<T>) -> Option<(T, &'a str)> {
        let [left, right] = node.input.as_slice() else { return None };
        let found = find(self, left).map(|found| (found, right.as_str()));
        found.or_else(|| find(self, right).map(|found| (found, left.as_str())))
    }
}

/// A node's list of that name.
fn ints<'a>(node: &'a Node, name: &str) -> &'a [i64] {
    node.attribute.iter().find(|attribute| attribute.name == name).map_or(&[], |attribute| &attribute.ints)
}

fn reads(graph: &Graph, value: &str) -> bool {
    graph.node.iter().any(|node| node.input.iter().any(|input| input == value))
}
