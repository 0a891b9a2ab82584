//! The same vectors, logits and probabilities as transformers gives with small towers of random weights
//! (`tools/reference/image_text.py`), on every engine.

use crate::engines::each_engine;
use crate::files::shared;
use crate::reference::still;
use crate::serving::{Serving, call};
use samovar_engine_api::Engine;
use samovar_engines::Rten;
use samovar_media::{
    Frame, FramePool, Picture, PixelFormat, Resize, ResizeFilter, ResizeScratch, Row, RowFormat, write_resized,
};
use samovar_models::{
    Activation, CaptionEncoder, Embedding, FamilyHints, ImageEncoder, Pairing, PairingError, TowerArchitecture,
};
use samovar_runtime::{RunError, RunErrorKind};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Of vectors of length 1 and of probabilities, given the same pixels and tokens.
const TOLERANCE: f32 = 1e-4;

/// Of logits: the cosines' times the scale, which is 24.5 and 8.2 here.
const LOGIT_TOLERANCE: f32 = 25.0 * TOLERANCE;

#[test]
fn clips_towers_give_what_transformers_gives_on_every_engine() {
    each_engine(|engine| compare(engine, "clip", TowerArchitecture::Clip));
}

#[test]
fn siglips_towers_give_what_transformers_gives_on_every_engine() {
    each_engine(|engine| compare(engine, "siglip", TowerArchitecture::Siglip));
}

fn compare(engine: Arc<dyn Engine>, design: &str, architecture: TowerArchitecture) {
    let reference = reference(design);
    let (images, texts) = (Tower::image(Arc::clone(&engine), design), Tower::text(engine, design));
    let (image, text) = (images.images().model().unwrap(), texts.captions().model().unwrap());
    assert_eq!((image.architecture(), text.architecture()), (architecture, architecture));
    let pairing = Pairing::of_towers(image.pairing(), text.pairing()).unwrap();
    let captions = captions(&reference);
    let vectors = texts.encode(&captions).unwrap();
    let expected = &reference["pictures"]["picture"];
    for ((caption, vector), expected) in captions.iter().zip(&vectors).zip(expected["texts"].as_array().unwrap()) {
        assert_close(&vector.unit().0, &numbers(expected), TOLERANCE, caption);
    }
    let vector = images.image_vector(drawn(150, 90)).unwrap();
    assert_close(&vector.unit().0, &numbers(&expected["image"]), TOLERANCE, "picture");
    let logits = pairing.logits(&vector, &vectors).unwrap();
    assert_close(&logits, &numbers(&expected["logits"]), LOGIT_TOLERANCE, "logits");
    let probabilities = pairing.zero_shot(&vector, &vectors).unwrap();
    assert_close(&probabilities, &numbers(&expected["probabilities"]), 5.0 * TOLERANCE, "probabilities");
}

/// What is left over is the rounding of JPEG decoders: before it is resized some values are a level or two apart.
#[test]
fn a_photograph_has_the_pixels_and_the_vector_of_the_processors() {
    let Some(folder) = shared() else { return };
    let bus = still(&folder.join("media/bus.jpg"));
    let frame = bus.frame(&FramePool::new(1)).unwrap();
    let cases = [
        ("clip", Resize::shortest_edge(bus.size(), 32, (32, 32), ResizeFilter::Bicubic)),
        ("siglip", Resize::stretch(bus.size(), (40, 40), ResizeFilter::Bilinear)),
    ];
    for (design, resize) in cases {
        let expected = std::fs::read(fixture(design).join("bus.pixels")).unwrap();
        let mut levels = vec![0; expected.len()];
        let format = RowFormat { scale: [1.0; 3], ..RowFormat::UNIT };
        write_resized(&frame, &resize, &format, Row::U8(&mut levels), &mut ResizeScratch::default()).unwrap();
        let differences = levels.iter().zip(&expected).map(|(ours, theirs)| ours.abs_diff(*theirs));
        let (furthest, unlike) = (differences.clone().max().unwrap(), differences.filter(|levels| *levels > 0).count());
        let ours = Tower::image(Arc::new(Rten), design).image_vector(bus.clone()).unwrap();
        let theirs = Embedding::new(numbers(&reference(design)["pictures"]["bus"]["image"])).unwrap();
        let similarity = ours.similarity(&theirs);
        println!(
            "{design}: {unlike} of {} values differ, by {furthest} at most; cosine {similarity:.6}",
            expected.len()
        );
        assert!(furthest <= 1 && similarity > 0.999, "{design}: {furthest} {similarity}");
    }
}

