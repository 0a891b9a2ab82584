//! Turns the stored matrices of a graph round: what products take as `[in, out]` is stored as `[out, in]` behind a `Transpose`.
//!
//! For OpenVINO, whose kernels read `[out, in]`. Of a matrix that lies the other way it makes a turned copy, packs that, and keeps
//! both; one that lies so is packed from where it is, and the graph's own is let go.

use super::wire::{Content, Counter, Fields, WireField, numbers, put_bytes, put_length, put_number};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

/// Smaller matrices are left as they are.
const MATRIX_BYTES_MIN: usize = 64 << 10;

/// What a turned value is called, behind the name of what it was made of.
const SUFFIX: &str = "/turned";

/// A model whose matrices can be turned, and which those are.
pub(crate) struct Turnable<'a> {
    model: &'a [u8],
    /// By the names of their tensors.
    matrices: HashMap<&'a str, Matrix<'a>>,
    /// The values that products take: tensors, or casts of them.
    values: HashSet<&'a str>,
}

/// A stored matrix.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    rows: usize,
    columns: usize,
    data: &'a [u8],
}

/// What is needed of a node.
struct Node<'a> {
    operator: &'a str,
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
}

impl<'a> Turnable<'a> {
    /// Looks through the bytes of an ONNX file. None where it holds no such matrix, data beside it, graphs within the graph, or anything
    /// that is not understood: it is used as it is.
    pub(crate) fn of(model: &'a [u8]) -> Option<Self> {
        let mut graph = None;
        for field in Fields::of(model) {
            match field? {
                WireField { number: 7, content: Content::Bytes(bytes), .. } if graph.is_none() => graph = Some(bytes),
                WireField { number: 7, .. } => return None,
                _ => {}
            }
        }
        let (mut nodes, mut matrices, mut outer) = (Vec::new(), HashMap::new(), HashSet::new());
        for field in Fields::of(graph?) {
            let WireField { number, content, .. } = field?;
            match (number, content) {
                (1, Content::Bytes(node)) => nodes.push(Node::of(node)?),
                (5, Content::Bytes(tensor)) => matrices.extend(Matrix::of(tensor)?),
                (11 | 12, Content::Bytes(port)) => drop(outer.insert(text_of(port, 1)?)),
                _ => {}
            }
        }
        let (kept, values) = turnable(&nodes, &matrices, &outer);
        matrices.retain(|name, _| kept.contains(name));
        (!values.is_empty()).then_some(Self { model, matrices, values })
    }

    /// Writes the model, piece by piece: no more than one turned matrix is in memory.
    ///
    /// # Errors
    /// Those of `to`.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        for field in Fields::of(self.model).flatten() {
            match field {
                WireField { number: 7, content: Content::Bytes(graph), .. } => {
                    let mut length = Counter::default();
                    self.write_graph(graph, &mut length)?;
                    put_length(to, 7, length.0)?;
                    self.write_graph(graph, to)?;
                }
                field => to.write_all(field.whole)?,
            }
        }
        Ok(())
    }

    fn write_graph(&self, graph: &[u8], to: &mut impl Write) -> io::Result<()> {
        let mut written = HashSet::new();
        for field in Fields::of(graph).flatten() {
            match (field.number, field.bytes()) {
                (1, Some(node)) => self.write_node(node, &mut written, to)?,
                (5, Some(tensor)) => self.write_tensor(tensor, to)?,
                _ => to.write_all(field.whole)?,
            }
        }
        Ok(())
    }

    /// A product, behind what turns its matrix back where that was not written yet; every other node as it is.
    fn write_node<'n>(&self, node: &'n [u8], written: &mut HashSet<&'n str>, to: &mut impl Write) -> io::Result<()> {
        let read = Node::of(node).filter(|node| node.operator == "MatMul");
        let Some(value) = read.and_then(|node| node.inputs.get(1).copied()).filter(|value| self.values.contains(value))
        else {
            return put_bytes(to, 1, node);
        };
        if written.insert(value) {
            put_bytes(to, 1, &transpose(value)?)?;
        }
        let (mut changed, mut inputs) = (Vec::with_capacity(node.len() + SUFFIX.len() + 2), 0);
        for field in Fields::of(node).flatten() {
            inputs += usize::from(field.number == 1);
            if field.number == 1 && inputs == 2 {
                put_bytes(&mut changed, 1, turned_name(value).as_bytes())?;
            } else {
                changed.extend_from_slice(field.whole);
            }
        }
        put_bytes(to, 1, &changed)
    }

    fn write_tensor(&self, tensor: &[u8], to: &mut impl Write) -> io::Result<()> {
        let matrix = text_of(tensor, 8).and_then(|name| self.matrices.get(name));
        let Some(matrix) = matrix else { return put_bytes(to, 5, tensor) };
        let mut head = Vec::new();
        for size in [matrix.columns, matrix.rows] {
            put_number(&mut head, 1, size as u64)?;
        }
        for field in Fields::of(tensor).flatten().filter(|field| !matches!(field.number, 1 | 9)) {
            head.extend_from_slice(field.whole);
        }
        put_length(&mut head, 9, matrix.data.len() as u64)?;
        put_length(to, 5, (head.len() + matrix.data.len()) as u64)?;
        to.write_all(&head)?;
        matrix.write_turned(to)
    }
}

