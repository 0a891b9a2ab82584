//! What becomes of bad pictures, bad options and bad outputs on their way through the runtime.

use crate::files::starter;
use crate::reference::still;
use crate::serving::{Serving, call};
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Rten};
use samovar_media::{Frame, FramePool, ImageLimits, Picture, PixelFormat};
use samovar_models::{DetectOptions, Detector};
use samovar_runtime::{FailureKind, RunErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn yolo(side: usize, channels: usize, anchors: usize) -> FakeModel {
    let batch = || Dim::Dynamic(Some("batch".to_owned()));
    let port = |name: &str, dims: &[usize]| Port {
        name: name.to_owned(),
        element: ElementType::F32,
        dims: std::iter::once(batch()).chain(dims.iter().map(|size| Dim::Fixed(*size))).collect(),
    };
    let (inputs, outputs) = (vec![port("images", &[3, side, side])], vec![port("output0", &[channels, anchors])]);
    FakeModel::new(Signature { inputs, outputs, ..Signature::default() })
}

fn start(model: &FakeModel) -> Result<Serving, samovar_runtime::Failure> {
    let engine = FakeEngine::new().with("model.onnx", model);
    Serving::start(Arc::new(engine), PathBuf::from("model.onnx"), 4)
}

/// A detector of one class on 32×32 pixels: 21 anchors.
fn small() -> FakeModel {
    yolo(32, 5, 21)
}

pub(crate) fn grey(width: u32, height: u32) -> Picture {
    let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(width, height));
    let mut frame = Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels);
    frame.pixels_mut().fill(128);
    frame.into()
}

/// A PNG whose header is whole and whose pixels are not.
fn broken_png() -> Picture {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0\x4b\x6d\x29\xdc".to_vec();
    png.extend_from_slice(b"\0\0\0\x04IDATabcd\0\0\0\0");
    Picture::encoded(png.into(), ImageLimits::default()).unwrap()
}

#[test]
fn a_picture_that_does_not_decode_is_the_callers_error_and_the_next_one_is_served() {
    let serving = start(&small()).unwrap();
    let error = serving.detect(&broken_png()).unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Input { code: "corrupt_media" });
    assert!(serving.detect(&grey(8, 8)).is_ok());
}

#[test]
fn options_are_refused_before_anything_is_queued() {
    let model = small();
    let serving = start(&model).unwrap();
    let runs = model.counts().runs;
    let cases = [
        (DetectOptions { score_min: 2.0, ..DetectOptions::default() }, "invalid_option"),
        (DetectOptions { classes: Some(Arc::new([1])), ..DetectOptions::default() }, "unknown_class"),
    ];
    for (options, code) in cases {
        let error = serving.detect_with(&grey(8, 8), options).unwrap_err();
        assert_eq!(error.kind(), RunErrorKind::Input { code });
    }
    assert_eq!(model.counts().runs, runs);
}

#[test]
fn outputs_without_a_number_are_an_error_and_the_next_run_is_served() {
    let model = small();
    let serving = start(&model).unwrap();
    model.fail_every_run(Some(FakeFault::Nan));
    let error = serving.detect(&grey(8, 8)).unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Internal);
    model.fail_every_run(None);
    assert!(serving.detect(&grey(8, 8)).is_ok());
}

#[test]
fn a_model_that_gives_no_numbers_does_not_come_into_service() {
    let model = small();
    model.fail_every_run(Some(FakeFault::Nan));
    assert_eq!(start(&model).err().unwrap().kind, FailureKind::WarmUp);
}

#[test]
fn a_model_that_fits_no_family_does_not_load() {
    let failure = start(&yolo(32, 5, 22)).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Contract);
    assert!(failure.reason.contains("output0 FP32 [batch, 5, 22]"), "{}", failure.reason);
}

#[test]
fn producers_of_jobs_may_wait_for_a_place() {
    let serving = start(&small()).unwrap();
    let detector: Detector = serving.detector();
    let found =
        serving.block_on(async { detector.detect_waiting(grey(8, 8), DetectOptions::default(), call(1)).await?.await });
    assert_eq!((found.unwrap().output.width, detector.model().unwrap().labels().len()), (8, 1));
}

#[test]
fn a_picture_in_a_batch_gives_bit_for_bit_what_it_gives_alone() {
    let serving = Serving::start(Arc::new(Rten), starter("models/starter-detect.onnx"), 3).unwrap();
    let pictures: Vec<_> = (1..=3).map(|number| still(&starter(&format!("samples/still-{number}.jpg")))).collect();
    let alone: Vec<_> = pictures.iter().map(|picture| serving.detect(picture).unwrap()).collect();
    let together = serving.detect_together(&pictures);
    assert!(together.iter().any(|(_, rows)| *rows > 1), "some of them shared a run");
    for (alone, (together, _)) in alone.iter().zip(&together) {
        assert!(!alone.items.is_empty());
        assert_eq!(alone, together);
    }
}
