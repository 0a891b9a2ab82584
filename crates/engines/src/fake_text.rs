//! The text form of a fake model, so that tests of the outer crates can name a file:
//!
//! ```text
//! samovar-fake 1
//! input images FP32 batch,3,8,8
//! output scores FP32 batch,4
//! meta task detect
//! ```

use samovar_engine_api::{Dim, ElementType, EngineError, EngineErrorKind, Port, Signature};
use std::path::Path;

const FIRST_LINE: &str = "samovar-fake 1";

const ELEMENTS: [ElementType; 6] =
    [ElementType::F32, ElementType::F16, ElementType::I64, ElementType::I32, ElementType::U8, ElementType::Bool];

/// Reads the model at `path`.
///
/// # Errors
/// `File` where it cannot be read, `Model` where it is not a fake model.
pub(crate) fn read(path: &Path) -> Result<Signature, EngineError> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => bad("the file is not text"),
        _ => EngineError::new(EngineErrorKind::File, format!("{} cannot be read: {error}", path.display())),
    })?;
    parse(&text)
}

fn parse(text: &str) -> Result<Signature, EngineError> {
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err(bad(&format!("the first line is not `{FIRST_LINE}`")));
    }
    let mut signature = Signature::default();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["input", name, element, dims] => signature.inputs.push(port(name, element, dims)?),
            ["output", name, element, dims] => signature.outputs.push(port(name, element, dims)?),
            ["meta", key, ref value @ ..] => drop(signature.metadata.insert(key.to_owned(), value.join(" "))),
            _ => return Err(bad(&format!("the line `{line}` says nothing known"))),
        }
    }
    Ok(signature)
}

fn port(name: &str, element: &str, dims: &str) -> Result<Port, EngineError> {
    let element = ELEMENTS
        .into_iter()
        .find(|known| known.name() == element)
        .ok_or_else(|| bad(&format!("`{element}` is no element type")))?;
    Ok(Port { name: name.to_owned(), element, dims: dims.split(',').map(dim).collect() })
}

fn dim(text: &str) -> Dim {
    match text.parse() {
        Ok(size) => Dim::Fixed(size),
        Err(_) => Dim::Dynamic((text != "?").then(|| text.to_owned())),
    }
}

fn bad(message: &str) -> EngineError {
    EngineError::new(EngineErrorKind::Model, format!("not a fake model: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_a_few_lines() {
        let signature = parse("samovar-fake 1\ninput images FP32 batch,3,?\noutput scores FP32 batch,4\nmeta a b c\n");
        let signature = signature.unwrap();
        assert_eq!(signature.inputs[0].to_string(), "images FP32 [batch, 3, ?]");
        assert_eq!(signature.metadata["a"], "b c");
        for text in ["", "garbage", "samovar-fake 1\ninput images FP99 1", "samovar-fake 1\nwhat"] {
            assert_eq!(parse(text).unwrap_err().kind(), EngineErrorKind::Model, "{text}");
        }
    }
}
