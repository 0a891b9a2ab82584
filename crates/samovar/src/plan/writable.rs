//! Whether what is measured can be kept.

use crate::config::Config;
use crate::failure::CliError;
use crate::here;
use samovar_runtime::PlanStore;

/// Tries to write where plans are kept.
///
/// # Errors
/// `plans_unwritable`, with the folder and the system's reason.
pub fn check_writable(config: &Config) -> Result<(), CliError> {
    let folder = here::plans_folder(config);
    PlanStore::open(&folder).check_writable().map_err(|error| {
        CliError::new("plans_unwritable", format!("plans cannot be kept in {}: {error}", folder.display()))
            .cure("set `folder` in `[plans]` to one that can be written")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_below_a_file_cannot_be_written() {
        let tmp = tempfile::tempdir().unwrap();
        let file = tmp.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut config = Config::default();
        config.plans.folder = Some(tmp.path().join("new"));
        check_writable(&config).unwrap();
        let folder = file.join("plans");
        config.plans.folder = Some(folder.clone());
        let error = check_writable(&config).unwrap_err();
        assert_eq!((error.code.as_ref(), error.exit_code() as u8), ("plans_unwritable", 1));
        assert!(error.message.contains(&folder.display().to_string()) && error.cure.is_some(), "{error}");
    }
}
