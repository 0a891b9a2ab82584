//! The drawn street that ships with Samovar, as a camera would send it, and a server with the models that look at it.

use crate::house::{House, fake_detector, options, port, spec};
use samovar_engine_api::Signature;
use samovar_engines::{FakeEngine, FakeModel, Rten};
use samovar_media::{
    FfmpegProgram, FramePool, ImageEncoding, VideoDecoder, VideoInput, VideoLimits, VideoOptions, encode_image,
};
use samovar_runtime::ModelSpec;
use samovar_server::{AnomalySettings, ServerOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that ships with Samovar.
pub(crate) fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

/// The program that decodes; none, with a line that says so, where it is absent.
pub(crate) fn ffmpeg() -> Option<FfmpegProgram> {
    let program = FfmpegProgram::find().ok();
    if program.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "FFmpeg is absent");
        println!("skipped: FFmpeg is absent");
    }
    program
}

/// So many pictures of the street from its beginning, as JPEG, twelve for each second.
pub(crate) fn pictures(program: FfmpegProgram, count: usize) -> Vec<Vec<u8>> {
    let (input, pool) = (VideoInput::File(starter("samples/street.mp4")), FramePool::new(4));
    let options = VideoOptions::new(program);
    let mut decoder = VideoDecoder::open(input, options, &VideoLimits::default(), pool.clone()).unwrap();
    let mut next = || decoder.next_frame().unwrap().expect("the street is long enough");
    let jpeg = |frame| encode_image(&frame, ImageEncoding::Jpeg { quality: 90 }, &pool).unwrap();
    (0..count).map(|_| jpeg(next())).collect()
}

/// The starter models of anomaly streams, warm, with what else a test wants.
pub(crate) async fn watched(options: ServerOptions) -> House {
    let specs = vec![
        spec("starter-pose", &starter("models/starter-pose.onnx")),
        ModelSpec { batch_max: None, ..spec("starter-stg-nf", &starter("models/starter-stg-nf.onnx")) },
    ];
    House::start(options, Arc::new(Rten), specs, fake_detector()).await
}

/// A server whose pose model finds nobody, at once, so that streams and not models are what a test sees. Returned is the pose model.
pub(crate) async fn empty(given: ServerOptions) -> (House, FakeModel) {
    let pose = fake_pose();
    let engine = FakeEngine::new().with("pose.onnx", &pose).with("movement.onnx", &fake_movement());
    let engine = engine.with("fake.onnx", &fake_detector());
    let specs = ["pose", "movement", "fake"].map(|name| spec(name, Path::new(&format!("{name}.onnx"))));
    let anomaly = AnomalySettings {
        pose: Some("pose".to_owned()),
        sequence: Some("movement".to_owned()),
        ..AnomalySettings::default()
    };
    let given = ServerOptions { anomaly: Some(anomaly), ..given };
    (House::start(given, Arc::new(engine), specs.to_vec(), pose.clone()).await, pose)
}

/// 4 sides, a score and 17 key points for 8² + 4² + 2² places of 64 × 64 pixels.
fn fake_pose() -> FakeModel {
    let metadata = [("names", "{0: 'person'}"), ("stride", "32"), ("task", "pose"), ("kpt_shape", "[17, 3]")];
    FakeModel::new(Signature {
        inputs: vec![port("images", &[3, 64, 64])],
        outputs: vec![port("output0", &[56, 84])],
        metadata: metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    })
}

/// STG-NF's signature.
fn fake_movement() -> FakeModel {
    FakeModel::new(Signature {
        inputs: vec![port("pose", &[2, 24, 18])],
        outputs: vec![port("nll", &[]), port("z", &[2, 24, 18])],
        ..Signature::default()
    })
}

/// No limits that a test of hundreds of clients from one address would meet.
pub(crate) fn crowded() -> ServerOptions {
    let mut options = options();
    options.limits.connections_per_client_max = 2_000;
    options.limits.connections_max = 2_000;
    options
}
