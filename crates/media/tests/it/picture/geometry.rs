//! Letterboxes against the arithmetic of ultralytics and YOLOX (`tools/reference/letterbox.py`).

use super::fixture;
use proptest::prelude::{prop_assert, proptest};
use samovar_media::Letterbox;

#[test]
fn content_and_padding_are_those_of_the_training_code() {
    let table = fixture::json("letterbox.json");
    let rows = table["geometry"].as_array().unwrap();
    assert!(rows.len() > 200);
    for row in rows {
        let letterbox = letterbox(row);
        let got = [letterbox.content.0, letterbox.content.1, letterbox.pad_left, letterbox.pad_top];
        assert_eq!(serde_json::json!(got), row["expected"], "{row}");
    }
}

#[test]
fn rectangles_are_those_of_ultralytics() {
    for row in fixture::json("letterbox.json")["rectangles"].as_array().unwrap() {
        let number = |name: &str| row[name].as_u64().unwrap() as u32;
        let got = Letterbox::rectangle(fixture::pair(&row["source"]), number("side"), number("stride"));
        assert_eq!(got, fixture::pair(&row["expected"]), "{row}");
    }
    assert_eq!(Letterbox::rectangle((1280, 720), 640, 32), (640, 384));
}

#[test]
fn boxes_are_clipped_to_the_source() {
    let letterbox = Letterbox::centered((1280, 720), (640, 640));
    assert_eq!(letterbox.box_to_source([-5.0, 0.0, 700.0, 640.0]), [0.0, 0.0, 1280.0, 720.0]);
    assert_eq!(letterbox.box_to_source([10.0, 150.0, 20.0, 160.0]), [20.0, 20.0, 40.0, 40.0]);
}

pub fn letterbox(row: &serde_json::Value) -> Letterbox {
    let (source, target) = (fixture::pair(&row["source"]), fixture::pair(&row["target"]));
    match row["kind"].as_str().unwrap() {
        "centered" => Letterbox::centered(source, target),
        "top_left" => Letterbox::top_left(source, target),
        "stretch" => Letterbox::stretch(source, target),
        other => panic!("unknown kind {other}"),
    }
}

proptest! {
    #[test]
    fn any_letterbox_lies_within_its_target(
        source in (1_u32..9_000, 1_u32..9_000), target in (1_u32..1_300, 1_u32..1_300), x in 0.0_f32..1.0, y in 0.0_f32..1.0,
    ) {
        for letterbox in [Letterbox::centered, Letterbox::top_left, Letterbox::stretch].map(|make| make(source, target)) {
            let (width, height) = letterbox.content;
            prop_assert!(width >= 1 && letterbox.pad_left + width <= target.0);
            prop_assert!(height >= 1 && letterbox.pad_top + height <= target.1);
            // There and back.
            let (x, y) = (x * source.0 as f32, y * source.1 as f32);
            let inside = (x * letterbox.scale_x + letterbox.pad_left as f32, y * letterbox.scale_y + letterbox.pad_top as f32);
            let back = letterbox.to_source(inside.0, inside.1);
            let slack = |side: u32, scale: f32| 1e-5 * side as f32 + 1e-3 / scale;
            prop_assert!((back.0 - x).abs() <= slack(source.0, letterbox.scale_x));
            prop_assert!((back.1 - y).abs() <= slack(source.1, letterbox.scale_y));
        }
    }
}
