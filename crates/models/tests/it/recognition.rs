//! Which family a signature is recognised as, what is assumed, and what is refused with which words.

use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_models::{DetectOptions, DetectionModel, FamilyHints, FamilyKind, recognise};
use std::sync::Arc;

/// `640` is a fixed axis, `0` a dynamic one.
pub(crate) fn port(name: &str, dims: &[usize]) -> Port {
    let dim = |size: &usize| if *size == 0 { Dim::Dynamic(None) } else { Dim::Fixed(*size) };
    Port { name: name.to_owned(), element: ElementType::F32, dims: dims.iter().map(dim).collect() }
}

pub(crate) fn signature(input: &[usize], outputs: &[&[usize]], metadata: &[(&str, &str)]) -> Signature {
    Signature {
        inputs: vec![port("images", input)],
        outputs: outputs.iter().map(|dims| port("output0", dims)).collect(),
        metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

pub(crate) fn names(count: usize) -> String {
    let pairs: Vec<String> = (0..count).map(|class| format!("{class}: 'thing {class}'")).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn bound(signature: &Signature) -> DetectionModel {
    DetectionModel::bind(signature, &FamilyHints::default()).unwrap()
}

fn refused(signature: &Signature, hints: &FamilyHints) -> String {
    DetectionModel::bind(signature, hints).unwrap_err().0
}

const SQUARE: [usize; 4] = [0, 3, 640, 640];

/// Input, output, metadata; family, classes.
type Case<'a> = (&'a [usize], &'a [usize], &'a [(&'a str, &'a str)], FamilyKind, usize);

#[test]
fn each_layout_is_recognised() {
    let named = names(2);
    let cases: [Case<'_>; 12] = [
        (&SQUARE, &[0, 84, 8400], &[], FamilyKind::Yolo, 80),
        (&SQUARE, &[0, 8400, 84], &[], FamilyKind::Yolo, 80),
        (&SQUARE, &[0, 25200, 85], &[], FamilyKind::Yolo, 80),
        (&SQUARE, &[0, 6, 8400], &[("names", &named)], FamilyKind::Yolo, 2),
        (&SQUARE, &[0, 8400, 6], &[("names", &named)], FamilyKind::Yolo, 2),
        (&SQUARE, &[0, 25200, 7], &[("names", &named)], FamilyKind::Yolo, 2),
        (&[0, 3, 0, 0], &[0, 84, 0], &[], FamilyKind::Yolo, 80),
        (&[0, 3, 0, 0], &[0, 0, 85], &[("names", &names(80))], FamilyKind::Yolo, 80),
        (&[1, 3, 416, 416], &[1, 3549, 85], &[], FamilyKind::Yolox, 80),
        (&SQUARE, &[0, 8400, 85], &[], FamilyKind::Yolox, 80),
        (&SQUARE, &[0, 56, 8400], &[], FamilyKind::YoloPose, 1),
        (
            &SQUARE,
            &[0, 17, 8400],
            &[("names", "{0: 'dog'}"), ("kpt_shape", "[4, 3]"), ("task", "pose")],
            FamilyKind::YoloPose,
            1,
        ),
    ];
    for (input, output, metadata, kind, classes) in cases {
        let model = bound(&signature(input, &[output], metadata));
        assert_eq!((model.kind(), model.labels().len()), (kind, classes), "{output:?}");
    }
}

#[test]
fn the_runtime_is_handed_the_family_by_its_word() {
    let family = recognise(&signature(&[1, 3, 416, 416], &[&[1, 3549, 85]], &[]), &FamilyHints::default()).unwrap();
    assert_eq!((family.name(), family.batch_max(), family.lanes().len()), ("yolox", 1, 1));
    assert_eq!(family.lanes()[0].full(1), [[1, 3, 416, 416]]);
}

#[test]
fn a_dynamic_model_has_few_lanes() {
    let family = recognise(&signature(&[0, 3, 0, 0], &[&[0, 84, 0]], &[]), &FamilyHints::default()).unwrap();
    let lanes: Vec<_> = family.lanes().iter().map(|lane| lane.full(1)[0][2..].to_vec()).collect();
    assert_eq!(lanes, [[384, 640], [480, 640], [640, 384], [640, 480], [640, 640]]);
    assert!(family.batch_max() > 1);
}

#[test]
fn a_dynamic_model_may_be_given_its_size() {
    let signature = signature(&[0, 3, 0, 0], &[&[0, 84, 0]], &[("imgsz", "[320, 320]")]);
    assert_eq!(bound(&signature).input_sizes().last(), Some(&(320, 320)));
    let hints = FamilyHints { input_size: Some((1280, 736)), ..FamilyHints::default() };
    assert_eq!(DetectionModel::bind(&signature, &hints).unwrap().input_sizes(), [(1280, 736)]);
}

#[test]
fn masks_behind_the_classes_are_left_alone() {
    let segmenting =
        signature(&SQUARE, &[&[0, 116, 8400], &[0, 32, 160, 160]], &[("names", &names(80)), ("task", "segment")]);
    assert_eq!(bound(&segmenting).labels().len(), 80);
}

#[test]
fn raw_heads_beside_the_decoded_output_are_left_alone() {
    let outputs: [&[usize]; 4] = [&[1, 25200, 85], &[1, 3, 80, 80, 85], &[1, 3, 40, 40, 85], &[1, 3, 20, 20, 85]];
    assert_eq!(bound(&signature(&[1, 3, 640, 640], &outputs, &[])).kind(), FamilyKind::Yolo);
}

#[test]
fn models_with_a_fourth_grid_are_recognised() {
    let cells = 80 * 80 + 40 * 40 + 20 * 20;
    assert_eq!(bound(&signature(&SQUARE, &[&[0, 84, cells + 10 * 10]], &[])).kind(), FamilyKind::Yolo);
    assert_eq!(bound(&signature(&SQUARE, &[&[0, 84, cells + 160 * 160]], &[])).kind(), FamilyKind::Yolo);
}

#[test]
fn names_come_from_the_file_then_the_model_then_coco() {
    let plain = signature(&SQUARE, &[&[0, 84, 8400]], &[]);
    assert_eq!(&*bound(&plain).labels().name(5), "bus");
    let named = signature(&SQUARE, &[&[0, 6, 8400]], &[("names", "{0: 'cup', 1: 'samovar'}")]);
    assert_eq!(&*bound(&named).labels().name(1), "samovar");
    let hints = FamilyHints { labels: Some(vec!["a".into(), "b".into()]), ..FamilyHints::default() };
    assert_eq!(&*DetectionModel::bind(&named, &hints).unwrap().labels().name(1), "b");
    let pose = signature(&SQUARE, &[&[0, 56, 8400]], &[]);
    assert_eq!(&*bound(&pose).labels().name(0), "person");
    let unreadable = signature(&SQUARE, &[&[0, 84, 8400]], &[("names", "{0: person")]);
    assert_eq!(&*bound(&unreadable).labels().name(0), "person");
}

#[test]
fn a_configured_family_settles_what_is_ambiguous() {
    let ambiguous = signature(&SQUARE, &[&[0, 8400, 12]], &[]);
    let message = refused(&ambiguous, &FamilyHints::default());
    assert!(message.contains("more than one family") && message.contains("Set `family`"), "{message}");
    for (family, classes) in [(FamilyKind::Yolo, 8), (FamilyKind::Yolox, 7)] {
        let hints = FamilyHints { family: Some(family), ..FamilyHints::default() };
        let model = DetectionModel::bind(&ambiguous, &hints).unwrap();
        assert_eq!((model.kind(), model.labels().len()), (family, classes));
    }
}

#[test]
fn a_pose_model_configured_as_yolo_gives_boxes() {
    let pose = signature(&SQUARE, &[&[0, 56, 8400]], &[("names", "{0: 'person'}"), ("kpt_shape", "[17, 3]")]);
    let hints = FamilyHints { family: Some(FamilyKind::Yolo), ..FamilyHints::default() };
    let model = DetectionModel::bind(&pose, &hints).unwrap();
    assert_eq!((model.kind(), model.labels().len()), (FamilyKind::Yolo, 1));
}

#[test]
fn the_reference_overlap_follows_the_layout() {
    assert_eq!(bound(&signature(&SQUARE, &[&[0, 84, 8400]], &[])).iou_default(), 0.7);
    assert_eq!(bound(&signature(&SQUARE, &[&[0, 25200, 85]], &[])).iou_default(), 0.45);
    assert_eq!(bound(&signature(&SQUARE, &[&[0, 8400, 85]], &[])).iou_default(), 0.45);
}

#[test]
fn what_fits_no_family_is_refused_with_what_was_found_and_expected() {
    let output = |dims: &[usize]| signature(&SQUARE, &[dims], &[]);
    let named = |count: usize, dims: &[usize]| signature(&SQUARE, &[dims], &[("names", &names(count))]);
    let cases = [
        (output(&[0, 1000]), "output0 FP32 [?, 1000]"),
        (output(&[0, 84, 8401]), "yolo (v8, v11) [batch, 4 + classes, 8400]"),
        (output(&[0, 300, 6]), "no family fits"),
        (named(3, &[0, 84, 8400]), "3 class names"),
        (output(&[0, 0, 0]), "no family fits"),
        (output(&[0, 4, 8400]), "no family fits"),
        (signature(&SQUARE, &[], &[]), "no family fits"),
        (signature(&[4, 3, 640, 640], &[&[4, 84, 8400]], &[]), "fixed batch"),
        (signature(&[0, 640, 640, 3], &[&[0, 84, 8400]], &[]), "[batch, 3, height, width]"),
        (signature(&[0, 3, 640, 0], &[&[0, 84, 8400]], &[]), "both fixed or both dynamic"),
        (signature(&[0, 3, 1 << 40, 1 << 40], &[&[0, 84, 8400]], &[]), "at most 4096"),
        (signature(&[0, 3, 640, 0], &[], &[]), "both fixed or both dynamic"),
        (signature(&SQUARE, &[&[0, 20, 8400]], &[("task", "obb")]), "the task `obb`"),
        (signature(&SQUARE, &[&[0, 84, 8400]], &[("end2end", "True")]), "nms=False"),
    ];
    for (signature, expected) in cases {
        let message = refused(&signature, &FamilyHints::default());
        assert!(message.contains(expected), "{message}");
    }
    let several = Signature { inputs: vec![port("a", &SQUARE), port("b", &SQUARE)], ..Signature::default() };
    assert!(refused(&several, &FamilyHints::default()).contains("2 inputs"));
}

#[test]
fn hints_that_do_not_fit_are_refused() {
    let fixed = signature(&SQUARE, &[&[0, 84, 8400]], &[]);
    let labels = FamilyHints { labels: Some(vec!["a".into()]), ..FamilyHints::default() };
    assert!(refused(&fixed, &labels).contains("1 class names"));
    let size = FamilyHints { input_size: Some((320, 320)), ..FamilyHints::default() };
    assert!(refused(&fixed, &size).contains("takes only 640×640"));
    let family = FamilyHints { family: Some(FamilyKind::Yolox), ..FamilyHints::default() };
    assert!(refused(&fixed, &family).contains("no family fits"));
}

#[test]
fn options_are_checked_against_the_classes() {
    let model = bound(&signature(&SQUARE, &[&[0, 84, 8400]], &[]));
    let with = |classes: &[u32]| DetectOptions { classes: Some(Arc::from(classes)), ..DetectOptions::default() };
    assert_eq!(model.check(&with(&[0, 79])), Ok(()));
    assert_eq!(model.check(&with(&[80])).unwrap_err().code(), "unknown_class");
    assert_eq!(&*model.classes_named(&["bus", "person"]).unwrap(), [5, 0]);
    assert_eq!(model.classes_named(&["samovar"]).unwrap_err().code(), "unknown_class");
}
