//! Many runners of one model run at once and give what each gives alone, bit for bit.

use crate::inputs::{self, Fill};
use crate::machine;
use samovar_engine_api::{LoadOptions, LoadedModel};

const RUNNERS: usize = 4;
const RUNS: usize = 3;

#[test]
fn runners_on_four_threads_give_what_one_gives() {
    let files = machine::starter("starter-detect.onnx");
    for engine in machine::engines() {
        let options = LoadOptions { slots: RUNNERS, ..LoadOptions::default() };
        let model = machine::load(engine.as_ref(), &files, &options);
        let alone: Vec<Vec<f64>> = (0..RUNNERS).map(|seed| run(model.as_ref(), seed)).collect();
        std::thread::scope(|scope| {
            for (seed, alone) in alone.iter().enumerate() {
                let model = model.as_ref();
                scope.spawn(move || {
                    (0..RUNS).for_each(|_| assert!(run(model, seed) == *alone, "runner {seed} differs"));
                });
            }
        });
        println!("{}: {RUNNERS} runners × {RUNS} runs, equal bit for bit", engine.info().name);
    }
}

fn run(model: &dyn LoadedModel, seed: usize) -> Vec<f64> {
    let (signature, mut runner) = (model.signature(), machine::runner(model));
    let shape = inputs::shape(&signature.inputs[0], 1, 1);
    inputs::write(runner.as_mut(), signature, 0, &shape, (Fill::Picture(1.0), seed));
    runner.run().unwrap();
    inputs::values(&runner.output(0).unwrap())
}

#[test]
fn a_runner_outlives_its_model() {
    let files = machine::starter("starter-detect.onnx");
    for engine in machine::engines() {
        let model = machine::load(engine.as_ref(), &files, &LoadOptions::default());
        let mut runner = machine::runner(model.as_ref());
        let shape = inputs::shape(&model.signature().inputs[0], 1, 1);
        drop(model);
        runner.input(0, &shape).unwrap();
        runner.run().unwrap();
        assert!(runner.output(0).is_ok(), "{}", engine.info().name);
    }
}
