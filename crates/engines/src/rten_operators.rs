//! Which operators the built-in engine lacks, told without loading a model.
//!
//! rten keeps its list to itself, but says so when it meets a node that is not on it. So it is given graphs of one bare node each: that is
//! pure Rust on a hundred bytes, and takes microseconds. The other engines are not asked that way: what they say of a bare node is about
//! its missing inputs, and some of them end the process.

use rten::{Model, ModelOptions};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Those of `operators`, as [`OnnxFile`](crate::OnnxFile) tells them, that rten does not have.
pub fn rten_lacks(operators: &BTreeSet<String>) -> Vec<&str> {
    operators.iter().map(String::as_str).filter(|operator| !knows(operator)).collect()
}

fn knows(operator: &str) -> bool {
    let (domain, name) = operator.rsplit_once('.').unwrap_or(("", operator));
    let load = || -> Option<String> {
        let mut options = ModelOptions::with_all_ops();
        options.enable_optimization(false);
        let loaded: Result<Model, _> = options.load(graph_of(domain, name));
        loaded.err().map(|error| error.to_string())
    };
    // A panic over the missing inputs is no word about the operator.
    let told = catch_unwind(AssertUnwindSafe(load)).unwrap_or(None);
    told.is_none_or(|told| !told.contains(UNKNOWN))
}

/// What rten's error says of an operator that it does not have.
const UNKNOWN: &str = "not supported or not enabled";

/// A `ModelProto` with one node; see <https://onnx.ai/onnx/repo-docs/IR.html>.
fn graph_of(domain: &str, operator: &str) -> Vec<u8> {
    const IR_VERSION: u8 = 8;
    const OPSET: u8 = 17;
    let output = || field(1, b"y");
    let node = [field(2, b"y"), field(4, operator.as_bytes()), field(7, domain.as_bytes())].concat();
    let graph = [field(1, &node), field(2, b"g"), field(12, &output())].concat();
    let standard = vec![2 << 3, OPSET];
    let own = [field(1, domain.as_bytes()), vec![2 << 3, 1]].concat();
    let opsets = if domain.is_empty() { field(8, &standard) } else { [field(8, &standard), field(8, &own)].concat() };
    [vec![1 << 3, IR_VERSION], field(7, &graph), opsets].concat()
}

/// A field of bytes; names and graphs here are shorter than two to the fourteenth.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().min(0x3fff);
    let size = if length < 0x80 { vec![length as u8] } else { vec![length as u8 | 0x80, (length >> 7) as u8] };
    [vec![number << 3 | 2], size, bytes[..length].to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(operators: &[&str]) -> Vec<String> {
        let operators: BTreeSet<String> = operators.iter().map(|name| (*name).to_owned()).collect();
        rten_lacks(&operators).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn operators_that_it_has_are_known_and_others_are_named() {
        let usual = ["Conv", "Relu", "MatMul", "Softmax", "If", "Loop", "Resize", "LSTM", "MatMulInteger", "Constant"];
        assert_eq!(lacks(&usual), [""; 0]);
        let others = ["Conv", "Frobnicate", "StringNormalizer", "com.microsoft.NoSuchThing", &"X".repeat(300)];
        assert_eq!(lacks(&others).len(), 4, "{:?}", lacks(&others));
    }
}
