//! The tower for pictures, bound to one file: how a picture enters it and how a vector leaves it.

use super::TowerArchitecture;
use super::image_processor::ImageProcessor;
use super::image_task::ImageTask;
use super::pairing_file::pairing;
use super::side::Side;
use super::tower_assets::TowerAssets;
use super::vector::{VectorPort, read_vector};
use crate::picture_input::{decoded, unusable};
use crate::picture_port::PicturePort;
use crate::warm_up_picture::draw;
use crate::{Embedding, FamilyHints, FamilyKind, Pairing};
use samovar_engine_api::{Dim, ElementType, Signature};
use samovar_media::{Picture, ResizeScratch, Row, write_resized};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShape, RowShapes, Scratch, TaskError, WarmUpRow};
use std::sync::Arc;

/// CLIP's or SigLIP's tower for pictures, bound to one model's signature.
///
/// In: one picture `[batch, 3, height, width]`, RGB, resized, cropped and normalised by the `preprocessor_config.json` beside the
/// graph as Pillow and transformers do it, or as the design was trained where there is no such file. Out: a vector for each
/// row, `image_embeds [batch, numbers]`, or `pooler_output` for SigLIP, which has no projection.
#[derive(Clone, Debug)]
pub struct ImageTower {
    architecture: TowerArchitecture,
    processor: ImageProcessor,
    size: (u32, u32),
    element: ElementType,
    vector: VectorPort,
    pairing: Option<Pairing>,
    batch_max: usize,
}

impl ImageTower {
    /// Binds an image tower to `signature`. Without the family in `hints` it is taken only where it can be nothing else: its output is
    /// `image_embeds`, or the `config.json` beside it says SigLIP.
    ///
    /// # Errors
    /// What was found, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let assets = TowerAssets::new(hints.assets.as_deref());
        let architecture = Side::Image.architecture(signature, hints, &assets)?;
        let port = picture_port(signature)?;
        let processor = ImageProcessor::read(&assets, architecture)?;
        Ok(Self {
            architecture,
            size: size(&port, &processor, hints)?,
            processor,
            element: port.element,
            vector: VectorPort::find(Side::Image, signature, architecture)?,
            pairing: pairing(signature, &assets, architecture)?,
            batch_max: port.batch_max,
        })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::ImageTextEmbedding
    }

    /// The design.
    pub const fn architecture(&self) -> TowerArchitecture {
        self.architecture
    }

    /// The size of its input, (width, height) in pixels.
    pub const fn input_size(&self) -> (u32, u32) {
        self.size
    }

    /// Numbers of each vector, where the graph says.
    pub const fn dimensions(&self) -> Option<usize> {
        self.vector.dimensions
    }

    /// The scale and the bias that it was trained with, where they are known.
    pub const fn pairing(&self) -> Option<Pairing> {
        self.pairing
    }

    pub(crate) fn rows(&self) -> RowShapes {
        RowShapes::new(vec![RowShape::Batched(vec![3, self.size.1 as usize, self.size.0 as usize])])
    }

    pub(crate) fn write(
        &self,
        picture: &Picture,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        let frame = decoded(picture, scratch)?;
        let resize = self.processor.resize((frame.width(), frame.height()), self.size);
        let pixels = match self.element {
            ElementType::F16 => Row::F16(row.slice(0)?),
            _ => Row::F32(row.slice(0)?),
        };
        write_resized(&frame, &resize, &self.processor.format, pixels, scratch.of::<ResizeScratch>())
            .map_err(|error| unusable(&error))
    }

    pub(crate) fn read(&self, row: &OutputRow<'_>) -> Result<Embedding, TaskError> {
        read_vector(row, self.vector)
    }
}

impl Family for ImageTower {
    fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![self.rows()]
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(ImageTask { tower: Arc::new(self.clone()), picture: draw((1280, 720)).into() })
    }
}

/// The input. Exporters of transformers leave even the number of channels open.
fn picture_port(signature: &Signature) -> Result<PicturePort, ContractError> {
    let mut inputs = signature.inputs.clone();
    if let Some(channels) = inputs.first_mut().and_then(|port| port.dims.get_mut(1)).filter(|dim| dim.fixed().is_none())
    {
        *channels = Dim::Fixed(3);
    }
    PicturePort::find(&Signature { inputs, ..Signature::default() })
}

/// The size of the input: the graph's, the configured one, or that of the files beside it.
fn size(port: &PicturePort, processor: &ImageProcessor, hints: &FamilyHints) -> Result<(u32, u32), ContractError> {
    match (port.size, hints.input_size.or(processor.size)) {
        (Some(fixed), Some(wanted)) if fixed != wanted => Err(ContractError(format!(
            "the graph takes pictures of {}×{}, but `input_size` or `preprocessor_config.json` says {}×{}; take the file of this \
             checkpoint, or leave `input_size` out",
            fixed.0, fixed.1, wanted.0, wanted.1
        ))),
        (Some(size), _) | (None, Some(size)) => Ok(size),
        (None, None) => Err(ContractError(
            "the size of the pictures is told nowhere; put the checkpoint's `preprocessor_config.json` beside the graph, or set \
             `input_size`"
                .to_owned(),
        )),
    }
}
