//! A precision below f32 is used only when it agrees with f32 on the warm-up input.

use crate::support::{Bench, FEATURES, spec};
use samovar_engine_api::{ModelFiles, Precision};
use samovar_engines::{FakeFault, FakeModel};
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
    assert_eq!(failure.kind, FailureKind::Disagrees);
}

/// A model `m` that is held against a model `exact` in another file.
fn quantised() -> ModelSpec {
    ModelSpec { reference: Some(ModelFiles { path: "exact".into() }), ..spec("m") }
}

#[tokio::test]
async fn a_quantised_file_is_used_when_it_agrees_with_its_reference() {
    let bench = Bench::new(1, quantised());
    let exact = FakeModel::rows(FEATURES);
    bench.engine.put("exact", &exact);
    bench.handle().open().await.unwrap();
    let generation = bench.handle().generation().unwrap();
    assert_eq!((generation.precision, generation.figures().precision_error), (Precision::F32, Some(0.0)));
    assert_eq!(
        (exact.counts().loads, exact.counts().loaded_alive),
        (1, 0),
        "the reference was only for the comparison"
    );
}

#[tokio::test]
async fn a_quantised_file_that_does_not_agree_is_refused() {
    let bench = Bench::new(1, quantised());
    let exact = FakeModel::rows(FEATURES);
    exact.fail_every_run(Some(FakeFault::Nan));
    bench.engine.put("exact", &exact);
    assert!(bench.handle().open().await.is_err());
    let ModelState::Failed(failure) = bench.handle().state() else { panic!("the model failed") };
    assert_eq!((failure.kind, bench.model.counts().loaded_alive), (FailureKind::Disagrees, 0));
}
