//! Faces through the service, on small random networks of the true form.

use super::{FaceRequest, MediaService};
use crate::access::{Caller, Scope, Scopes};
use samovar_engines::Rten;
use samovar_media::{
    Frame, FramePool, ImageEncoding, ImageFormat, ImageHeader, ImageLimits, Picture, PixelFormat, encode_image,
};
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{ModelSource, ModelSpec, Registry, RegistryOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FINDS: &str = "finds";
const KNOWS: &str = "knows";

#[tokio::test]
async fn faces_come_with_vectors_and_crops_where_they_are_asked_for() {
    let service = service();
    let plain = service.faces(&Caller::local(), request()).await.unwrap();
    assert_eq!((plain.width, plain.height, &*plain.generation.name), (320, 240, FINDS));
    assert!(!plain.faces.is_empty() && plain.encoder.is_none());
    assert!(plain.faces.iter().all(|found| found.embedding.is_none() && found.crop.is_none()));

    let asked = FaceRequest { embedding_model: Some(KNOWS.to_owned()), crops: Some(ImageEncoding::Png), ..request() };
    let rich = service.faces(&Caller::local(), asked).await.unwrap();
    assert_eq!(rich.encoder.unwrap().name.as_ref(), KNOWS);
    assert_eq!(rich.faces.len(), plain.faces.len());
    for (rich, plain) in rich.faces.iter().zip(&plain.faces) {
        assert_eq!(rich.face, plain.face);
        let vector = rich.embedding.as_ref().unwrap();
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!(vector.len() == 128 && (length - 1.0).abs() < 1e-4, "{length}");
        let header = ImageHeader::read(rich.crop.as_ref().unwrap(), &ImageLimits::default()).unwrap();
        assert_eq!((header.width, header.height, header.format), (112, 112, ImageFormat::Png));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_by_its_code() {
    let service = service();
    let code = async |caller: &Caller, request: FaceRequest| match service.faces(caller, request).await {
        Ok(_) => "done",
        Err(error) => error.kind().code(),
    };
    let local = Caller::local();
    let mut only_jobs = Caller::local();
    only_jobs.scopes = Scopes::default().with(Scope::Jobs);
    assert_eq!(code(&only_jobs, request()).await, "forbidden");
    for bad in [
        FaceRequest { score_min: Some(f32::NAN), ..request() },
        FaceRequest { iou_max: Some(-1.0), ..request() },
        FaceRequest { faces_max: Some(0), ..request() },
        FaceRequest { faces_max: Some(FaceRequest::PREPARED_MAX + 1), embeddings: true, ..request() },
    ] {
        assert_eq!(code(&local, bad).await, "invalid_option");
    }
    let named = |model: &str| FaceRequest { model: Some(model.to_owned()), ..request() };
    assert_eq!(code(&local, named("nobody")).await, "model_not_found");
    assert_eq!(code(&local, named(KNOWS)).await, "wrong_family");
    let stranger = FaceRequest { embedding_model: Some(FINDS.to_owned()), ..request() };
    assert_eq!(code(&local, stranger).await, "wrong_family");
    for crops in [None, Some(ImageEncoding::Png)] {
        let cut_off = FaceRequest { crops, ..FaceRequest::new(cut_off(), soon()) };
        assert_eq!(code(&local, cut_off).await, "corrupt_media");
    }
    assert_eq!(code(&local, FaceRequest { deadline: Instant::now(), ..request() }).await, "deadline_exceeded");
    assert_eq!(code(&local, request()).await, "done");
}

fn service() -> MediaService {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
    let spec = |name: &str, file: &str| {
        ModelSpec::new(name, ModelSource::file(fixtures.join(file)), binder(FamilyHints::default()))
    };
    let specs = vec![spec(FINDS, "yunet_random.onnx"), spec(KNOWS, "face_random.onnx")];
    let registry = Arc::new(Registry::start(RegistryOptions::new(vec![Arc::new(Rten)]), specs).unwrap());
    MediaService::new(registry, 1)
}

/// The three surest of what a random network takes for faces. The models are named: none is loaded yet, so none is the only one.
fn request() -> FaceRequest {
    FaceRequest {
        model: Some(FINDS.to_owned()),
        embedding_model: None,
        score_min: Some(0.9),
        faces_max: Some(3),
        ..FaceRequest::new(waves().into(), soon())
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn waves() -> Frame {
    let (width, height) = (320_u32, 240_u32);
    let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(width, height));
    let mut frame = Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels);
    for (index, level) in frame.pixels_mut().iter_mut().enumerate() {
        let (x, y) = ((index / 3) as u32 % width, (index / 3) as u32 / width);
        *level = (128.0 + 60.0 * (x as f32 / 8.0).sin() + 60.0 * (y as f32 / 9.0).cos()) as u8;
    }
    frame
}

fn cut_off() -> Picture {
    let mut png = encode_image(&waves(), ImageEncoding::Png, &FramePool::new(0)).unwrap();
    png.truncate(png.len() / 2);
    Picture::encoded(png.into(), ImageLimits::default()).unwrap()
}
