//! How a tower wants its pictures: `preprocessor_config.json` as transformers' `CLIPImageProcessor` and `SiglipImageProcessor` write it.
//!
//! Done as by the processors that resize with Pillow, which both designs were published with. Those that resize with
//! torchvision ("fast") round their sums otherwise and may differ by one grey level of 255 in some pixels.

use super::TowerArchitecture;
use super::architecture::tower_config;
use super::tower_assets::TowerAssets;
use samovar_media::{Resize, ResizeFilter, RowFormat};
use samovar_runtime::ContractError;
use serde_json::Value;

/// How pictures enter an image tower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ImageProcessor {
    placement: Placement,
    filter: ResizeFilter,
    pub(crate) format: RowFormat,
    /// (width, height) in pixels, where a file says.
    pub(crate) size: Option<(u32, u32)>,
}

/// What is done to a picture's proportions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placement {
    /// They are lost.
    Stretched,
    /// The shorter edge to this many pixels, or to the target's where none is named; then the middle.
    Middle(Option<u32>),
}

/// Mean and deviation of OpenAI's pictures, RGB, for values 0–1.
const CLIP: ([f32; 3], [f32; 3]) =
    ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1]);

/// Values -1 to 1.
const SIGLIP: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);

/// Settings of transformers' processors that have a meaning here with another value than this only.
const SWITCHES: [&str; 3] = ["do_resize", "do_rescale", "do_normalize"];

impl ImageProcessor {
    /// By `preprocessor_config.json`, or the part of `processor_config.json` that newer exporters write; what is left out, or all of it
    /// where there is no file, as `architecture` was trained. Without a size there the one in `config.json` holds.
    ///
    /// # Errors
    /// A setting that cannot be done.
    pub(crate) fn read(assets: &TowerAssets, architecture: TowerArchitecture) -> Result<Self, ContractError> {
        let settings = match assets.json("preprocessor_config.json")? {
            None => assets.json("processor_config.json")?.map(|mut all| all["image_processor"].take()),
            own => own,
        };
        let processor = Self::of_settings(settings.as_ref().unwrap_or(&Value::Null), architecture)?;
        let config = assets.json("config.json")?;
        let trained = config.as_ref().and_then(|config| side(&tower_config(config, "vision_config")["image_size"]));
        Ok(Self { size: processor.size.or(trained.map(|side| (side, side))), ..processor })
    }

    /// How a picture of `source` becomes an input of `target` (width, height).
    pub(crate) fn resize(&self, source: (u32, u32), target: (u32, u32)) -> Resize {
        match self.placement {
            Placement::Stretched => Resize::stretch(source, target, self.filter),
            Placement::Middle(edge) => {
                let edge = edge.unwrap_or(0).max(target.0).max(target.1);
                Resize::shortest_edge(source, edge, target, self.filter)
            }
        }
    }

    fn of_settings(settings: &Value, architecture: TowerArchitecture) -> Result<Self, ContractError> {
        if let Some(switch) = SWITCHES.iter().find(|switch| settings[**switch] == false) {
            return Err(misfit(&format!(
                "`{switch}` is off; leave it on, or serve the graph as `family = \"tensor\"`"
            )));
        }
        let (mean, std) = match architecture {
            TowerArchitecture::Clip => CLIP,
            TowerArchitecture::Siglip => SIGLIP,
        };
        let factor = settings["rescale_factor"].as_f64().unwrap_or(1.0 / 255.0) as f32;
        let (mean, std) = (three(&settings["image_mean"], mean)?, three(&settings["image_std"], std)?);
        if std.iter().any(|std| *std <= 0.0) {
            return Err(misfit("`image_std` must be above zero"));
        }
        let scale = std.map(|std| factor / std);
        let bias = [0, 1, 2].map(|channel| -mean[channel] / std[channel]);
        let (placement, size) = placement(settings, architecture)?;
        let filter = filter(&settings["resample"])?;
        Ok(Self { placement, filter, format: RowFormat { scale, bias, ..RowFormat::UNIT }, size })
    }
}

