//! A row gives the same numbers alone and in a batch.

use crate::agreement::compare;
use crate::inputs::{self, Fill};
use crate::machine;
use samovar_engine_api::LoadOptions;

/// Kernels may cut a batch of two differently from a batch of one, which changes the order of sums.
const RELATIVE_MAX: f64 = 1e-5;

#[test]
fn a_batch_of_two_equals_two_single_runs() {
    for (file, top) in [("yolov8n/yolov8n.onnx", 1.0), ("yolox-nano/yolox_nano_dynbatch.onnx", 255.0)] {
        let Some(files) = machine::model(file) else { continue };
        for engine in machine::engines() {
            let model = machine::load(engine.as_ref(), &files, &LoadOptions::default());
            let (signature, mut runner) = (model.signature(), machine::runner(model.as_ref()));
            let mut output = |first: usize, rows: usize| {
                let shape = inputs::shape(&signature.inputs[0], rows, 1);
                inputs::write(runner.as_mut(), signature, 0, &shape, Fill::Picture(top), first);
                runner.run().unwrap();
                inputs::values(&runner.output(0).unwrap())
            };
            let together = output(0, 2);
            let alone = [output(0, 1), output(1, 1)].concat();
            let agreement = compare(&together, &alone);
            let equal = together == alone;
            println!("{file} on {}: bit for bit {equal}, {agreement:?}", engine.info().name);
            assert!(agreement.relative <= RELATIVE_MAX, "{file} on {}: {agreement:?}", engine.info().name);
        }
    }
}