/// The matrices that products alone take, from the right, as they are or cast; and the values in which these take them.
fn turnable<'a>(
    nodes: &[Node<'a>],
    matrices: &HashMap<&'a str, Matrix<'a>>,
    outer: &HashSet<&'a str>,
) -> (HashSet<&'a str>, HashSet<&'a str>) {
    let casts = nodes.iter().filter(|node| node.operator == "Cast");
    let casts = casts.filter_map(|node| Some((*node.outputs.first()?, *node.inputs.first()?)));
    // What a value was cast from; a matrix itself from none.
    let source: HashMap<&str, &str> = casts.filter(|(_, from)| matrices.contains_key(from)).collect();
    let matrix_of = |value: &'a str| source.get(value).copied().unwrap_or(value);
    let names: HashSet<&str> = nodes.iter().flat_map(|node| node.outputs.iter().copied()).collect();
    let (mut values, mut refused) = (HashSet::new(), HashSet::new());
    refused.extend(outer.iter().map(|&value| matrix_of(value)));
    for node in nodes {
        for (index, &value) in node.inputs.iter().enumerate() {
            let matrix = matrix_of(value);
            let is_cast = value == matrix && node.outputs.first().is_some_and(|output| source.contains_key(output));
            if is_cast || !matrices.contains_key(matrix) {
                continue;
            }
            if node.operator == "MatMul" && index == 1 && !names.contains(&*turned_name(value)) {
                values.insert(value);
            } else {
                refused.insert(matrix);
            }
        }
    }
    values.retain(|&value| !refused.contains(matrix_of(value)));
    (values.iter().map(|&value| matrix_of(value)).collect(), values)
}

impl<'a> Node<'a> {
    /// None where a graph lies in it, whose nodes may use what is stored outside.
    fn of(node: &'a [u8]) -> Option<Self> {
        let mut read = Self { operator: "", inputs: Vec::new(), outputs: Vec::new() };
        for field in Fields::of(node) {
            let field = field?;
            match field.number {
                1 => read.inputs.push(field.text()?),
                2 => read.outputs.push(field.text()?),
                4 => read.operator = field.text()?,
                5 if Fields::of(field.bytes()?)
                    .any(|field| field.is_none_or(|field| matches!(field.number, 6 | 11))) =>
                {
                    return None;
                }
                _ => {}
            }
        }
        Some(read)
    }
}

impl<'a> Matrix<'a> {
    /// The tensor's name and matrix, where it is one of floating-point numbers in this file that is worth it. None, for the whole model,
    /// where its data lie beside the model.
    fn of(tensor: &'a [u8]) -> Option<Option<(&'a str, Self)>> {
        let (mut name, mut dims, mut data, mut size) = ("", Vec::new(), None, None);
        for field in Fields::of(tensor) {
            let field = field?;
            match (field.number, field.content) {
                (1, content) => dims.extend(numbers(content)?),
                (2, Content::Number(code)) => size = element_bytes(code),
                (8, _) => name = field.text()?,
                (9, Content::Bytes(bytes)) => data = Some(bytes),
                (14, Content::Number(place)) if place != 0 => return None,
                _ => {}
            }
        }
        let matrix = || {
            let [rows, columns] = <[u64; 2]>::try_from(dims).ok()?;
            let [rows, columns] = [usize::try_from(rows).ok()?, usize::try_from(columns).ok()?];
            let (data, size) = data.zip(size)?;
            let fits = rows.checked_mul(columns).and_then(|count| count.checked_mul(size)) == Some(data.len());
            (fits && data.len() >= MATRIX_BYTES_MIN).then_some((name, Self { rows, columns, data }))
        };
        Some(matrix())
    }

