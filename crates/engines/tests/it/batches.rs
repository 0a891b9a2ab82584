//! A row gives the same numbers alone and in a batch, bit for bit.

use crate::inputs::{self, Fill};
use crate::machine;
use samovar_engine_api::LoadOptions;

#[test]
fn a_batch_of_two_equals_two_single_runs() {
    for (file, top) in [
        ("starter-detect.onnx", 1.0),
        ("starter-pose.onnx", 1.0),
        ("starter-segment-fast.onnx", 1.0),
        ("starter-stg-nf.onnx", 1.0),
        ("yolov8n/yolov8n.onnx", 1.0),
        ("yolox-nano/yolox_nano_dynbatch.onnx", 255.0),
    ] {
        let Some(files) = machine::model(file) else { continue };
        for engine in machine::engines() {
            let model = machine::load(engine.as_ref(), &files, &LoadOptions::default());
            let (signature, mut runner) = (model.signature(), machine::runner(model.as_ref()));
            let mut output = |first: usize, rows: usize| {
                let shape = inputs::shape(&signature.inputs[0], rows, 1);
                inputs::write(runner.as_mut(), signature, 0, &shape, (Fill::Picture(top), first));
                runner.run().unwrap();
                inputs::values(&runner.output(0).unwrap())
            };
            let together = output(0, 2);
            let alone = [output(0, 1), output(1, 1)].concat();
            assert!(together == alone, "{file} on {}", engine.info().name);
        }
    }
}
