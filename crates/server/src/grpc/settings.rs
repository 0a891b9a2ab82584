//! Trace and log settings as messages.

use super::messages::inference::{
    LogSettingsRequest, LogSettingsResponse, TraceSettingRequest, TraceSettingResponse, log_settings_request,
    log_settings_response, trace_setting_response,
};
use samovar_service::ServiceError;
use samovar_service::access::Caller;
use samovar_service::tensor::{LogSettings, TensorService, TraceSettings};

/// Keeps what is said of traces, if anything is, and tells all of it. A setting without a value goes back to its default.
pub(super) fn trace(
    tensors: &TensorService,
    caller: &Caller,
    asked: TraceSettingRequest,
) -> Result<TraceSettingResponse, ServiceError> {
    let model = (!asked.model_name.is_empty()).then_some(&*asked.model_name);
    if asked.settings.is_empty() {
        return tensors.trace(model).map(Into::into);
    }
    let value = |values: Vec<String>| (!values.is_empty()).then_some(values);
    let changes = asked.settings.into_iter().map(|(name, setting)| (name, value(setting.value))).collect();
    tensors.set_trace(caller, model, changes).map(Into::into)
}

impl From<TraceSettings> for TraceSettingResponse {
    fn from(settings: TraceSettings) -> Self {
        let value = |value| trace_setting_response::SettingValue { value };
        Self { settings: settings.0.into_iter().map(|(name, values)| (name, value(values))).collect() }
    }
}

/// Sets what is said of logs, if anything is, and tells all of it.
pub(super) fn log(
    tensors: &TensorService,
    caller: &Caller,
    asked: LogSettingsRequest,
) -> Result<LogSettingsResponse, ServiceError> {
    let mut settings = tensors.log();
    if asked.settings.is_empty() {
        return Ok(settings.into());
    }
    for (name, value) in asked.settings {
        set(&mut settings, &name, value.parameter_choice)?;
    }
    tensors.set_log(caller, settings).map(Into::into)
}

type Choice = log_settings_request::setting_value::ParameterChoice;

fn set(settings: &mut LogSettings, name: &str, value: Option<Choice>) -> Result<(), ServiceError> {
    match (name, value) {
        ("log_info", Some(Choice::BoolParam(on))) => settings.info = on,
        ("log_warning" | "log_warnings", Some(Choice::BoolParam(on))) => settings.warning = on,
        ("log_error" | "log_errors", Some(Choice::BoolParam(on))) => settings.error = on,
        ("log_verbose_level", Some(Choice::Uint32Param(level))) => settings.verbose_level = level,
        ("log_format", Some(Choice::StringParam(format))) if is_format(&format) => settings.format = format,
        _ => return Err(ServiceError::invalid("unknown_setting", "there is no such log setting, or not of that type")),
    }
    Ok(())
}

fn is_format(format: &str) -> bool {
    matches!(format, "default" | "ISO8601")
}

impl From<LogSettings> for LogSettingsResponse {
    fn from(settings: LogSettings) -> Self {
        use log_settings_response::SettingValue;
        use log_settings_response::setting_value::ParameterChoice as Told;
        let values = [
            ("log_file", Told::StringParam(String::new())),
            ("log_info", Told::BoolParam(settings.info)),
            ("log_warning", Told::BoolParam(settings.warning)),
            ("log_error", Told::BoolParam(settings.error)),
            ("log_verbose_level", Told::Uint32Param(settings.verbose_level)),
            ("log_format", Told::StringParam(settings.format)),
        ];
        let setting = |(name, value): (&str, Told)| (name.to_owned(), SettingValue { parameter_choice: Some(value) });
        Self { settings: values.map(setting).into() }
    }
}
