//! Which signatures are segmentation models, which are not, and what becomes of bad outputs on their way through the runtime.

use crate::files::starter;
use crate::recognition::{names, port, signature};
use crate::reference::still;
use crate::serving::{Serving, call};
use samovar_engine_api::{ElementType, Port, Signature, TensorRef};
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Rten};
use samovar_media::{Frame, FramePool, Picture, PixelFormat};
use samovar_models::{FamilyHints, FamilyKind, MapSize, SegmentOptions, SegmentationModel, recognise};
use samovar_runtime::{FailureKind, RunErrorKind, Scratch};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const SQUARE: [usize; 4] = [0, 3, 384, 384];

/// Names and axes.
type Outputs<'a> = &'a [(&'a str, &'a [usize])];

fn named(input: &[usize], outputs: Outputs<'_>, metadata: &[(&str, &str)]) -> Signature {
    let outputs = outputs.iter().map(|(name, dims)| port(name, dims)).collect();
    Signature { outputs, ..signature(input, &[], metadata) }
}

fn hints(family: FamilyKind) -> FamilyHints {
    FamilyHints { family: Some(family), ..FamilyHints::default() }
}

fn family(signature: &Signature, hints: &FamilyHints) -> Result<&'static str, String> {
    recognise(signature, hints).map(|family| family.name()).map_err(|error| error.0)
}