/// The reference pads CLIP's rows to 77 tokens; here short texts run in short rows, with others of their length.
#[test]
fn texts_share_runs_with_those_of_their_length_and_nobody_elses_change_them() {
    let reference = reference("clip");
    let texts = Tower::text(Arc::new(Rten), "clip");
    let captions = captions(&reference);
    let tower = texts.captions().model().unwrap();
    assert_eq!(tower.tokens_max(), 77);
    let tokens: Vec<_> = captions.iter().map(|caption| tower.tokens(caption).unwrap()).collect();
    assert!(tokens.iter().any(|tokens| *tokens < 16) && tokens.contains(&77), "{tokens:?}");
    let together = texts.encode(&captions).unwrap();
    for (caption, together) in captions.iter().zip(&together) {
        let alone = texts.encode(std::slice::from_ref(caption)).unwrap();
        assert_close(&alone[0].0, &together.0, 1e-5, caption);
    }
    assert!(texts.encode(&[]).unwrap().is_empty());
}

#[test]
fn many_labels_at_once_are_in_the_order_in_which_they_were_asked_for() {
    let texts = Tower::text(Arc::new(Rten), "siglip");
    let labels: Vec<String> =
        (0..150).map(|number| format!("{number} people{}", " on a bus".repeat(number % 3))).collect();
    let together = texts.encode(&labels).unwrap();
    for index in [0, 1, 77, 149] {
        let alone = texts.encode(&labels[index..=index]).unwrap();
        assert_close(&alone[0].0, &together[index].0, 1e-5, &labels[index]);
    }
}

#[test]
fn pictures_of_any_size_become_vectors() {
    for design in ["clip", "siglip"] {
        let tower = Tower::image(Arc::new(Rten), design);
        for (width, height) in [(1, 1), (1, 8192), (8192, 1), (3, 2000), (33, 32)] {
            let vector = tower.image_vector(drawn(width, height)).unwrap();
            assert_eq!(vector.0.len(), tower.images().model().unwrap().dimensions().unwrap_or(vector.0.len()));
        }
    }
}

#[test]
fn each_tower_says_what_it_is_not() {
    let (images, texts) = (Tower::image(Arc::new(Rten), "clip"), Tower::text(Arc::new(Rten), "clip"));
    let wrong = RunErrorKind::Input { code: "wrong_family" };
    let captions = CaptionEncoder::new(images.serving.handle());
    assert_eq!(captions.model().unwrap_err().kind(), wrong);
    let refused = images.serving.block_on(captions.encode(vec!["a bus".to_owned()], call(0)));
    assert_eq!(refused.unwrap_err().kind(), wrong);
    let pictures = ImageEncoder::new(texts.serving.handle());
    assert_eq!(pictures.encode(drawn(8, 8), call(0)).err().unwrap().kind(), wrong);
    let waited = images.serving.block_on(async { images.images().encode_waiting(drawn(9, 9), call(1)).await?.await });
    assert!(waited.is_ok());
}

