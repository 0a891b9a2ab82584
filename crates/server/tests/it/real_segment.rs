//! The starter segmentation models through HTTP: the masks that come out are the segmenter's own.

use crate::client::{post, post_with};
use crate::house::{House, fake_detector, options, spec};
use crate::socket::Socket;
use samovar_engines::Rten;
use samovar_media::{FramePool, ImageHeader, ImageLimits, Picture, decode_image};
use samovar_models::{ClassMap, SegmentOptions, Segmenter};
use samovar_runtime::{Call, Class, ModelSpec, StreamKey};
use samovar_server::ServerOptions;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TIERS: [&str; 2] = ["fast", "balanced"];

fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

async fn street() -> (House, Vec<u8>) {
    let path = |tier: &&str| starter(&format!("models/starter-segment-{tier}.onnx"));
    let specs = TIERS.iter().map(|tier| ModelSpec { preload: false, ..spec(tier, &path(tier)) }).collect();
    let modes = TIERS.iter().map(|tier| ((*tier).to_owned(), (*tier).to_owned())).collect();
    let options = ServerOptions { segment_modes: modes, ..options() };
    let house = House::start(options, Arc::new(Rten), specs, fake_detector()).await;
    (house, std::fs::read(starter("samples/still-1.jpg")).unwrap())
}

/// What the model itself sees.
async fn seen(house: &House, tier: &str, picture: &[u8]) -> ClassMap {
    let segmenter = Segmenter::new(house.registry.model(tier).unwrap());
    segmenter.handle().open().await.unwrap();
    let picture = Picture::encoded(picture.to_vec().into(), ImageLimits::default()).unwrap();
    let call = Call::new(Class::Interactive, StreamKey(9_999));
    segmenter.segment(picture, SegmentOptions::default(), call).unwrap().await.unwrap().output
}

fn unrolled(answer: &Value) -> Vec<u8> {
    let runs: Vec<u32> = serde_json::from_value(answer["mask"]["runs"].clone()).unwrap();
    runs.chunks_exact(2).flat_map(|run| std::iter::repeat_n(run[0] as u8, run[1] as usize)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn masks_over_http_and_websocket_are_those_of_the_model() {
    let (house, picture) = street().await;
    let mut socket = Socket::open_at(house.address, "/v1/streams/segment?mode=fast").await;
    assert_eq!(socket.event().await["type"], "ready");
    for (frame, tier) in TIERS.into_iter().enumerate() {
        let map = seen(&house, tier, &picture).await;
        let answer = post(house.address, &format!("/v1/segment?mode={tier}"), &picture).await.json();
        assert_eq!((&answer["width"], &answer["height"]), (&map.width.into(), &map.height.into()));
        assert!(unrolled(&answer) == map.classes, "{tier}: the mask by HTTP");
        assert_eq!(answer["areas"].as_array().unwrap().len(), map.areas().iter().filter(|share| **share > 0.0).count());
        socket.say(&format!("{{\"type\":\"mode\",\"mode\":\"{tier}\"}}")).await;
        while socket.event().await["type"] != "mode_changed" {}
        socket.frame(picture.clone()).await;
        let event = socket.event().await;
        assert_eq!((&event["frame"], &event["mode"]), (&frame.into(), &tier.into()));
        assert!(unrolled(&event) == map.classes, "{tier}: the mask by WebSocket");
        println!("{tier}: {}", answer["areas"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlay_and_the_map_are_pictures_of_the_same_size() {
    let (house, picture) = street().await;
    let map = seen(&house, "balanced", &picture).await;
    for (query, name) in [("", "overlay"), ("&mask=png", "map")] {
        let path = format!("/v1/segment?mode=balanced{query}");
        let answer = post_with(house.address, &path, "accept: image/png\r\n", &picture).await;
        assert_eq!(answer.status, 200);
        let limits = ImageLimits::default();
        let header = ImageHeader::read(&answer.body, &limits).unwrap();
        let frame = decode_image(&answer.body, &header, &limits, &FramePool::new(1)).unwrap();
        assert_eq!((frame.width(), frame.height()), (map.width, map.height));
        if let Some(folder) = std::env::var_os("SAMOVAR_TEST_PICTURES") {
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), &answer.body).unwrap();
        }
    }
}
