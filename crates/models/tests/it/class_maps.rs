//! The same class maps as torch and transformers make of what ONNX Runtime gives (`tools/reference/segmentation.py`).

use crate::files::{shared, starter};
use crate::reference::still;
use crate::serving::Serving;
use samovar_engines::Rten;
use samovar_media::{Frame, FramePool, Picture, PixelFormat};
use samovar_models::{ClassMap, FamilyHints, MapSize, Polygon, SegmentOptions};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Of the pixels that the fixture holds, this share must be of the reference's class. What is left over lies on borders: JPEG
/// decoders and OpenCV's scaled pixels round to bytes, engines to the last bit.
const EQUAL_MIN: f64 = 0.995;

/// On the drawn picture, which nothing decodes and the reference scales in floats: there it is the reading of logits alone
/// that is compared.
const DRAWN_EQUAL_MIN: f64 = 0.9999;

/// A class's share of the picture may differ by this much.
const AREA_TOLERANCE: f64 = 0.003;

#[test]
fn espnetv2_of_all_tiers_sees_what_torch_sees() {
    assert_eq!(compare("shared:"), if shared().is_some() { 4 } else { 0 });
}

#[test]
fn the_starter_models_see_what_torch_sees() {
    assert_eq!(compare("starter:"), 12);
}

/// Logits of a quarter of a dynamic input; torchvision's `out` beside `aux`.
#[test]
fn other_layouts_are_read_as_their_own_libraries_do() {
    assert_eq!(compare("fixture:"), 2);
}

/// What the test set's manifest says of all four tiers.
#[test]
fn espnetv2_finds_the_people_and_the_bus() {
    let Some(folder) = shared() else { return };
    for tier in ["s0.5", "s1.0", "s1.5", "s2.0"] {
        let serving = serve(&folder.join(format!("espnetv2-seg/espnetv2_{tier}_pascal_384x384.onnx")));
        let map = serving.segment(&still(&folder.join("media/bus.jpg")), SegmentOptions::default()).unwrap();
        let area = |label: &str| map.areas()[map.labels.class(label).unwrap() as usize];
        println!("{tier}: person {:.3}, bus {:.3}", area("person"), area("bus"));
        assert!((0.11..=0.14).contains(&area("person")) && (0.215..=0.29).contains(&area("bus")), "{tier}");
    }
}

#[test]
fn a_map_of_the_models_size_is_the_largest_of_each_logit() {
    let serving = serve(&fixture("fcn_random.onnx"));
    let picture = still(&starter("samples/still-1.jpg"));
    let map = serving.segment(&picture, SegmentOptions { at: MapSize::Model }).unwrap();
    assert_eq!((map.width, map.height, map.classes.len()), (160, 96, 160 * 96));
    assert!((0..5).filter(|class| map.classes.contains(class)).count() >= 3);
}

#[test]
fn real_maps_become_runs_and_polygons_that_tell_the_same() {
    let serving = serve(&starter("models/starter-segment-fast.onnx"));
    let map = serving.segment(&still(&starter("samples/still-3.jpg")), SegmentOptions::default()).unwrap();
    let unrolled = map.runs().flat_map(|run| std::iter::repeat_n(run.class, run.length as usize));
    assert!(unrolled.eq(map.classes.iter().copied()));
    let (exact, simple) = (map.polygons(0.0).unwrap(), map.polygons(1.5).unwrap());
    let by_polygons = polygon_areas(&exact, map.labels.len());
    let by_pixels: Vec<i64> = map.areas().iter().map(|area| (area * 1280.0 * 720.0).round() as i64).collect();
    assert_eq!(by_polygons, by_pixels);
    let points = |polygons: &[Polygon]| polygons.iter().map(|polygon| polygon.outer.len()).sum::<usize>();
    println!(
        "{} polygons of {} points, simplified {} of {}",
        exact.len(),
        points(&exact),
        simple.len(),
        points(&simple)
    );
    assert!(points(&simple) * 4 < points(&exact));
}

fn polygon_areas(polygons: &[Polygon], classes: usize) -> Vec<i64> {
    let mut areas = vec![0; classes];
    for polygon in polygons {
        let rings = std::iter::once(&polygon.outer).chain(&polygon.holes);
        areas[usize::from(polygon.class)] += rings.map(|ring| doubled_area(ring)).sum::<i64>() / 2;
    }
    areas
}