    /// Writes the numbers column by column.
    fn write_turned(&self, to: &mut impl Write) -> io::Result<()> {
        /// Rows and columns that are turned at a time, so that what is read stays at hand until all of it was used.
        const TILE: usize = 32;
        let size = self.data.len() / (self.rows * self.columns);
        let mut strip = vec![0; TILE * self.rows * size];
        for left in (0..self.columns).step_by(TILE) {
            let width = TILE.min(self.columns - left);
            for top in (0..self.rows).step_by(TILE) {
                for row in top..self.rows.min(top + TILE) {
                    let from = &self.data[(row * self.columns + left) * size..][..width * size];
                    for (column, number) in from.chunks_exact(size).enumerate() {
                        strip[(column * self.rows + row) * size..][..size].copy_from_slice(number);
                    }
                }
            }
            to.write_all(&strip[..width * self.rows * size])?;
        }
        Ok(())
    }
}

/// Bytes of a floating-point number of that `TensorProto.DataType`.
const fn element_bytes(code: u64) -> Option<usize> {
    match code {
        1 => Some(4),
        10 | 16 => Some(2),
        _ => None,
    }
}

fn turned_name(value: &str) -> String {
    format!("{value}{SUFFIX}")
}

/// A node that turns the stored matrix behind `value` back.
fn transpose(value: &str) -> io::Result<Vec<u8>> {
    let (mut attribute, mut node, name) = (Vec::new(), Vec::new(), turned_name(value));
    put_bytes(&mut attribute, 1, b"perm")?;
    put_number(&mut attribute, 8, 1)?;
    put_number(&mut attribute, 8, 0)?;
    // AttributeProto.AttributeType.INTS
    put_number(&mut attribute, 20, 7)?;
    put_bytes(&mut node, 1, value.as_bytes())?;
    put_bytes(&mut node, 2, name.as_bytes())?;
    put_bytes(&mut node, 3, name.as_bytes())?;
    put_bytes(&mut node, 4, b"Transpose")?;
    put_bytes(&mut node, 5, &attribute)?;
    Ok(node)
}