/// What is done to the proportions, and the size of the input where it is told.
fn placement(
    settings: &Value,
    architecture: TowerArchitecture,
) -> Result<(Placement, Option<(u32, u32)>), ContractError> {
    let crops = settings["do_center_crop"].as_bool().unwrap_or(architecture == TowerArchitecture::Clip);
    // A bare number is the shorter edge for a processor that crops, a square for one that does not.
    let (size, crop) = (&settings["size"], pair(&settings["crop_size"]));
    let edge = side(&size["shortest_edge"]).or_else(|| side(size).filter(|_| crops));
    match (edge, pair(size)) {
        (Some(edge), _) if crops => match crop.unwrap_or((edge, edge)) {
            crop if crop.0.max(crop.1) > edge => Err(misfit("`crop_size` is larger than the shortest edge in `size`")),
            crop => Ok((Placement::Middle(Some(edge)), Some(crop))),
        },
        (Some(_), _) => Err(misfit(
            "`size` keeps the proportions, but `do_center_crop` is off, so that rows would have no one size",
        )),
        (None, Some(size)) if !crops || crop.is_none_or(|crop| crop == size) => Ok((Placement::Stretched, Some(size))),
        (None, Some(_)) => Err(misfit("`size` does not keep the proportions, and `crop_size` is another")),
        (None, None) if !size.is_null() => {
            Err(misfit("`size` is none of `shortest_edge`, `height` and `width`, or a number"))
        }
        (None, None) if crops => Ok((Placement::Middle(None), crop)),
        (None, None) => Ok((Placement::Stretched, crop)),
    }
}

/// A height and a width, or a square's side, as (width, height).
fn pair(size: &Value) -> Option<(u32, u32)> {
    let square = side(size).map(|side| (side, side));
    square.or_else(|| Some((side(&size["width"])?, side(&size["height"])?)))
}

fn side(value: &Value) -> Option<u32> {
    value
        .as_u64()
        .and_then(|side| u32::try_from(side).ok())
        .filter(|side| (1..=crate::picture_port::SIDE_MAX).contains(side))
}

fn filter(resample: &Value) -> Result<ResizeFilter, ContractError> {
    match resample {
        Value::Null => Ok(ResizeFilter::Bicubic),
        number => number.as_u64().and_then(ResizeFilter::of_pillow).ok_or_else(|| {
            misfit("`resample` is none of Pillow's 1 (Lanczos), 2 (bilinear), 3 (bicubic), 4 (box) and 5 (Hamming)")
        }),
    }
}

fn three(value: &Value, default: [f32; 3]) -> Result<[f32; 3], ContractError> {
    let Value::Array(numbers) = value else { return Ok(default) };
    let numbers: Option<Vec<f32>> = numbers.iter().map(|number| number.as_f64().map(|number| number as f32)).collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| misfit("`image_mean` and `image_std` have three numbers"))
}

fn misfit(what: &str) -> ContractError {
    ContractError(format!("`preprocessor_config.json` asks for what is not done here: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TowerArchitecture::{Clip, Siglip};
    use serde_json::json;

    fn read(settings: &Value, architecture: TowerArchitecture) -> Result<ImageProcessor, ContractError> {
        ImageProcessor::of_settings(settings, architecture)
    }

    #[test]
    fn the_files_of_the_published_checkpoints_are_read() {
        let openai = json!({"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
            "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
            "resample": 3, "size": 224});
        let newer = json!({"crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 224}});
        let clip = read(&openai, Clip).unwrap();
        assert_eq!((clip.placement, clip.size), (Placement::Middle(Some(224)), Some((224, 224))));
        assert_eq!(read(&newer, Clip).unwrap(), clip);
        assert_eq!(clip.resize((810, 1080), (224, 224)).origin, (0, 37));

        let google = json!({"do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
            "rescale_factor": 0.003_921_568_627_450_98, "resample": 2, "size": {"height": 384, "width": 384}});
        let siglip = read(&google, Siglip).unwrap();
        assert_eq!((siglip.placement, siglip.size), (Placement::Stretched, Some((384, 384))));
        assert_eq!(siglip.filter, ResizeFilter::Bilinear);
        assert_eq!(siglip.format.scale.map(|scale| (scale * 255.0).round()), [2.0; 3]);
    }

    #[test]
    fn without_a_file_each_design_is_as_it_was_trained() {
        let (clip, siglip) = (read(&Value::Null, Clip).unwrap(), read(&Value::Null, Siglip).unwrap());
        assert_eq!((clip.placement, clip.size, clip.filter), (Placement::Middle(None), None, ResizeFilter::Bicubic));
        assert_eq!((siglip.placement, siglip.size), (Placement::Stretched, None));
        assert_eq!(clip.resize((100, 50), (32, 32)).resized, (64, 32));
        assert_eq!(siglip.resize((100, 50), (32, 32)).resized, (32, 32));
    }

    #[test]
    fn what_is_not_done_is_refused() {
        for settings in [
            json!({"do_normalize": false}),
            json!({"resample": 0}),
            json!({"image_mean": [0.5]}),
            json!({"image_std": [0.5, 0.0, 0.5]}),
            json!({"size": {"shortest_edge": 224}, "crop_size": 256}),
            json!({"size": {"longest_edge": 224}}),
            json!({"size": {"height": 224, "width": 224}, "crop_size": 196}),
            json!({"size": 1 << 20}),
        ] {
            assert!(read(&settings, Clip).is_err(), "{settings}");
        }
        assert!(read(&json!({"size": {"shortest_edge": 224}}), Siglip).is_err());
    }
}
