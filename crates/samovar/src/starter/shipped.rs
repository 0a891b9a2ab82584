//! The list of what ships, by name.

use super::unpack::unpack;
use crate::failure::CliError;
use samovar_engines::Locations;
use std::path::{Path, PathBuf};

/// The starter configuration; its paths are relative to `starter/` in the sources.
pub const CONFIG: &str = include_str!("../../../../starter/samovar.toml");

/// One file or folder that ships.
#[derive(Debug)]
pub struct Shipped {
    /// What it is called: `starter-detect`.
    pub name: &'static str,
    /// Its path once unpacked, below the folder of its version.
    pub path: &'static str,
    /// Every file of it, by the same kind of path.
    pub files: &'static [ShippedFile],
}

/// The path below the folder of its version, and the content.
pub type ShippedFile = (&'static str, &'static [u8]);

const MODELS: &[Shipped] = &[
    Shipped {
        name: "starter-detect",
        path: "starter-detect.onnx",
        files: &[("starter-detect.onnx", include_bytes!("../../../../starter/models/starter-detect.onnx"))],
    },
    Shipped {
        name: "starter-pose",
        path: "starter-pose.onnx",
        files: &[("starter-pose.onnx", include_bytes!("../../../../starter/models/starter-pose.onnx"))],
    },
    Shipped {
        name: "starter-stg-nf",
        path: "starter-stg-nf.onnx",
        files: &[("starter-stg-nf.onnx", include_bytes!("../../../../starter/models/starter-stg-nf.onnx"))],
    },
    Shipped {
        name: "starter-segment-fast",
        path: "starter-segment-fast.onnx",
        files: &[("starter-segment-fast.onnx", include_bytes!("../../../../starter/models/starter-segment-fast.onnx"))],
    },
    Shipped {
        name: "starter-segment-balanced",
        path: "starter-segment-balanced.onnx",
        files: &[(
            "starter-segment-balanced.onnx",
            include_bytes!("../../../../starter/models/starter-segment-balanced.onnx"),
        )],
    },
    Shipped {
        name: "starter-segment-accurate",
        path: "starter-segment-accurate.onnx",
        files: &[(
            "starter-segment-accurate.onnx",
            include_bytes!("../../../../starter/models/starter-segment-accurate.onnx"),
        )],
    },
    Shipped {
        name: "starter-segment-sota",
        path: "starter-segment-sota.onnx",
        files: &[("starter-segment-sota.onnx", include_bytes!("../../../../starter/models/starter-segment-sota.onnx"))],
    },
    Shipped { name: "starter-whisper", path: "starter-whisper/onnx/encoder_model.onnx", files: WHISPER },
];

/// The encoder first; the decoder that begins a text has all of the weights, and the graph for further steps is made of it.
const WHISPER: &[ShippedFile] = &[
    (
        "starter-whisper/onnx/encoder_model.onnx",
        include_bytes!("../../../../starter/models/starter-whisper/onnx/encoder_model.onnx"),
    ),
    (
        "starter-whisper/onnx/decoder_model.onnx",
        include_bytes!("../../../../starter/models/starter-whisper/onnx/decoder_model.onnx"),
    ),
    ("starter-whisper/config.json", include_bytes!("../../../../starter/models/starter-whisper/config.json")),
    (
        "starter-whisper/generation_config.json",
        include_bytes!("../../../../starter/models/starter-whisper/generation_config.json"),
    ),
    (
        "starter-whisper/preprocessor_config.json",
        include_bytes!("../../../../starter/models/starter-whisper/preprocessor_config.json"),
    ),
    ("starter-whisper/tokenizer.json", include_bytes!("../../../../starter/models/starter-whisper/tokenizer.json")),
];

const CLIP: Shipped = Shipped {
    name: "street",
    path: "street.mp4",
    files: &[("street.mp4", include_bytes!("../../../../starter/samples/street.mp4"))],
};

/// Every model that ships.
pub const fn models() -> &'static [Shipped] {
    MODELS
}

/// The model that ships under this name.
pub fn model(name: &str) -> Option<&'static Shipped> {
    MODELS.iter().find(|shipped| shipped.name == name)
}

/// The model that the starter configuration names by this path, as `models/starter-detect.onnx`.
pub fn model_of_path(path: &Path) -> Option<&'static Shipped> {
    MODELS.iter().find(|shipped| path.ends_with(shipped.path))
}

/// The clip, unpacked.
///
/// # Errors
/// As [`Shipped::unpacked`].
pub fn clip() -> Result<PathBuf, CliError> {
    CLIP.unpacked()
}

impl Shipped {
    /// Where it lies in Samovar's own folder, whole: what is missing or damaged there is written anew.
    ///
    /// # Errors
    /// Where that folder cannot be written to.
    pub fn unpacked(&self) -> Result<PathBuf, CliError> {
        let home = Locations::from_environment().home.join("starter");
        let folder = unpack(self.files, &home).map_err(|error| {
            CliError::new(
                "starter_unwritable",
                format!("{} cannot be written below {}: {error}", self.name, home.display()),
            )
            .cure("set SAMOVAR_HOME to a folder that this user may write")
        })?;
        Ok(folder.join(self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_starter_configuration_names_every_model_that_ships_and_no_other() {
        let config = config::check(CONFIG).unwrap();
        let named: Vec<_> =
            config.models.iter().map(|(name, section)| (name.as_str(), model_of_path(&section.path))).collect();
        for (name, shipped) in &named {
            assert_eq!(shipped.expect("it ships").name, *name);
        }
        assert!(MODELS.iter().all(|model| named.iter().any(|(name, _)| *name == model.name)));
        assert_eq!(named.len(), MODELS.len());
    }

    #[test]
    fn the_starter_configuration_is_right_where_it_lies_in_the_sources() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/samovar.toml");
        let file = config::ConfigFile::read(&path).unwrap();
        for (name, section) in file.config.models {
            let content = std::fs::read(&section.path).unwrap();
            assert_eq!(content, model(&name).unwrap().files[0].1, "{name}: the binary holds another one");
        }
    }
}
