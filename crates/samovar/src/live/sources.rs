//! The sources that the server opens at start, in ready form.

use super::anomaly_settings;
use crate::config::{AnomalySection, Config, PipelineName, SourceSection};
use crate::failure::{CliError, Exit};
use samovar_media::{MotionGateOptions, VideoSize};
use samovar_models::DetectOptions;
use samovar_pipelines::{SourceAddress, SourceSpec};
use samovar_server::{SourcePipeline, SourceSettings};

/// The sources as configured.
///
/// # Errors
/// What of one makes no sense, in words that name it.
pub fn sources(config: &Config) -> Result<Vec<SourceSettings>, CliError> {
    config.sources.iter().map(|(name, section)| source(name, section, &config.anomaly)).collect()
}

fn source(name: &str, section: &SourceSection, general: &AnomalySection) -> Result<SourceSettings, CliError> {
    let wrong =
        |message: String| CliError::new("sources_invalid", format!("`sources.{name}`: {message}")).exit(Exit::Usage);
    let address: SourceAddress = section.address.parse().map_err(|error| wrong(format!("{error}")))?;
    let default = SourceSpec::new(name, address);
    let spec = SourceSpec {
        fps_max: section.fps_max,
        keyframes_only: section.keyframes_only,
        size: section.side_px_max.map_or(default.size, |side| VideoSize::Fit { width: side, height: side }),
        motion_gate: section.motion_gate.then(MotionGateOptions::default),
        weight: section.weight,
        ..default
    };
    spec.validate().map_err(|error| wrong(error.to_string()))?;
    let pipeline = match section.pipeline {
        PipelineName::Anomaly => SourcePipeline::Anomaly(anomaly_settings(&section.anomaly.over(general))?),
        PipelineName::Detect => SourcePipeline::Detect {
            model: section.model.clone(),
            options: DetectOptions {
                score_min: section.score_min.unwrap_or(DetectOptions::default().score_min),
                ..DetectOptions::default()
            },
        },
    };
    Ok(SourceSettings {
        pipeline,
        sinks: section.sinks.clone(),
        evidence: section.evidence,
        ..SourceSettings::new(spec)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check;

    #[test]
    fn a_source_has_what_differs_for_it_and_the_rest_in_general() {
        let text = "[anomaly]\nscore_start = 5.0\nsmoothing_ms = 100\n\
            [sources.door]\naddress = \"rtsp://user:secret@camera/main\"\nfps_max = 10.0\nanomaly = { score_start = 4.0 }\n\
            [sources.yard]\naddress = \"http://camera/mjpeg\"\npipeline = \"detect\"\nscore_min = 0.5\n";
        let [door, yard] = sources(&check(text).unwrap()).unwrap().try_into().unwrap();
        let SourcePipeline::Anomaly(settings) = &door.pipeline else { panic!("{door:?}") };
        assert_eq!((settings.options.score_start, settings.options.smoothing.as_millis()), (4.0, 100));
        assert_eq!(door.spec.fps_max, Some(10.0));
        assert!(!format!("{door:?}").contains("secret"));
        let SourcePipeline::Detect { model: None, options } = &yard.pipeline else { panic!("{yard:?}") };
        assert_eq!(options.score_min, 0.5);
    }
}