/// Probabilities of SigLIP need numbers that no export of a tower alone holds.
#[test]
fn without_its_numbers_siglip_gives_similarities_alone() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "preprocessor_config.json"] {
        std::fs::copy(fixture("siglip").join(file), folder.path().join(file)).unwrap();
    }
    let bare = folder.path().join("vision_model.onnx");
    std::fs::write(&bare, without_metadata(&std::fs::read(fixture("siglip").join("vision_model.onnx")).unwrap()))
        .unwrap();
    let tower = Tower::start(Arc::new(Rten), bare, folder.path());
    let pairing = tower.images().model().unwrap().pairing();
    assert_eq!((pairing, Pairing::of_towers(pairing, None)), (None, Err(PairingError::Unknown)));
    std::fs::copy(fixture("siglip").join("pairing.json"), folder.path().join("pairing.json")).unwrap();
    let tower = Tower::start(Arc::new(Rten), folder.path().join("vision_model.onnx"), folder.path());
    let pairing = tower.images().model().unwrap().pairing().unwrap();
    assert!((pairing.scale - 2.1_f32.exp()).abs() < 1e-4 && (pairing.bias + 3.5).abs() < 1e-6);
    assert_eq!(pairing.activation, Activation::Sigmoid);
}

/// The keys of the metadata made into others of the same length, which is all that a protobuf needs to stay whole.
fn without_metadata(graph: &[u8]) -> Vec<u8> {
    let mut graph = graph.to_vec();
    for at in 0..graph.len() {
        if graph[at..].starts_with(b"logit_") {
            graph[at] = b'x';
        }
    }
    graph
}

/// One tower that serves; everything ends with it.
struct Tower {
    serving: Serving,
}

impl Tower {
    fn image(engine: Arc<dyn Engine>, design: &str) -> Self {
        Self::start(engine, fixture(design).join("vision_model.onnx"), &fixture(design))
    }

    fn text(engine: Arc<dyn Engine>, design: &str) -> Self {
        Self::start(engine, fixture(design).join("text_model.onnx"), &fixture(design))
    }

    fn start(engine: Arc<dyn Engine>, graph: PathBuf, assets: &Path) -> Self {
        let hints = FamilyHints { assets: Some(assets.to_owned()), ..FamilyHints::default() };
        Self { serving: Serving::start_hinted(engine, graph, 8, hints).unwrap() }
    }

    fn images(&self) -> ImageEncoder {
        ImageEncoder::new(self.serving.handle())
    }

    fn captions(&self) -> CaptionEncoder {
        CaptionEncoder::new(self.serving.handle())
    }

    fn image_vector(&self, picture: Picture) -> Result<Embedding, RunError> {
        let pending = self.images().encode(picture, call(0))?;
        self.serving.block_on(pending).map(|completed| completed.output)
    }

    fn encode(&self, texts: &[String]) -> Result<Vec<Embedding>, RunError> {
        self.serving.block_on(self.captions().encode(texts.to_vec(), call(0)))
    }
}

fn fixture(design: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/image_text").join(design)
}

fn reference(design: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(design).join("reference.json")).unwrap()).unwrap()
}

fn captions(reference: &Value) -> Vec<String> {
    reference["captions"].as_array().unwrap().iter().map(|caption| caption.as_str().unwrap().to_owned()).collect()
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

fn assert_close(ours: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let furthest = ours.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what:.30}: within {furthest:e}");
    assert!(furthest <= tolerance, "{what}: {furthest}");
}

/// `drawn` of the script: edges, gradients and a grain.
fn drawn(width: u32, height: u32) -> Picture {
    let format = PixelFormat::Rgb8;
    let pixels = FramePool::new(0).take(format.size_bytes(width, height));
    let mut frame = Frame::new(width, height, format, Duration::ZERO, pixels);
    for (index, pixel) in frame.pixels_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (index as u32 % width, index as u32 / width);
        let grain = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35) >> 27;
        let red = (x / 7 + y / 5) % 2 * 150 + grain;
        let green = x * 255 / (width - 1).max(1) + grain;
        let blue = (y * 255 / (height - 1).max(1)) ^ grain;
        pixel.copy_from_slice(&[red, green, blue].map(|level| (level % 256) as u8));
    }
    frame.into()
}