/// The first field of that number, as text.
fn text_of(message: &[u8], number: u64) -> Option<&str> {
    Fields::of(message).map_while(|field| field).find(|field| field.number == number)?.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 70;
    const COLUMNS: usize = 300;

    fn tensor(name: &str, code: u64, data: &[u8]) -> Vec<u8> {
        let mut tensor = Vec::new();
        put_number(&mut tensor, 1, ROWS as u64).unwrap();
        put_number(&mut tensor, 1, COLUMNS as u64).unwrap();
        put_number(&mut tensor, 2, code).unwrap();
        put_bytes(&mut tensor, 9, data).unwrap();
        put_bytes(&mut tensor, 8, name.as_bytes()).unwrap();
        tensor
    }

    fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
        let mut node = Vec::new();
        inputs.iter().for_each(|input| put_bytes(&mut node, 1, input.as_bytes()).unwrap());
        put_bytes(&mut node, 2, output.as_bytes()).unwrap();
        put_bytes(&mut node, 4, operator.as_bytes()).unwrap();
        node
    }

    fn model(nodes: &[Vec<u8>], tensors: &[Vec<u8>]) -> Vec<u8> {
        let (mut graph, mut model, mut port) = (Vec::new(), Vec::new(), Vec::new());
        put_bytes(&mut port, 1, b"y").unwrap();
        nodes.iter().for_each(|node| put_bytes(&mut graph, 1, node).unwrap());
        tensors.iter().for_each(|tensor| put_bytes(&mut graph, 5, tensor).unwrap());
        put_bytes(&mut graph, 12, &port).unwrap();
        put_number(&mut model, 1, 8).unwrap();
        put_bytes(&mut model, 7, &graph).unwrap();
        put_bytes(&mut model, 14, b"metadata").unwrap();
        model
    }

    fn data() -> Vec<u8> {
        (0..ROWS * COLUMNS).flat_map(|at| (at as f32).to_le_bytes()).collect()
    }

    /// The nodes as operator and inputs, and the stored matrices.
    fn contents(model: &[u8]) -> (Vec<String>, Vec<Matrix<'_>>) {
        let graph = Fields::of(model).map(Option::unwrap).find(|field| field.number == 7).unwrap().bytes().unwrap();
        let fields: Vec<_> = Fields::of(graph).map(Option::unwrap).collect();
        let of = |number| fields.iter().filter(move |field| field.number == number).filter_map(WireField::bytes);
        let nodes =
            of(1).map(|node| Node::of(node).unwrap()).map(|node| format!("{} {:?}", node.operator, node.inputs));
        (nodes.collect(), of(5).map(|tensor| Matrix::of(tensor).unwrap().unwrap().1).collect())
    }

    fn turned(model: &[u8]) -> Vec<u8> {
        let mut written = Vec::new();
        Turnable::of(model).unwrap().write(&mut written).unwrap();
        written
    }

    #[test]
    fn what_products_take_from_the_right_is_turned_once_and_turned_back_for_them() {
        let nodes = [
            node("Cast", &["w"], "cast"),
            node("MatMul", &["x", "cast"], "z"),
            node("MatMul", &["z", "cast"], "u"),
            node("MatMul", &["u", "v"], "y"),
        ];
        let model = model(&nodes, &[tensor("w", 1, &data()), tensor("v", 1, &data())]);
        let written = turned(&model);
        let (nodes, matrices) = contents(&written);
        let expected = [
            r#"Cast ["w"]"#,
            r#"Transpose ["cast"]"#,
            r#"MatMul ["x", "cast/turned"]"#,
            r#"MatMul ["z", "cast/turned"]"#,
            r#"Transpose ["v"]"#,
            r#"MatMul ["u", "v/turned"]"#,
        ];
        assert_eq!(nodes, expected);
        for matrix in matrices {
            assert_eq!((matrix.rows, matrix.columns), (COLUMNS, ROWS));
            let number = |at: usize| f32::from_le_bytes(matrix.data[4 * at..][..4].try_into().unwrap());
            for (row, column) in [(0, 0), (1, 0), (0, 1), (33, 257), (ROWS - 1, COLUMNS - 1)] {
                assert_eq!(number(column * ROWS + row), (row * COLUMNS + column) as f32);
            }
        }
        assert!(written.ends_with(b"metadata"), "what is not looked into stays");
    }

    #[test]
    fn what_anything_else_takes_stays_as_it_is() {
        let used = |nodes: &[Vec<u8>]| Turnable::of(&model(nodes, &[tensor("w", 1, &data())])).is_some();
        let product = || node("MatMul", &["x", "w"], "y");
        assert!(used(&[product()]));
        assert!(!used(&[product(), node("Gather", &["w", "x"], "z")]), "rows are looked up in it too");
        assert!(!used(&[node("MatMul", &["w", "x"], "y")]), "it is the left side");
        assert!(!used(&[node("MatMul", &["x", "w"], "y"), node("Cast", &["w"], "y")]), "it is given out");
        assert!(!used(&[product(), node("Relu", &["x"], "w/turned")]), "the name is taken");
        let integers = model(&[product()], &[tensor("w", 6, &data())]);
        assert!(Turnable::of(&integers).is_none());
        let short = model(&[product()], &[tensor("w", 1, &data()[4..])]);
        assert!(Turnable::of(&short).is_none());
    }

    #[test]
    fn graphs_in_the_graph_data_beside_it_and_damage_leave_the_model_as_it_is() {
        let product = node("MatMul", &["x", "w"], "y");
        let mut branch = node("If", &["x"], "z");
        let mut attribute = Vec::new();
        put_bytes(&mut attribute, 6, &[]).unwrap();
        put_bytes(&mut branch, 5, &attribute).unwrap();
        assert!(Turnable::of(&model(&[product.clone(), branch], &[tensor("w", 1, &data())])).is_none());
        let mut beside = tensor("v", 1, &[]);
        put_number(&mut beside, 14, 1).unwrap();
        assert!(Turnable::of(&model(std::slice::from_ref(&product), &[tensor("w", 1, &data()), beside])).is_none());
        let whole = model(&[product], &[tensor("w", 1, &data())]);
        assert!((1..200).all(|cut| Turnable::of(&whole[..whole.len() - cut]).is_none() || cut == 10));
    }
}
