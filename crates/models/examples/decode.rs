//! How long the way from an output to detections takes, beside the run of the model itself.
//!
//! `cargo run --release -p samovar-models --example decode`

use samovar_engine_api::{Dim, ElementType, Port, Signature, TensorRef};
use samovar_models::{DetectOptions, DetectionModel, FamilyHints};
use samovar_runtime::{ContractError, Scratch};
use std::sync::Arc;
use std::time::Instant;

const RUNS: u32 = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = DetectOptions { classes: Some(Arc::new([0])), ..DetectOptions::default() };
    report("v8 [84, 8400], all classes", [84, 8400], &DetectOptions::default())?;
    report("v8 [84, 8400], persons only", [84, 8400], &people)?;
    report("v5 [25200, 85], all classes", [25200, 85], &DetectOptions::default())?;
    Ok(())
}

fn report(what: &str, shape: [usize; 2], options: &DetectOptions) -> Result<(), Box<dyn std::error::Error>> {
    let (model, data) = (bind(shape)?, street(shape));
    let (letterbox, output) = (model.letterbox_for((1280, 720)), TensorRef::from((&shape[..], &data[..])));
    let mut scratch = Scratch::default();
    let found = model.decode(&output, &letterbox, options, &mut scratch)?.items.len();
    let started = Instant::now();
    for _ in 0..RUNS {
        std::hint::black_box(model.decode(std::hint::black_box(&output), &letterbox, options, &mut scratch)?);
    }
    println!("{what}: {:.0} µs, {found} objects", started.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS));
    Ok(())
}

fn bind(shape: [usize; 2]) -> Result<DetectionModel, ContractError> {
    let port = |name: &str, dims: &[usize]| Port {
        name: name.to_owned(),
        element: ElementType::F32,
        dims: dims.iter().map(|&size| Dim::Fixed(size)).collect(),
    };
    let (inputs, outputs) = (vec![port("images", &[1, 3, 640, 640])], vec![port("output", &[1, shape[0], shape[1]])]);
    DetectionModel::bind(&Signature { inputs, outputs, ..Signature::default() }, &FamilyHints::default())
}

/// Twelve persons, each seen by eight anchors, over a background of low scores.
fn street(shape: [usize; 2]) -> Vec<f32> {
    let mut data: Vec<f32> = (0..shape[0] * shape[1]).map(|index| (index % 97) as f32 * 1e-4).collect();
    let class_major = shape[0] < shape[1];
    let mut set = |anchor: usize, channel: usize, value: f32| {
        data[if class_major { channel * shape[1] + anchor } else { anchor * shape[1] + channel }] = value;
    };
    for person in 0..12 {
        for view in 0..8 {
            let anchor = 300 + person * 600 + view;
            let bbox = [40.0 + 50.0 * person as f32 + view as f32, 320.0, 40.0, 100.0];
            bbox.into_iter().enumerate().for_each(|(channel, value)| set(anchor, channel, value));
            set(anchor, 4, 0.9 - 0.01 * view as f32);
            set(anchor, 5, if class_major { 0.0 } else { 0.95 });
        }
    }
    data
}