#[test]
fn each_layout_is_recognised() {
    let cases: [(&[usize], Outputs<'_>); 8] = [
        (&SQUARE, &[("logits", &[0, 21, 384, 384])]),
        (&SQUARE, &[("logits", &[0, 150, 96, 96])]),
        (&SQUARE, &[("out", &[0, 21, 384, 384]), ("aux", &[0, 21, 384, 384])]),
        (&[0, 3, 0, 0], &[("logits", &[0, 150, 0, 0])]),
        (&[1, 3, 520, 520], &[("out", &[1, 21, 520, 520])]),
        (&[1, 3, 513, 257], &[("anything", &[1, 19, 65, 33])]),
        (&SQUARE, &[("logits", &[0, 2, 24, 24])]),
        (&SQUARE, &[("logits", &[0, 256, 0, 0])]),
    ];
    for (input, outputs) in cases {
        let signature = named(input, outputs, &[]);
        assert_eq!(family(&signature, &FamilyHints::default()), Ok("segmentation"), "{outputs:?}");
        let model = SegmentationModel::bind(&signature, &FamilyHints::default()).unwrap();
        assert_eq!((model.labels().len(), model.output()), (outputs[0].1[1], 0));
        assert_eq!(&*model.labels().name(1), "class_1");
    }
    let half = Signature {
        outputs: vec![Port { element: ElementType::F16, ..port("logits", &[0, 4, 96, 96]) }],
        ..signature(&SQUARE, &[], &[])
    };
    assert_eq!(family(&half, &FamilyHints::default()), Ok("segmentation"));
}

#[test]
fn a_dynamic_input_has_one_size_which_may_be_configured() {
    let dynamic = named(&[0, 3, 0, 0], &[("logits", &[0, 150, 0, 0])], &[]);
    let bound = |hints: &FamilyHints| SegmentationModel::bind(&dynamic, hints).unwrap();
    assert_eq!(bound(&FamilyHints::default()).input_sizes(), [(512, 512)]);
    let hints = FamilyHints { input_size: Some((641, 361)), ..FamilyHints::default() };
    assert_eq!(bound(&hints).input_sizes(), [(641, 361)]);
}

#[test]
fn names_come_from_the_configuration_or_from_either_key() {
    let with = |metadata: &[(&str, &str)]| named(&SQUARE, &[("logits", &[0, 2, 96, 96])], metadata);
    let label = |signature: &Signature, hints: &FamilyHints| {
        SegmentationModel::bind(signature, hints).unwrap().labels().name(1)
    };
    assert_eq!(&*label(&with(&[("classes", r#"["ground", "water"]"#)]), &FamilyHints::default()), "water");
    assert_eq!(&*label(&with(&[("names", "{0: 'a', 1: 'b'}"), ("classes", "2")]), &FamilyHints::default()), "b");
    let open =
        named(&[0, 3, 384, 384], &[("out", &[0, 0, 0, 0]), ("aux", &[0, 0, 0, 0])], &[("names", "['a', 'b', 'c']")]);
    assert_eq!(&*label(&open, &FamilyHints::default()), "b");
    let configured = FamilyHints { labels: Some(vec!["x".into(), "y".into()]), ..FamilyHints::default() };
    assert_eq!(&*label(&with(&[("names", "{0: 'a', 1: 'b'}")]), &configured), "y");
}

#[test]
fn a_detector_stays_a_detector_whatever_else_it_gives() {
    let masks: [(&str, &[usize]); 2] = [("output0", &[0, 116, 8400]), ("output1", &[0, 32, 160, 160])];
    let with_masks = named(&[0, 3, 640, 640], &masks, &[("names", &names(80)), ("task", "segment")]);
    assert_eq!(family(&with_masks, &FamilyHints::default()), Ok("yolo"));
    // Not even one whose detections do not fit becomes something else.
    let unfitting = named(&[0, 3, 640, 640], &masks, &[("names", &names(7))]);
    assert!(family(&unfitting, &FamilyHints::default()).unwrap_err().contains("7 class names"));
}

#[test]
fn what_could_be_something_else_needs_the_configured_family() {
    let cases: [Outputs<'_>; 5] = [
        // The raw grid of a detector; a picture; heat map, size and offset; queries with masks; a second grid.
        &[("grid", &[1, 125, 12, 12])],
        &[("output", &[1, 3, 384, 384])],
        &[("output", &[1, 80, 96, 96]), ("wh", &[1, 2, 96, 96]), ("reg", &[1, 2, 96, 96])],
        &[("queries", &[1, 100, 134]), ("masks", &[1, 100, 96, 96])],
        &[("logits", &[1, 9, 96, 96]), ("edges", &[1, 2, 96, 96])],
    ];
    for outputs in cases {
        let signature = named(&[1, 3, 384, 384], outputs, &[]);
        let refused = family(&signature, &FamilyHints::default()).unwrap_err();
        assert!(refused.contains("Set `family"), "{refused}");
        assert_eq!(family(&signature, &hints(FamilyKind::Segmentation)), Ok("segmentation"), "{outputs:?}");
    }
    let named_picture = named(&[1, 3, 384, 384], &[("output", &[1, 3, 384, 384])], &[("names", &names(3))]);
    assert_eq!(family(&named_picture, &FamilyHints::default()), Ok("segmentation"));
}

#[test]
fn what_cannot_be_a_segmentation_is_refused_with_what_was_found() {
    let logits = |dims: &[usize]| named(&SQUARE, &[("logits", dims)], &[]);
    let cases = [
        (logits(&[0, 257, 96, 96]), "256 classes at most"),
        (logits(&[0, 1, 384, 384]), "a single class"),
        (logits(&[0, 0, 384, 384]), "set `labels`"),
        (logits(&[0, 21, 768, 768]), "something else"),
        (logits(&[0, 21]), "no single output"),
        (named(&SQUARE, &[("a", &[0, 5, 96, 96]), ("b", &[0, 5, 96, 96])], &[]), "not clear"),
        (named(&SQUARE, &[("logits", &[0, 21, 96, 96])], &[("names", &names(20))]), "20 class names"),
        (named(&SQUARE, &[("logits", &[0, 21, 96, 96])], &[("mean", "0.5")]), "`mean`"),
        (named(&SQUARE, &[("logits", &[0, 21, 96, 96])], &[("task", "semantic")]), "letterboxed"),
    ];
    for (signature, expected) in cases {
        let message = family(&signature, &hints(FamilyKind::Segmentation)).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}

/// One row of three classes over 2×1 pixels, the second position not a number.
#[test]
fn logits_of_either_precision_are_decoded_and_what_is_no_number_is_counted() {
    let model =
        SegmentationModel::bind(&named(&SQUARE, &[("logits", &[0, 3, 0, 0])], &[]), &FamilyHints::default()).unwrap();
    let (single, shape) = ([0.0, f32::NAN, 1.0, 9.0, 7.0, 2.0], [3, 1, 2]);
    let half = single.map(half::f16::from_f32);
    let mut scratch = Scratch::default();
    for row in [TensorRef::from((&shape[..], &single[..])), TensorRef::from((&shape[..], &half[..]))] {
        let map = model.decode(&row, (4, 2), &SegmentOptions::default(), &mut scratch).unwrap();
        assert_eq!((map.classes, map.not_finite), (vec![2, 0, 0, 0, 2, 0, 0, 0], 1));
        let small = model.decode(&row, (4, 2), &SegmentOptions { at: MapSize::Model }, &mut scratch).unwrap();
        assert_eq!((small.width, small.height, small.classes), (2, 1, vec![2, 0]));
    }
    for shape in [&[1, 3, 2][..], &[3, 2], &[2, 1, 3]] {
        assert!(
            model
                .decode(&TensorRef::from((shape, &single[..])), (4, 2), &SegmentOptions::default(), &mut scratch)
                .is_err()
        );
    }
}

fn small() -> FakeModel {
    FakeModel::new(named(&[0, 3, 32, 48], &[("logits", &[0, 4, 8, 12])], &[]))
}

fn start(model: &FakeModel) -> Result<Serving, samovar_runtime::Failure> {
    let engine = FakeEngine::new().with("model.onnx", model);
    Serving::start(Arc::new(engine), PathBuf::from("model.onnx"), 4)
}

fn grey(width: u32, height: u32) -> Picture {
    let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(width, height));
    let mut frame = Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels);
    frame.pixels_mut().fill(128);
    frame.into()
}

#[test]
fn a_map_has_the_size_of_its_picture() {
    let serving = start(&small()).unwrap();
    for size in [(1, 1), (5, 3), (48, 32), (97, 211)] {
        let map = serving.segment(&grey(size.0, size.1), SegmentOptions::default()).unwrap();
        assert_eq!((map.width, map.height, map.classes.len()), (size.0, size.1, (size.0 * size.1) as usize));
        assert!((map.areas().iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn a_model_that_gives_no_numbers_does_not_come_into_service() {
    let model = small();
    model.fail_every_run(Some(FakeFault::Nan));
    assert_eq!(start(&model).err().unwrap().kind, FailureKind::WarmUp);
}

#[test]
fn outputs_without_a_number_are_an_error_and_the_next_run_is_served() {
    let model = small();
    let serving = start(&model).unwrap();
    model.fail_every_run(Some(FakeFault::Nan));
    let error = serving.segment(&grey(8, 8), SegmentOptions::default()).unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Internal);
    model.fail_every_run(None);
    assert!(serving.segment(&grey(8, 8), SegmentOptions::default()).is_ok());
}

#[test]
fn a_segmenter_on_a_detector_is_told_so_and_the_other_way_round() {
    let wrong = RunErrorKind::Input { code: "wrong_family" };
    let detector = Serving::start(Arc::new(Rten), starter("models/starter-detect.onnx"), 1).unwrap();
    assert_eq!(detector.segment(&grey(8, 8), SegmentOptions::default()).unwrap_err().kind(), wrong);
    let serving = start(&small()).unwrap();
    assert_eq!(serving.detect(&grey(8, 8)).unwrap_err().kind(), wrong);
    assert_eq!(serving.segmenter().model().unwrap().kind(), FamilyKind::Segmentation);
}

#[test]
fn a_picture_in_a_batch_gives_bit_for_bit_what_it_gives_alone() {
    let serving = Serving::start(Arc::new(Rten), starter("models/starter-segment-balanced.onnx"), 3).unwrap();
    let pictures: Vec<_> = (1..=3).map(|number| still(&starter(&format!("samples/still-{number}.jpg")))).collect();
    let alone: Vec<_> =
        pictures.iter().map(|picture| serving.segment(picture, SegmentOptions::default()).unwrap()).collect();
    let segmenter = serving.segmenter();
    let together = serving.block_on(async {
        let mut pending = Vec::new();
        for (key, picture) in pictures.iter().enumerate() {
            let call = call(key as u64);
            pending.push(segmenter.segment_waiting(picture.clone(), SegmentOptions::default(), call).await.unwrap());
        }
        let mut completed = Vec::new();
        for pending in pending {
            completed.push(pending.await.unwrap());
        }
        completed
    });
    assert!(together.iter().any(|completed| completed.timings.batch_rows > 1), "some of them shared a run");
    assert!(alone.iter().zip(&together).all(|(alone, together)| *alone == together.output));
}
