//! Representative work for warm-up and for comparing precisions: a drawn street-like picture, the same every time,
//! through the same write and read as any other picture.

use crate::{AppearanceModel, DetectOptions, DetectionList, DetectionModel, SegmentOptions, SegmentationModel};
use samovar_media::{Crop, Frame, FramePool, Letterbox, Picture, PixelFormat};
use samovar_runtime::{InputRow, OutputRow, RowShape, RowShapes, Scratch, TaskError, WarmUpRow};
use std::time::Duration;

/// One drawn picture through a detector, over and over.
pub(crate) struct WarmUpDetection {
    model: DetectionModel,
    picture: Picture,
    letterbox: Letterbox,
}

impl WarmUpDetection {
    /// For rows of pictures of `size` (width, height).
    pub(crate) fn new(model: DetectionModel, size: (u32, u32)) -> Self {
        let source = source_for(size);
        let letterbox = model.letterbox(source, size);
        Self { model, picture: draw(source).into(), letterbox }
    }
}

impl WarmUpRow for WarmUpDetection {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        let options = DetectOptions::default();
        if self.model.keypoint_count().is_some() {
            self.model.decode_poses(&row.tensor(self.model.output())?, &self.letterbox, &options, scratch)?;
        }
        self.model.read(DetectionList::default(), row, (&self.letterbox, &options), scratch)?;
        self.model.verify(row, self.letterbox.target, scratch)
    }
}

/// One drawn picture through a segmentation model, over and over.
pub(crate) struct WarmUpSegmentation {
    model: SegmentationModel,
    picture: Picture,
    letterbox: Letterbox,
}

impl WarmUpSegmentation {
    /// For rows of pictures of `size` (width, height).
    pub(crate) fn new(model: SegmentationModel, size: (u32, u32)) -> Self {
        let source = source_for(size);
        let letterbox = Letterbox::stretch(source, size);
        Self { model, picture: draw(source).into(), letterbox }
    }
}

impl WarmUpRow for WarmUpSegmentation {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    /// Numbers alone are the last part of the contract, which no signature tells.
    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        let map = self.model.read(row, self.letterbox.source, &SegmentOptions::default(), scratch)?;
        let sound = map.not_finite == 0;
        sound.then_some(()).ok_or_else(|| TaskError::internal("the model gives values that are not numbers"))
    }
}

/// A figure of one drawn picture through a re-identification model, over and over.
pub(crate) struct WarmUpAppearance {
    model: AppearanceModel,
    picture: Picture,
}

/// One of the figures that [`draw`] puts into a picture of 1280×720, and what is around it.
const FIGURE: Crop = Crop { x: 840, y: 350, width: 140, height: 310 };

impl WarmUpAppearance {
    pub(crate) fn new(model: AppearanceModel) -> Self {
        Self { model, picture: draw((1280, 720)).into() }
    }
}

impl WarmUpRow for WarmUpAppearance {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, FIGURE, row, scratch)
    }

    /// A vector without a direction is an error here as it is later.
    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.read(row).map(drop)
    }
}

/// The (width, height) of the drawn picture for an input of `size`: lying or upright as that is.
pub(crate) fn source_for(size: (u32, u32)) -> (u32, u32) {
    if size.0 >= size.1 { (1280, 720) } else { (720, 1280) }
}

/// The (width, height) of a lane's pictures.
pub(crate) fn lane_size(lane: &RowShapes) -> Option<(u32, u32)> {
    match lane.inputs().first()? {
        RowShape::Batched(dims) => match dims.as_slice() {
            [_, height, width] => Some((u32::try_from(*width).ok()?, u32::try_from(*height).ok()?)),
            _ => None,
        },
        RowShape::Whole(_) => None,
    }
}

/// Sky, ground, blocks with windows and upright figures, and a grain over it all: edges at every scale, no flat field.
pub(crate) fn draw((width, height): (u32, u32)) -> Frame {
    let format = PixelFormat::Rgb8;
    let pixels = FramePool::new(0).take(format.size_bytes(width, height));
    let mut frame = Frame::new(width, height, format, Duration::ZERO, pixels);
    for (index, pixel) in frame.pixels_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (index as u32 % width, index as u32 / width);
        let grain = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35) >> 28;
        let color = color_at(x, y, (width, height));
        pixel.copy_from_slice(&color.map(|value| value.saturating_add(grain as u8)));
    }
    frame
}

fn color_at(x: u32, y: u32, (width, height): (u32, u32)) -> [u8; 3] {
    let horizon = height * 3 / 5;
    let (block, within) = (x * 8 / width, x % (width / 8).max(1));
    let roof = horizon * (block * 5 % 7 + 1) / 10;
    let figure = y > height / 2 && y < height * 9 / 10 && within > width / 22 && within < width / 13;
    let window = x % 40 < 18 && y % 48 < 22;
    match () {
        () if figure => [150 - 15 * block as u8, 40 + 20 * block as u8, 60],
        () if y < roof => [90, 140, (200 - 100 * y / height) as u8],
        () if y < horizon && window => [230, 220, 160],
        () if y < horizon => [110 + 10 * block as u8, 80, 70],
        () => [(90 + 60 * y / height) as u8, 90, 85],
    }
}
