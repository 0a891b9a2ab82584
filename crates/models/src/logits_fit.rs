//! Which output of a model holds the logits of a segmentation: recognised from its shape, its size beside the input's, its
//! name where there are others, and the number of classes that the model names.
//!
//! Many networks give a picture-like output. What could as well be a picture, a depth, a heat map or the raw grid of a
//! detector is not taken unless the configuration says that it is a segmentation.

use crate::FamilyKind;
use crate::class_argmax::CLASSES_MAX;
use crate::head_fit::Known;
use samovar_engine_api::{ElementType, Port};
use samovar_runtime::ContractError;

/// The output that holds logits `[batch, classes, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogitsFit {
    /// By its index in the signature.
    pub(crate) output: usize,
    /// 2..=256.
    pub(crate) classes: usize,
}

/// Pixels of the input for one value of the logits, along a side: 4 for SegFormer, 8 for DeepLab without its last scaling.
/// Raw grids of detectors are as coarse as 32.
const COARSEST: usize = 16;

/// Names of the output among others, the likeliest first: transformers', torchvision's, and what people write.
const NAMES: [&str; 5] = ["logits", "out", "output", "output0", "output_0"];

impl LogitsFit {
    /// The one output that fits.
    ///
    /// # Errors
    /// What was found, and what would have fitted.
    pub(crate) fn find(known: &Known<'_>) -> Result<Self, ContractError> {
        let configured = known.family == Some(FamilyKind::Segmentation);
        let outputs = || known.signature.outputs.iter().enumerate().filter(|(_, port)| !is_auxiliary(port));
        let grids: Vec<(usize, &Port)> = outputs().filter(|(_, port)| is_grid(port)).collect();
        let (output, port) = match grids.as_slice() {
            [only] if configured || outputs().count() == 1 => *only,
            [_, _, ..] if configured => {
                by_name(&grids).ok_or_else(|| misfit(known, "which output holds the logits is not clear"))?
            }
            _ => return Err(misfit(known, "no single output holds logits")),
        };
        let classes = classes(known, port)?;
        match known.size {
            Some(size) if !is_plausible(port, classes, size, configured || known.classes.is_some()) => {
                Err(misfit(known, "the output may be something else than a segmentation"))
            }
            _ => Ok(Self { output, classes }),
        }
    }
}

/// torchvision's second head, which is there for training.
fn is_auxiliary(port: &Port) -> bool {
    port.name.starts_with("aux")
}

fn is_grid(port: &Port) -> bool {
    port.dims.len() == 4 && matches!(port.element, ElementType::F32 | ElementType::F16)
}

fn by_name<'a>(ports: &[(usize, &'a Port)]) -> Option<(usize, &'a Port)> {
    NAMES.iter().find_map(|name| ports.iter().find(|(_, port)| port.name == *name)).copied()
}

/// torch's exporter leaves the axis open behind a `Resize` (torchvision with a dynamic batch): then the names tell.
fn classes(known: &Known<'_>, port: &Port) -> Result<usize, ContractError> {
    match (port.dims[1].fixed(), known.classes) {
        (None, None) => Err(misfit(known, "the file does not say how many classes there are; set `labels`")),
        (Some(classes), Some(named)) if named != classes => {
            Err(misfit(known, "the class names are not one for each class"))
        }
        (Some(classes), _) | (None, Some(classes)) => in_bounds(known, classes),
    }
}

fn in_bounds(known: &Known<'_>, classes: usize) -> Result<usize, ContractError> {
    match classes {
        0 | 1 => Err(misfit(known, "a single class cannot be told from others")),
        2..=CLASSES_MAX => Ok(classes),
        _ => Err(misfit(known, "a class map holds 256 classes at most")),
    }
}

fn is_plausible(port: &Port, classes: usize, (width, height): (u32, u32), is_told: bool) -> bool {
    let within = |side: Option<usize>, of: u32| side.is_none_or(|side| (1..=of as usize).contains(&side));
    let (down, across) = (port.dims[2].fixed(), port.dims[3].fixed());
    let fine = |side: Option<usize>, of: u32| side.is_none_or(|side| side * COARSEST >= of as usize);
    let picture_like = classes == 3 && (across, down) == (Some(width as usize), Some(height as usize));
    let sure = is_told || (fine(across, width) && fine(down, height) && !picture_like);
    within(across, width) && within(down, height) && sure
}

fn misfit(known: &Known<'_>, what: &str) -> ContractError {
    let outputs: Vec<String> = known.signature.outputs.iter().map(|port| format!("`{port}`")).collect();
    let names = known.classes.map_or_else(String::new, |count| format!(" and {count} class names"));
    ContractError(format!(
        "{what}. Found: {}{names}. Expected for a segmentation: one output `logits` FP32 or FP16 [batch, classes, height, \
         width] with 2 to {CLASSES_MAX} classes, no larger than the input. Set `family = \"segmentation\"` where the model \
         is one (and `labels` where its names are others), or export it in this layout",
        outputs.join(", ")
    ))
}
