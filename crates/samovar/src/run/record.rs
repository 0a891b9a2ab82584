//! One line of JSON for each picture and failure, with the names that the server's answers and the files of results use.

use super::input::Input;
use crate::failure::CliError;
use samovar_models::Detections;
use samovar_recorded::{DetectionRecord, ImageRecord, TimingsRecord};
use samovar_runtime::Completed;
use serde::Serialize;

/// What was found in one picture.
#[derive(Debug, Serialize)]
pub struct PictureLine<'a> {
    input: &'a str,
    model: &'a str,
    engine: &'static str,
    precision: &'static str,
    image: ImageRecord,
    detections: Vec<DetectionRecord>,
    timings: TimingsRecord,
}

/// An input without a result, or whose results end early.
#[derive(Debug, Serialize)]
pub struct FailureRecord<'a> {
    input: &'a str,
    error: &'a CliError,
}

impl<'a> PictureLine<'a> {
    /// The line of one picture.
    pub fn new(input: &'a Input, completed: &'a Completed<Detections>) -> Self {
        let Completed { output, timings, generation } = completed;
        Self {
            input: &input.label,
            model: &generation.name,
            engine: generation.engine,
            precision: generation.precision.name(),
            image: ImageRecord { width: output.width, height: output.height },
            detections: output.items.iter().map(DetectionRecord::from).collect(),
            timings: timings.into(),
        }
    }
}

impl<'a> FailureRecord<'a> {
    /// The line of an input that failed.
    pub const fn new(input: &'a Input, error: &'a CliError) -> Self {
        Self { input: input.label.as_str(), error }
    }
}
