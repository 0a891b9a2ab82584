//! Evidence: a picture and a clip of an anomaly, in a folder with limits. Written by one worker that no stream waits for.

mod settings;

pub use settings::EvidenceSettings;