fn doubled_area(ring: &[[u32; 2]]) -> i64 {
    let product = |a: u32, b: u32| i64::from(a) * i64::from(b);
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| product(a[0], b[1]) - product(b[0], a[1])).sum()
}

/// Runs the fixture's cases of one folder; how many there were.
fn compare(folder: &str) -> usize {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/segmentation.json")).unwrap();
    let step = fixture["step"].as_u64().unwrap() as usize;
    let cases = fixture["cases"].as_array().unwrap().iter();
    let mut serving: Option<(String, Serving)> = None;
    let mut count = 0;
    for case in cases.filter(|case| case["model"].as_str().unwrap().starts_with(folder)) {
        let Some((model, picture)) = resolve(&case["model"]).zip(picture(&case["picture"])) else { continue };
        let name = case["model"].as_str().unwrap();
        if serving.as_ref().is_none_or(|(serves, _)| serves != name) {
            serving = Some((name.to_owned(), serve(&model)));
        }
        let (_, serving) = serving.as_ref().unwrap();
        let map = serving.segment(&picture, SegmentOptions::default()).unwrap();
        check(case, &map, step);
        count += 1;
    }
    count
}

fn check(case: &Value, map: &ClassMap, step: usize) {
    let name = format!("{} {}", case["model"], case["picture"]);
    assert_eq!(serde_json::json!([map.width, map.height]), case["size"], "{name}");
    assert_eq!(map.not_finite, 0, "{name}");
    let ours = map.classes.chunks_exact(map.width as usize).skip(step / 2).step_by(step);
    let ours: Vec<u8> = ours.flat_map(|line| line.iter().skip(step / 2).step_by(step).copied()).collect();
    let reference = unroll(&case["runs"]);
    assert_eq!(ours.len(), reference.len(), "{name}");
    let equal = ours.iter().zip(&reference).filter(|(a, b)| a == b).count() as f64 / ours.len() as f64;
    println!("{name}: {:.4} % of {} pixels are equal", equal * 100.0, ours.len());
    assert!(equal >= if case["picture"] == "drawn" { DRAWN_EQUAL_MIN } else { EQUAL_MIN }, "{name}: {equal}");
    let areas = case["areas"].as_array().unwrap();
    for (ours, theirs) in map.areas().iter().zip(areas) {
        assert!((f64::from(*ours) - theirs.as_f64().unwrap()).abs() < AREA_TOLERANCE, "{name}: {ours} {theirs}");
    }
    assert_eq!(map.areas().len(), areas.len(), "{name}");
}

fn unroll(runs: &Value) -> Vec<u8> {
    let numbers: Vec<u64> = runs.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect();
    numbers.chunks_exact(2).flat_map(|run| std::iter::repeat_n(run[0] as u8, run[1] as usize)).collect()
}

/// A still, or the one that is drawn here and in the script alike.
fn picture(name: &Value) -> Option<Picture> {
    if name != "drawn" {
        return resolve(name).map(|path| still(&path));
    }
    let (width, height) = (640, 400);
    let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(width, height));
    let mut frame = Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels);
    for (at, value) in frame.pixels_mut().iter_mut().enumerate() {
        let (x, y, channel) = (at / 3 % width as usize, at / 3 / width as usize, at % 3);
        *value = ((x / 24 * 53 + y / 24 * 91 + x / 3 + 40 * channel) % 256) as u8;
    }
    Some(frame.into())
}

/// `shared:media/bus.jpg` as a path.
fn resolve(name: &Value) -> Option<PathBuf> {
    match name.as_str().unwrap().split_once(':').unwrap() {
        ("shared", path) => shared().map(|folder| folder.join(path)),
        ("starter", path) => Some(starter(path)),
        (_, path) => Some(fixture(path)),
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// torch's exporter leaves torchvision's number of classes open, so that one is told it.
fn serve(model: &Path) -> Serving {
    let is_fcn = model.ends_with("fcn_random.onnx");
    let labels = is_fcn.then(|| ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec());
    let hints = FamilyHints { labels, ..FamilyHints::default() };
    Serving::start_hinted(Arc::new(Rten), model.to_owned(), 1, hints).unwrap()
}
