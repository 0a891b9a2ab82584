//! A precision below f32 is used only when it agrees with f32 on the warm-up input.

use crate::support::{Bench, spec};
use samovar_engine_api::Precision;
use samovar_engines::FakeFault;
use samovar_runtime::{FailureKind, ModelSpec, ModelState, PrecisionChoice};

#[tokio::test]
async fn the_faster_precision_is_taken_when_it_agrees() {
    let bench = Bench::warm(1, ModelSpec { precision: PrecisionChoice::Auto, ..spec("m") }).await;
    let generation = bench.handle().generation().unwrap();
    assert_eq!(generation.precision, Precision::Bf16);
    assert_eq!(generation.figures().precision_error, Some(0.0));
    let counts = bench.model.counts();
    assert_eq!((counts.loaded_alive, counts.loaded_alive_max), (1, 1), "never two copies at once");
}

#[tokio::test]
async fn f32_is_kept_when_the_faster_precision_does_not_agree() {
    let bench = Bench::new(1, ModelSpec { precision: PrecisionChoice::Auto, ..spec("m") });
    bench.model.fail_run(2, FakeFault::Nan);
    bench.handle().open().await.unwrap();
    assert_eq!(bench.handle().generation().unwrap().precision, Precision::F32);
    assert_eq!(bench.model.counts().loaded_alive, 1);
}

#[tokio::test]
async fn a_precision_that_was_asked_for_and_does_not_agree_is_refused() {
    let bench = Bench::new(1, ModelSpec { precision: PrecisionChoice::Fixed(Precision::Bf16), ..spec("m") });
    bench.model.fail_run(1, FakeFault::Nan);
    assert!(bench.handle().open().await.is_err());
    let ModelState::Failed(failure) = bench.handle().state() else { panic!("the model failed") };
    assert_eq!(failure.kind, FailureKind::Unsupported);
}
