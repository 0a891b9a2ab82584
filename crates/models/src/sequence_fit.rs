//! Whether a model scores sequences of poses, and how: recognised from the joints on the last axis of its input and from an
//! output with one number for each row.
//!
//! A picture `[batch, 3, height, width]` could have as few columns as there are joints, but then the model gives boxes,
//! classes or maps, never one number.

use crate::pose_window::Joints;
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_runtime::ContractError;

/// The input and the output of a pose-sequence model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SequenceFit {
    /// What the input's values are.
    pub(crate) element: ElementType,
    /// 2 (x, y) or 3 (and a confidence).
    pub(crate) channels: usize,
    /// Frames of a window.
    pub(crate) frames: usize,
    pub(crate) joints: Joints,
    /// Index of the output that holds the score.
    pub(crate) output: usize,
    /// The most rows in one run.
    pub(crate) batch_max: usize,
}

/// Frames of a window at most: over half a minute at any rate that anomalies are looked for at.
const FRAMES_MAX: usize = 1_024;

/// Rows in one run where the graph sets no limit: a window is some hundred times smaller than a picture.
const BATCH_MAX: usize = 256;

/// What names of scores contain, the likeliest first.
const NAMES: [&str; 4] = ["nll", "score", "anomaly", "loss"];

impl SequenceFit {
    /// The one way in which `signature` scores sequences.
    ///
    /// # Errors
    /// What was found, and what would have fitted.
    pub(crate) fn find(signature: &Signature) -> Result<Self, ContractError> {
        let [port] = signature.inputs.as_slice() else { return Err(misfit(signature, "it has not one input")) };
        let [batch, channels, frames, joints] = port.dims.as_slice() else {
            return Err(misfit(signature, "the input has not four axes"));
        };
        let channels = channels.fixed().filter(|channels| matches!(channels, 2 | 3));
        let joints = joints.fixed().and_then(Joints::of);
        let (Some(channels), Some(joints)) = (channels, joints) else {
            return Err(misfit(signature, "the input holds no joints"));
        };
        let frames = frames.fixed().filter(|frames| (2..=FRAMES_MAX).contains(frames));
        let frames = frames.ok_or_else(|| misfit(signature, "the number of frames is not fixed, or out of bounds"))?;
        if !is_number(port) {
            return Err(misfit(signature, "the input is neither FP32 nor FP16"));
        }
        let batch_max = batch_max(batch).ok_or_else(|| misfit(signature, "the batch is fixed to more than one"))?;
        Ok(Self { element: port.element, channels, frames, joints, output: score(signature)?, batch_max })
    }
}

fn batch_max(batch: &Dim) -> Option<usize> {
    match batch.fixed() {
        None => Some(BATCH_MAX),
        Some(1) => Some(1),
        Some(_) => None,
    }
}

fn score(signature: &Signature) -> Result<usize, ContractError> {
    let scores: Vec<(usize, &Port)> = signature.outputs.iter().enumerate().filter(|(_, port)| is_score(port)).collect();
    let named = |name: &&str| scores.iter().find(|(_, port)| port.name.to_lowercase().contains(*name));
    match (scores.as_slice(), NAMES.iter().find_map(named)) {
        ([(only, _)], _) | (_, Some((only, _))) => Ok(*only),
        ([], _) => Err(misfit(signature, "no output has one number for each row")),
        _ => Err(misfit(signature, "which output holds the score is not clear; name it `nll` or `score`")),
    }
}

/// `[batch]` or `[batch, 1]`.
fn is_score(port: &Port) -> bool {
    let one = |dim: &Dim| dim.fixed() == Some(1);
    is_number(port) && matches!(port.dims.as_slice(), [_] | [_, _]) && port.dims.get(1).is_none_or(one)
}

const fn is_number(port: &Port) -> bool {
    matches!(port.element, ElementType::F32 | ElementType::F16)
}

fn misfit(signature: &Signature, what: &str) -> ContractError {
    let list = |ports: &[Port]| ports.iter().map(|port| format!("`{port}`")).collect::<Vec<_>>().join(", ");
    ContractError(format!(
        "the model scores no sequences of poses: {what}. Found inputs {} and outputs {}. Expected one input [batch, 2 or 3, \
         frames, 17 or 18] with a fixed number of frames, and an output [batch] or [batch, 1]",
        list(&signature.inputs),
        list(&signature.outputs)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 is a dynamic axis.
    fn port(name: &str, dims: &[usize]) -> Port {
        let dim = |size: &usize| if *size == 0 { Dim::Dynamic(None) } else { Dim::Fixed(*size) };
        Port { name: name.to_owned(), element: ElementType::F32, dims: dims.iter().map(dim).collect() }
    }

    fn find(input: &[usize], outputs: &[(&str, &[usize])]) -> Result<SequenceFit, ContractError> {
        let outputs = outputs.iter().map(|(name, dims)| port(name, dims)).collect();
        SequenceFit::find(&Signature { inputs: vec![port("pose", input)], outputs, ..Signature::default() })
    }

    #[test]
    fn windows_of_either_skeleton_are_recognised() {
        let stg_nf = find(&[0, 2, 24, 18], &[("nll", &[0]), ("z", &[0, 2, 24, 18])]).unwrap();
        assert_eq!((stg_nf.channels, stg_nf.frames, stg_nf.joints, stg_nf.output), (2, 24, Joints::OpenPose18, 0));
        let other = find(&[1, 3, 12, 17], &[("features", &[1, 256]), ("out", &[1, 1])]).unwrap();
        assert_eq!((other.channels, other.frames, other.joints, other.output), (3, 12, Joints::Coco17, 1));
        assert_eq!((stg_nf.batch_max, other.batch_max), (BATCH_MAX, 1));
    }

    #[test]
    fn of_several_numbers_the_named_one_is_the_score() {
        let two: [(&str, &[usize]); 2] = [("log_det", &[0]), ("Anomaly_Score", &[0, 1])];
        assert_eq!(find(&[0, 2, 24, 18], &two).unwrap().output, 1);
        let unnamed: [(&str, &[usize]); 2] = [("a", &[0]), ("b", &[0])];
        assert!(find(&[0, 2, 24, 18], &unnamed).unwrap_err().0.contains("not clear"));
    }

    #[test]
    fn what_is_no_window_is_refused_with_what_was_found() {
        let score: [(&str, &[usize]); 1] = [("nll", &[0])];
        let cases: [(&[usize], &str); 7] = [
            (&[0, 3, 640, 640], "no joints"),
            (&[0, 2, 24, 19], "no joints"),
            (&[0, 4, 24, 18], "no joints"),
            (&[0, 2, 0, 18], "frames is not fixed"),
            (&[0, 2, 1 << 40, 18], "out of bounds"),
            (&[8, 2, 24, 18], "batch is fixed"),
            (&[0, 24, 18], "four axes"),
        ];
        for (input, expected) in cases {
            let message = find(input, &score).unwrap_err().0;
            assert!(message.contains(expected) && message.contains("Found inputs"), "{message}");
        }
        assert!(find(&[0, 2, 24, 18], &[("z", &[0, 2, 24, 18])]).unwrap_err().0.contains("one number"));
        assert!(SequenceFit::find(&Signature::default()).unwrap_err().0.contains("not one input"));
    }
}
