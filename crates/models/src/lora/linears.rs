//! The linear layers of a graph: where their weights are stored, and what their module is called.

use crate::onnx::proto::{Graph, Node, Tensor};
use std::collections::HashMap;

/// A stored tensor: the graph that holds it, counted in the order of [`scopes`], and its name there.
pub(super) type TensorKey = (usize, String);

/// A product with a stored matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linear {
    pub(super) tensor: TensorKey,
    /// Stored `[out, in]` and turned round for the product.
    pub(super) turned: bool,
    /// What its module may be called: the path of its node, the name of its weights; parts divided by points.
    pub(super) paths: Vec<String>,
}

/// A graph, read: its linear layers, and how often each stored tensor is used by anything else.
#[derive(Debug, Default)]
pub(super) struct Linears {
    pub(super) all: Vec<Linear>,
    /// Uses of a tensor that are no linear layer: a table that is looked up in, say.
    pub(super) other_uses: HashMap<TensorKey, usize>,
    /// Whether casts to f32 alone read a tensor: it may as well be f32.
    pub(super) only_widened: HashMap<TensorKey, bool>,
}

/// Nodes between a product and its weights at most.
const STEPS_MAX: usize = 8;
/// Graphs inside graphs at most.
const DEPTH_MAX: usize = 8;

const FLOAT: i64 = 1;

/// A graph with what its nodes make and what it stores.
struct Scope<'a> {
    id: usize,
    parent: Option<usize>,
    makers: HashMap<&'a str, &'a Node>,
    stored: HashMap<&'a str, ()>,
    graph: &'a Graph,
}

impl Linears {
    /// Reads `graph` and the graphs in it (the branches of a merged decoder).
    pub(super) fn of(graph: &Graph) -> Self {
        let scopes = scopes(graph);
        let mut found = Self::default();
        // What is an input too says its type there.
        let inputs = graph.input.iter().map(|input| ((0, input.name.clone()), false));
        found.only_widened.extend(inputs);
        for scope in &scopes {
            for node in &scope.graph.node {
                found.look_at(&scopes, scope, node);
            }
        }
        found
    }

    fn look_at(&mut self, scopes: &[Scope<'_>], scope: &Scope<'_>, node: &Node) {
        let widens = node.op_type == "Cast" && whole(node, "to") == Some(FLOAT);
        for (index, input) in node.input.iter().enumerate() {
            if let Some(stored) = stored_in(scopes, scope.id, input) {
                *self.only_widened.entry((stored, input.clone())).or_insert(true) &= widens;
            }
            if passes_on(node) {
                continue;
            }
            let Some((tensor, turned)) = weights(scopes, scope.id, input) else { continue };
            if index != 1 || !is_product(node) {
                *self.other_uses.entry(tensor).or_default() += 1;
                continue;
            }
            let turned = turned != (node.op_type == "Gemm" && whole(node, "transB") == Some(1));
            let paths = [path_of_node(&node.name), path_of_weights(&tensor.1)].into_iter().flatten().collect();
            self.all.push(Linear { tensor, turned, paths });
        }
    }
}

/// The graph and all graphs in it, in the order in which they are met, each before those in it.
fn scopes(graph: &Graph) -> Vec<Scope<'_>> {
    let mut scopes = Vec::new();
    add_scope(&mut scopes, graph, None, 0);
    scopes
}

fn add_scope<'a>(scopes: &mut Vec<Scope<'a>>, graph: &'a Graph, parent: Option<usize>, depth: usize) {
    let id = scopes.len();
    let makers = graph.node.iter().flat_map(|node| node.output.iter().map(move |name| (name.as_str(), node)));
    let constants = graph.node.iter().filter(|node| constant(node).is_some()).filter_map(|node| node.output.first());
    let stored = graph.initializer.iter().map(|tensor| &tensor.name).chain(constants);
    let stored = stored.map(|name| (name.as_str(), ())).collect();
    scopes.push(Scope { id, parent, makers: makers.collect(), stored, graph });
    if depth < DEPTH_MAX {
        for inner in graph.node.iter().flat_map(inner_graphs) {
            add_scope(scopes, inner, Some(id), depth + 1);
        }
    }
}

/// The graphs that a node holds.
fn inner_graphs(node: &Node) -> impl Iterator<Item = &Graph> {
    node.attribute.iter().flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs))
}

