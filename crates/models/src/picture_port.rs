//! The input that takes a picture, as a signature describes it: `[batch, 3, height, width]`.

use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_runtime::ContractError;

/// The one input of a model that takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PicturePort {
    /// The most rows in one run.
    pub(crate) batch_max: usize,
    /// Width and height in pixels, where the graph fixes them.
    pub(crate) size: Option<(u32, u32)>,
    /// What the pixels are.
    pub(crate) element: ElementType,
}

/// Longest side of a model's input, in pixels.
pub(crate) const SIDE_MAX: u32 = 4_096;

/// Rows in one run where the graph sets no limit: more brings nothing to a device and takes memory for each row.
const BATCH_MAX: usize = 32;

impl PicturePort {
    /// Reads the signature's only input.
    ///
    /// # Errors
    /// What is found instead.
    pub(crate) fn find(signature: &Signature) -> Result<Self, ContractError> {
        let [port] = signature.inputs.as_slice() else {
            return Err(ContractError(format!(
                "the model has {} inputs; the families that take pictures have one",
                signature.inputs.len()
            )));
        };
        let [batch, channels, height, width] = port.dims.as_slice() else { return Err(not_a_picture(port)) };
        if channels.fixed() != Some(3) || !matches!(port.element, ElementType::F32 | ElementType::F16) {
            return Err(not_a_picture(port));
        }
        Ok(Self { batch_max: batch_max(batch, port)?, size: size(width, height, port)?, element: port.element })
    }
}

/// Whether a side can be that of a model's input: a multiple of the coarsest stride, within bounds.
pub(crate) const fn is_side(side: u32, stride: u32) -> bool {
    side >= stride && side <= SIDE_MAX && side.is_multiple_of(stride)
}

fn batch_max(batch: &Dim, port: &Port) -> Result<usize, ContractError> {
    match batch.fixed() {
        None => Ok(BATCH_MAX),
        Some(1) => Ok(1),
        Some(_) => Err(ContractError(format!(
            "the input `{port}` has a fixed batch of more than one; export the model with batch 1 or a dynamic batch axis"
        ))),
    }
}

fn size(width: &Dim, height: &Dim, port: &Port) -> Result<Option<(u32, u32)>, ContractError> {
    let (Some(width), Some(height)) = (width.fixed(), height.fixed()) else {
        let half_fixed = width.fixed().is_some() || height.fixed().is_some();
        return if half_fixed { Err(not_a_picture(port)) } else { Ok(None) };
    };
    let side = |size: usize| u32::try_from(size).ok().filter(|side| (1..=SIDE_MAX).contains(side));
    match (side(width), side(height)) {
        (Some(width), Some(height)) => Ok(Some((width, height))),
        _ => Err(not_a_picture(port)),
    }
}

fn not_a_picture(port: &Port) -> ContractError {
    ContractError(format!(
        "the input is `{port}`; expected FP32 or FP16 pictures [batch, 3, height, width] of at most {SIDE_MAX} pixels a side, \
         height and width both fixed or both dynamic"
    ))
}
