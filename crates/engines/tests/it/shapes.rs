//! Shapes that change from run to run, and shapes that are refused.

use crate::inputs::{self, Fill};
use crate::machine;
use samovar_engine_api::{EngineErrorKind, LoadOptions};

#[test]
fn one_runner_takes_turns_between_shapes() {
    let Some(files) = machine::model("yolov8n/yolov8n_dyn.onnx") else { return };
    for engine in machine::engines() {
        let model = machine::load(engine.as_ref(), &files, &LoadOptions::default());
        let signature = model.signature();
        let run = |runner: &mut dyn samovar_engine_api::Runner, height: usize, width: usize| {
            inputs::write(runner, signature, 0, &[1, 3, height, width], (Fill::Picture(1.0), 0));
            runner.run().unwrap();
            let output = runner.output(0).unwrap();
            assert_eq!(output.shape(), [1, 84, height * width * 21 / 1024]);
            inputs::values(&output)
        };
        let mut shared = machine::runner(model.as_ref());
        for (height, width) in [(320, 192), (192, 320), (320, 192), (256, 256)] {
            let alone = run(machine::runner(model.as_ref()).as_mut(), height, width);
            assert!(run(shared.as_mut(), height, width) == alone, "{} at {height}×{width}", engine.info().name);
        }
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let Some(files) = machine::model("yolox-nano/yolox_nano.onnx") else { return };
    for engine in machine::engines() {
        let model = machine::load(engine.as_ref(), &files, &LoadOptions::default());
        let mut runner = machine::runner(model.as_ref());
        assert_eq!(runner.run().unwrap_err().kind(), EngineErrorKind::Shape, "nothing was written");
        assert_eq!(runner.output(0).unwrap_err().kind(), EngineErrorKind::Run, "nothing was run");
        for shape in [&[1, 3, 416][..], &[2, 3, 416, 416], &[1, 3, 640, 640], &[]] {
            let error = runner.input(0, shape).err().unwrap();
            assert_eq!(error.kind(), EngineErrorKind::Shape, "{} {shape:?}", engine.info().name);
        }
        assert_eq!(runner.input(1, &[1]).err().unwrap().kind(), EngineErrorKind::Shape);
        let input = runner.input(0, &[1, 3, 416, 416]).unwrap();
        assert_eq!(input.into_slice::<i64>().err().unwrap().kind(), EngineErrorKind::ElementType);
    }
}

#[test]
fn an_input_keeps_its_memory_and_content_while_its_shape_stays() {
    let files = machine::starter("starter-detect.onnx");
    for engine in machine::engines() {
        let model = machine::load(engine.as_ref(), &files, &LoadOptions::default());
        let (shape, mut runner) = (inputs::shape(&model.signature().inputs[0], 1, 1), machine::runner(model.as_ref()));
        let first = runner.input(0, &shape).unwrap().into_slice::<f32>().unwrap();
        first[5] = 42.0;
        let address = first.as_ptr();
        runner.run().unwrap();
        let second = runner.input(0, &shape).unwrap().into_slice::<f32>().unwrap();
        assert!(second.as_ptr() == address && second[5] == 42.0, "{}", engine.info().name);
    }
}
