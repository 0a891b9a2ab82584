//! Every engine gives rten's f32 numbers, within a relative difference of 1e-4 per output.
//!
//! Why 1e-4: engines sum in different orders, which costs 1e-6 to 1e-5 over the depth of these networks; a wrong operator, padding
//! or layout costs 1e-2 and more.

use crate::agreement::compare;
use crate::inputs::{self, Fill};
use crate::machine;
use samovar_engine_api::{Engine, LoadOptions, ModelFiles};

const RELATIVE_MAX: f64 = 1e-4;

/// Outputs that are all next to zero (scores where nothing is) are compared by this instead: ONNX Runtime's sigmoid stops at 1e-8.
const ABSOLUTE_MAX: f64 = 1e-6;

/// A model, what its inputs hold, and the sizes of its first and other dynamic axes.
pub struct Case {
    pub file: &'static str,
    pub fills: &'static [Fill],
    pub batch: usize,
    pub others: usize,
}

impl Case {
    pub const fn picture(file: &'static str) -> Self {
        Self { file, fills: &[Fill::Picture(1.0)], batch: 1, others: 1 }
    }
}

const CASES: [Case; 18] = [
    Case::picture("starter-detect.onnx"),
    Case::picture("starter-pose.onnx"),
    Case::picture("starter-segment-fast.onnx"),
    Case::picture("starter-segment-balanced.onnx"),
    Case::picture("starter-segment-accurate.onnx"),
    Case::picture("starter-segment-sota.onnx"),
    Case { fills: &[Fill::Tone], ..Case::picture("starter-stg-nf.onnx") },
    Case { fills: &[Fill::Tone], ..Case::picture("starter-whisper/onnx/encoder_model.onnx") },
    Case {
        file: "starter-whisper/onnx/decoder_model.onnx",
        fills: &[Fill::Tokens(2_000), Fill::Tone],
        batch: 2,
        others: 7,
    },
    Case::picture("yolov8n/yolov8n.onnx"),
    Case { others: 320, ..Case::picture("yolov8n/yolov8n_dyn.onnx") },
    Case::picture("yolov8n-pose/yolov8n-pose.onnx"),
    Case { fills: &[Fill::Picture(255.0)], ..Case::picture("yolox-nano/yolox_nano.onnx") },
    Case {
        file: "minilm/model.onnx",
        fills: &[Fill::Tokens(29_000), Fill::Constant(1), Fill::Zeros],
        batch: 1,
        others: 24,
    },
    Case::picture("espnetv2-seg/espnetv2_s0.5_pascal_384x384.onnx"),
    Case {
        file: "silero-vad/silero_vad_op18_ifless.onnx",
        fills: &[Fill::Tone, Fill::Constant(16_000), Fill::Zeros],
        batch: 1,
        others: 576,
    },
    Case::picture("osnet-x0.25/osnet_x0_25_msmt17.onnx"),
    Case { fills: &[Fill::Picture(255.0)], ..Case::picture("yunet/face_detection_yunet_2023mar.onnx") },
];

/// One run of `case` on `engine`: all outputs, as `f64`.
pub fn run(
    engine: &dyn Engine,
    files: &ModelFiles,
    case: &Case,
    fixed: bool,
    mut options: LoadOptions,
) -> Vec<Vec<f64>> {
    let signature = engine.inspect(files).unwrap();
    let shapes: Vec<Vec<usize>> =
        signature.inputs.iter().enumerate().map(|(index, port)| shape(case, index, port)).collect();
    if fixed {
        options.shapes.clone_from(&shapes);
    }
    let model = machine::load(engine, files, &options);
    assert_eq!(*model.signature(), signature);
    let mut runner = machine::runner(model.as_ref());
    for (index, shape) in shapes.iter().enumerate() {
        inputs::write(runner.as_mut(), &signature, index, shape, (case.fills[index], 0));
    }
    runner.run().unwrap_or_else(|error| panic!("{}: {error}", engine.info().name));
    let outputs = 0..signature.outputs.len();
    outputs.map(|index| inputs::values(&runner.output(index).unwrap())).collect()
}

fn shape(case: &Case, index: usize, port: &samovar_engine_api::Port) -> Vec<usize> {
    // The state of silero has its batch on the second axis.
    let others = if case.file.contains("silero") && index == 2 { case.batch } else { case.others };
    inputs::shape(port, case.batch, others)
}

#[test]
fn every_engine_gives_the_numbers_of_the_reference() {
    for case in &CASES {
        let Some(files) = machine::model(case.file) else { continue };
        let expected = run(machine::reference().as_ref(), &files, case, false, LoadOptions::default());
        for engine in machine::engines() {
            for fixed in [false, true] {
                let found = run(engine.as_ref(), &files, case, fixed, LoadOptions::default());
                for (output, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    let agreement = compare(found, expected);
                    let name = engine.info().name;
                    println!("{} output {output} on {name}, fixed {fixed}: {agreement:?}", case.file);
                    let agrees = agreement.relative <= RELATIVE_MAX || agreement.largest <= ABSOLUTE_MAX;
                    assert!(agrees, "{} output {output} on {name}: {agreement:?}", case.file);
                }
            }
        }
    }
}

#[test]
fn every_engine_tells_the_same_signature() {
    let Some(files) = machine::model("yolov8n/yolov8n.onnx") else { return };
    for engine in machine::engines() {
        let signature = engine.inspect(&files).unwrap();
        assert_eq!(
            signature.inputs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["images FP32 [batch, 3, 640, 640]"]
        );
        assert_eq!(signature.outputs[0].to_string(), "output0 FP32 [batch, 84, 8400]");
        assert!(signature.metadata["names"].contains("person"), "{}", engine.info().name);
    }
}
