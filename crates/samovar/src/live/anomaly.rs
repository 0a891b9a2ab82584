//! The models and options of anomaly streams, in ready form.

use crate::config::{AnomalySection, anomaly_options};
use crate::failure::{CliError, Exit};
use samovar_server::AnomalySettings;

/// The models and options of anomaly streams that name none.
///
/// # Errors
/// As [`anomaly_options`].
pub fn anomaly_settings(section: &AnomalySection) -> Result<AnomalySettings, CliError> {
    let options = anomaly_options(section)
        .map_err(|message| CliError::new("invalid_option", format!("`[anomaly]`: {message}")).exit(Exit::Usage))?;
    Ok(AnomalySettings {
        detector: section.detector.clone(),
        pose: section.pose.clone(),
        sequence: section.sequence.clone(),
        appearance: section.appearance.clone(),
        options,
    })
}
