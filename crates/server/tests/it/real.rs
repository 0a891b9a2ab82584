//! A real model on a real engine: the numbers that come out are right, and the same whoever else is there.

use crate::client::{get, post};
use crate::house::{House, fake_detector, options, shared, spec};
use crate::socket::Socket;
use samovar_engines::Rten;
use samovar_media::{Canvas, FramePool, ImageEncoding, ImageLimits, Picture, encode_image};
use samovar_runtime::ModelSpec;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

async fn serve(name: &str, file: &Path, preload: bool) -> House {
    let specs = vec![ModelSpec { preload, ..spec(name, file) }];
    House::start(options(), Arc::new(Rten), specs, fake_detector()).await
}

/// A file that ships with Samovar.
fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

fn count(detections: &Value, label: &str) -> usize {
    detections.as_array().unwrap().iter().filter(|found| found["label"] == label).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_street_has_four_persons_and_a_bus() {
    let Some(folder) = shared() else { return };
    let house = serve("yolov8n", &folder.join("yolov8n/yolov8n.onnx"), true).await;
    let bus = std::fs::read(folder.join("media/bus.jpg")).unwrap();
    let answer = post(house.address, "/v1/detect", &bus).await.json();
    println!("{answer}");
    assert_eq!((count(&answer["detections"], "person"), count(&answer["detections"], "bus")), (4, 1));
    let only = post(house.address, "/v1/detect?classes=bus&detections_max=1", &bus).await.json();
    assert_eq!((count(&only["detections"], "person"), count(&only["detections"], "bus")), (0, 1));
    let none = post(house.address, "/v1/detect?score_min=0.99", &bus).await.json();
    assert_eq!(none["detections"], serde_json::json!([]));
}

/// Sixteen different pictures: the street with a different box painted on it.
fn different() -> Vec<Vec<u8>> {
    let pool = FramePool::new(0);
    let bytes = std::fs::read(starter("samples/still-1.jpg")).unwrap();
    let frame = Picture::encoded(bytes.into(), ImageLimits::default()).unwrap().frame(&pool).unwrap();
    let paint = |number: u16| {
        let mut canvas = Canvas::new(&frame, &pool);
        let at = f32::from(number) * 40.0;
        canvas.draw_box([at, at, at + 200.0, at + 300.0], "painted", usize::from(number));
        encode_image(canvas.frame(), ImageEncoding::Jpeg { quality: 90 }, &pool).unwrap()
    };
    (0..16).map(paint).collect()
}

/// Opens a stream and shows the picture until it is looked at: an engine without its optimisations is too slow for sixteen, and
/// frames that wait too long are dropped.
async fn look_at(address: SocketAddr, picture: Vec<u8>) -> Value {
    let mut socket = Socket::ready(address, "").await;
    for frame in 0.. {
        socket.frame(picture.clone()).await;
        let event = socket.event().await;
        assert_eq!(event["frame"], frame, "{event}");
        match event["type"].as_str() {
            Some("result") => return event,
            other => assert_eq!(other, Some("dropped"), "{event}"),
        }
    }
    unreachable!("frames do not run out")
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_streams_share_one_load_and_change_no_bit() {
    let pictures = different();
    let house = serve("street", &starter("models/starter-detect.onnx"), false).await;
    let address = house.address;
    // All at once, on a model that nobody has loaded.
    let looked_at = pictures.iter().cloned().map(|picture| tokio::spawn(look_at(address, picture)));
    let together: Vec<_> = looked_at.collect();
    let mut answers = Vec::new();
    for answer in together {
        answers.push(answer.await.unwrap());
    }
    for (picture, answer) in pictures.iter().zip(&answers) {
        let alone = post(address, "/v1/detect", picture).await.json();
        assert!(!alone["detections"].as_array().unwrap().is_empty());
        assert_eq!(answer["detections"].to_string(), alone["detections"].to_string(), "bit for bit");
    }
    let metric = async |name: &str| house.metric(&format!("{name}{{model=\"street\"}}")).await;
    let counts = (
        metric("samovar_loads_total").await,
        metric("samovar_warmup_total").await,
        metric("samovar_warmup_skipped_total").await,
    );
    assert_eq!(counts, (1.0, 1.0, 15.0), "{}", get(address, "/metrics").await.text());
}