/// Calls `edit` with every stored tensor and its key.
///
/// # Errors
/// The first that `edit` gives.
pub(super) fn each_tensor<E>(
    graph: &mut Graph,
    edit: &mut impl FnMut(&TensorKey, &mut Tensor) -> Result<(), E>,
) -> Result<(), E> {
    let mut next = 0;
    each_tensor_of(graph, &mut next, 0, edit)
}

fn each_tensor_of<E>(
    graph: &mut Graph,
    next: &mut usize,
    depth: usize,
    edit: &mut impl FnMut(&TensorKey, &mut Tensor) -> Result<(), E>,
) -> Result<(), E> {
    let id = *next;
    *next += 1;
    for tensor in &mut graph.initializer {
        edit(&(id, tensor.name.clone()), tensor)?;
    }
    for node in &mut graph.node {
        let name = node.output.first().cloned().unwrap_or_default();
        for attribute in &mut node.attribute {
            if let Some(tensor) = &mut attribute.t {
                edit(&(id, name.clone()), tensor)?;
            }
            let inner = attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs);
            for inner in inner.take_while(|_| depth < DEPTH_MAX) {
                each_tensor_of(inner, next, depth + 1, edit)?;
            }
        }
    }
    Ok(())
}

/// The stored tensor behind `value`, and whether it was turned round on the way.
fn weights(scopes: &[Scope<'_>], scope: usize, value: &str) -> Option<(TensorKey, bool)> {
    let (mut value, mut turned, mut scope) = (value.to_owned(), false, scope);
    for _ in 0..STEPS_MAX {
        if let Some(stored) = stored_in(scopes, scope, &value) {
            return Some(((stored, value), turned));
        }
        let (made_in, node) = maker(scopes, scope, &value)?;
        if !passes_on(node) {
            return None;
        }
        turned ^= node.op_type == "Transpose";
        scope = made_in;
        value.clone_from(node.input.first()?);
    }
    None
}

/// Whether what comes out of a node is what went in, in another type or turned round.
fn passes_on(node: &Node) -> bool {
    match node.op_type.as_str() {
        "Cast" | "Identity" => true,
        "Transpose" => node.attribute.iter().any(|attribute| attribute.name == "perm" && attribute.ints == [1, 0]),
        _ => false,
    }
}

fn is_product(node: &Node) -> bool {
    matches!(node.op_type.as_str(), "MatMul" | "Gemm")
}

fn stored_in(scopes: &[Scope<'_>], scope: usize, name: &str) -> Option<usize> {
    let found = scopes.get(scope)?;
    if found.stored.contains_key(name) { Some(scope) } else { stored_in(scopes, found.parent?, name) }
}

fn maker<'a>(scopes: &[Scope<'a>], scope: usize, name: &str) -> Option<(usize, &'a Node)> {
    let found = scopes.get(scope)?;
    match found.makers.get(name) {
        Some(node) => Some((scope, node)),
        None => maker(scopes, found.parent?, name),
    }
}

fn constant(node: &Node) -> Option<&Tensor> {
    let tensor = || node.attribute.iter().find_map(|attribute| attribute.t.as_ref());
    (node.op_type == "Constant").then(tensor).flatten()
}

fn whole(node: &Node, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name == name).and_then(|attribute| attribute.i)
}

/// `/model/decoder/layers.0/fc1/MatMul` is of `model.decoder.layers.0.fc1`.
fn path_of_node(name: &str) -> Option<String> {
    let (path, _) = name.rsplit_once('/')?;
    let path = path.trim_matches('/').replace('/', ".");
    (!path.is_empty()).then_some(path)
}

/// `decoder.layers.0.fc1.weight` and what exporters put behind it.
fn path_of_weights(name: &str) -> Option<String> {
    let (path, rest) = name.rsplit_once(".weight")?;
    let is_whole = rest.is_empty() || rest.starts_with(['.', '_', ':']);
    (is_whole && !path.is_empty()).then(|| path.replace('/', "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_told_by_its_node_or_its_weights() {
        assert_eq!(path_of_node("/e/layers.0/fc1/MatMul").as_deref(), Some("e.layers.0.fc1"));
        assert_eq!(path_of_node("/MatMul_3"), None);
        assert_eq!(path_of_weights("layers.0.fc1.weight.T.f16").as_deref(), Some("layers.0.fc1"));
        assert_eq!(path_of_weights("onnx::MatMul_227"), None);
        assert_eq!(path_of_weights("layers.0.fc1.weights"), None);
    }
}
