//! Arithmetic below f32, and files that are stored below it.

use crate::agreement::compare;
use crate::machine;
use crate::same_numbers::{Case, run};
use samovar_engine_api::{EngineErrorKind, LoadOptions, Precision};

/// bf16 keeps 8 bits of each factor: a relative rounding of 2⁻⁹ per product, which averages out over a sum and grows with depth.
/// yolov8n so moves boxes by at most 1.3 pixels of 640 and scores by at most 0.10. The logits of a segmentation are smaller
/// sums of larger terms, and most of them are far from any boundary.
const BF16_CASES: [(&str, f64); 3] = [
    ("starter-detect.onnx", 0.02),
    ("yolov8n/yolov8n.onnx", 0.02),
    ("espnetv2-seg/espnetv2_s0.5_pascal_384x384.onnx", 0.10),
];

/// int8 with ranges found at run time: engines round ranges and products differently, which costs up to a few boxes. It is why
/// an int8 model is compared before it is used.
const INT8_RELATIVE_MAX: f64 = 0.2;

/// f16 in and out: eleven bits.
const F16_RELATIVE_MAX: f64 = 0.01;

#[test]
fn bf16_stays_close_to_f32() {
    for (file, relative_max) in BF16_CASES {
        let Some(files) = machine::model(file) else { continue };
        let case = Case::picture(file);
        let expected = run(machine::reference().as_ref(), &files, &case, false, LoadOptions::default());
        for engine in machine::engines().iter().filter(|engine| engine.info().precisions.contains(&Precision::Bf16)) {
            let options = LoadOptions { precision: Precision::Bf16, ..LoadOptions::default() };
            let found = run(engine.as_ref(), &files, &case, true, options);
            for (output, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let agreement = compare(found, expected);
                println!("{file} output {output} on {} in bf16: {agreement:?}", engine.info().name);
                assert!(agreement.relative <= relative_max, "{file}: {agreement:?}");
                assert!(agreement.relative > 0.0, "bf16 was asked for, f32 was computed");
            }
        }
    }
}

#[test]
fn a_precision_that_the_engine_lacks_is_refused() {
    let files = machine::starter("starter-detect.onnx");
    for engine in machine::engines() {
        let lacking = [Precision::Bf16, Precision::F16]
            .into_iter()
            .filter(|precision| !engine.info().precisions.contains(precision));
        for precision in lacking {
            let error = engine.load(&files, &LoadOptions { precision, ..LoadOptions::default() }).err().unwrap();
            assert_eq!(error.kind(), EngineErrorKind::Unsupported, "{} {precision}", engine.info().name);
        }
    }
}

#[test]
fn int8_files_run_everywhere() {
    agrees("yolov8n/yolov8n_int8_dynquant.onnx", INT8_RELATIVE_MAX);
}

#[test]
fn files_with_f16_inputs_and_outputs_run_everywhere() {
    agrees("yolov5n/yolov5n_fp16.onnx", F16_RELATIVE_MAX);
}

fn agrees(file: &'static str, relative_max: f64) {
    let Some(files) = machine::model(file) else { return };
    let case = Case::picture(file);
    let expected = run(machine::reference().as_ref(), &files, &case, false, LoadOptions::default());
    for engine in machine::engines() {
        let found = run(engine.as_ref(), &files, &case, false, LoadOptions::default());
        let agreement = compare(&found[0], &expected[0]);
        println!("{file} on {}: {agreement:?}", engine.info().name);
        assert!(agreement.relative <= relative_max, "{file} on {}: {agreement:?}", engine.info().name);
    }
}

/// OpenVINO's reader wants the rank of every tensor, which this exporter did not write down.
#[test]
fn a_graph_that_an_engine_cannot_convert_is_told_as_unsupported() {
    let Some(files) = machine::model("silero-vad/silero_vad_16k_op15.onnx") else { return };
    for engine in machine::engines() {
        match engine.load(&files, &LoadOptions::default()) {
            Ok(_) => assert_ne!(engine.info().name, "openvino"),
            Err(error) => assert_eq!(error.kind(), EngineErrorKind::Unsupported, "{}: {error}", engine.info().name),
        }
    }
}
