//! How a picture is laid into a model's row: at which size, where, and with which channel order and scale.

use crate::picture_port::{PicturePort, is_side};
use samovar_engine_api::ElementType;
use samovar_media::{
    AlignedCrop, ChannelOrder, Crop, Frame, FramePool, Letterbox, MediaError, Picture, PoolPurpose, Row, RowFormat,
    RowScratch, write_aligned, write_crop, write_row,
};
use samovar_runtime::{ContractError, InputRow, RowShape, RowShapes, Scratch, TaskError};
use std::sync::Arc;

/// How pictures enter one model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PictureInput {
    sizes: Sizes,
    element: ElementType,
    placement: Placement,
    format: RowFormat,
}

/// The input sizes that a model runs at, (width, height) in pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sizes {
    One((u32, u32)),
    /// For graphs with dynamic height and width: the rectangles in use, the commonest first. The last holds every picture that was told of.
    Rectangles {
        sizes: Vec<(u32, u32)>,
        side: u32,
        stride: u32,
    },
}

/// Where a picture lies within the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In the middle: ultralytics' `LetterBox`.
    Centered,
    /// At the top left: YOLOX's `preproc`.
    TopLeft,
    /// The same, but a picture that is smaller than the input stays as it is.
    TopLeftShrunk,
    /// All over it, without regard to the proportions.
    Stretched,
}

/// What a family says about its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pixels {
    pub(crate) placement: Placement,
    pub(crate) format: RowFormat,
}

impl Pixels {
    /// RGB, 0–1, in the middle of grey 114.
    pub(crate) const YOLO: Self = Self { placement: Placement::Centered, format: RowFormat::UNIT };
    /// BGR, 0–255, at the top left of grey 114.
    pub(crate) const YOLOX: Self = Self {
        placement: Placement::TopLeft,
        format: RowFormat { order: ChannelOrder::Bgr, scale: [1.0; 3], bias: [0.0; 3], pad: 114 },
    };
}

/// What the sizes of an input follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeChoice<'a> {
    /// Configured (width, height).
    pub(crate) configured: Option<(u32, u32)>,
    /// Longer side for a dynamic input, in pixels.
    pub(crate) side: u32,
    /// Every side is a multiple of it.
    pub(crate) stride: u32,
    /// Whether a dynamic input may be a rectangle.
    pub(crate) rectangles: bool,
    /// (width, height) of all pictures that will come; empty where that is not known.
    pub(crate) pictures: &'a [(u32, u32)],
}

impl PictureInput {
    /// An input for `port`.
    ///
    /// # Errors
    /// Sizes that the graph cannot take.
    pub(crate) fn new(port: &PicturePort, pixels: Pixels, choice: SizeChoice<'_>) -> Result<Self, ContractError> {
        let sizes = Sizes::choose(port.size, choice)?;
        Ok(Self { sizes, element: port.element, placement: pixels.placement, format: pixels.format })
    }

    /// The sizes in use, (width, height) in pixels, the commonest first.
    pub(crate) fn sizes(&self) -> &[(u32, u32)] {
        match &self.sizes {
            Sizes::One(size) => std::slice::from_ref(size),
            Sizes::Rectangles { sizes, .. } => sizes,
        }
    }

    /// The size at which a picture of `source` (width, height) runs: the smallest that holds it at full scale.
    pub(crate) fn size_for(&self, source: (u32, u32)) -> (u32, u32) {
        self.sizes.size_for(source)
    }

    /// The rows of pictures that run at `size`.
    pub(crate) fn rows(&self, (width, height): (u32, u32)) -> RowShapes {
        RowShapes::new(vec![RowShape::Batched(vec![3, height as usize, width as usize])])
    }

    /// How a picture of `source` lies in an input of `size`.
    pub(crate) fn letterbox(&self, source: (u32, u32), size: (u32, u32)) -> Letterbox {
        match self.placement {
            Placement::Centered => Letterbox::centered(source, size),
            Placement::TopLeft => Letterbox::top_left(source, size),
            Placement::TopLeftShrunk => Letterbox::top_left_shrunk(source, size),
            Placement::Stretched => Letterbox::stretch(source, size),
        }
    }

    /// Decodes `picture` and writes it into its row.
    ///
    /// # Errors
    /// What is wrong with the picture, by the code of the media error.
    pub(crate) fn write(
        &self,
        picture: &Picture,
        letterbox: &Letterbox,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        self.write_part((picture, None), letterbox, row, scratch)
    }

    /// The same for a part of a picture; the letterbox is that of the part, which is all of the picture where none is named.
    ///
    /// # Errors
    /// As [`PictureInput::write`].
    pub(crate) fn write_part(
        &self,
        (picture, part): (&Picture, Option<Crop>),
        letterbox: &Letterbox,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        let frame = decoded(picture, scratch)?;
        let pixels = self.pixels(row)?;
        let scratch = scratch.of::<RowScratch>();
        match part {
            None => write_row(&frame, letterbox, &self.format, pixels, scratch),
            Some(crop) => write_crop((&frame, crop), letterbox, &self.format, pixels, scratch),
        }
        .map_err(|error| unusable(&error))
    }

    /// Decodes `picture` and writes a turned and scaled part of it, of the input's size, into its row.
    ///
    /// # Errors
    /// As [`PictureInput::write`].
    pub(crate) fn write_aligned(
        &self,
        picture: &Picture,
        crop: &AlignedCrop,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        let frame = decoded(picture, scratch)?;
        write_aligned(&frame, crop, &self.format, self.pixels(row)?, scratch.of::<RowScratch>());
        Ok(())
    }

    fn pixels<'r>(&self, row: &'r mut InputRow<'_>) -> Result<Row<'r>, TaskError> {
        Ok(match self.element {
            ElementType::F16 => Row::F16(row.slice(0)?),
            _ => Row::F32(row.slice(0)?),
        })
    }
}

impl Sizes {
    /// The smallest that holds a picture of `source` at full scale; where none does, the last.
    fn size_for(&self, source: (u32, u32)) -> (u32, u32) {
        match self {
            Self::One(size) => *size,
            Self::Rectangles { sizes, side, stride } => {
                let wanted = Letterbox::rectangle(source, *side, *stride);
                let holds = |size: &&(u32, u32)| size.0 >= wanted.0 && size.1 >= wanted.1;
                let smallest = sizes.iter().filter(holds).min_by_key(|size| u64::from(size.0) * u64::from(size.1));
                smallest.or(sizes.last()).copied().unwrap_or((*side, *side))
            }
        }
    }

    fn choose(fixed: Option<(u32, u32)>, choice: SizeChoice<'_>) -> Result<Self, ContractError> {
        let sizes = match (fixed, choice.configured) {
            (Some(fixed), Some(configured)) if fixed != configured => return Err(not_that_size(fixed, configured)),
            (Some(size), _) | (None, Some(size)) => Self::One(size),
            (None, None) if choice.rectangles => Self::rectangles(choice.side, choice.stride).only_for(choice.pictures),
            (None, None) => Self::One((choice.side, choice.side)),
        };
        sizes.check(choice.stride)
    }

    /// Few enough to be warmed, close enough to ultralytics' `rect` for what cameras and pictures are: 16:9 and 4:3, lying
    /// and upright, are held exactly; other aspects take the next larger one, which adds grey but moves no box.
    fn rectangles(side: u32, stride: u32) -> Self {
        let short = |across: u32, down: u32| (side * down).div_ceil(across).next_multiple_of(stride.max(1)).min(side);
        let (wide, squat) = (short(16, 9), short(4, 3));
        let mut sizes = vec![(side, wide), (side, squat), (wide, side), (squat, side), (side, side)];
        sizes.dedup();
        Self::Rectangles { sizes, side, stride }
    }

    /// Those that these pictures take; all where none are named.
    fn only_for(self, pictures: &[(u32, u32)]) -> Self {
        let taken: Vec<_> = pictures.iter().map(|picture| self.size_for(*picture)).collect();
        match self {
            Self::Rectangles { mut sizes, side, stride } if !taken.is_empty() => {
                sizes.retain(|size| taken.contains(size));
                Self::Rectangles { sizes, side, stride }
            }
            sizes => sizes,
        }
    }

    fn check(self, stride: u32) -> Result<Self, ContractError> {
        let sizes = match &self {
            Self::One(size) => std::slice::from_ref(size),
            Self::Rectangles { sizes, .. } => sizes,
        };
        match sizes.iter().find(|size| !is_side(size.0, stride) || !is_side(size.1, stride)) {
            None => Ok(self),
            Some((width, height)) => Err(ContractError(format!(
                "the input would be {width}×{height}; both sides must be multiples of {stride} and at most {}",
                crate::picture_port::SIDE_MAX
            ))),
        }
    }
}

/// The frame of `picture`, upright, decoded now if it was not.
///
/// # Errors
/// What is wrong with the picture, by the code of the media error.
pub(crate) fn decoded(picture: &Picture, scratch: &mut Scratch) -> Result<Arc<Frame>, TaskError> {
    picture.frame(&scratch.of::<DecodePool>().0).map_err(|error| unusable(&error))
}

/// Decoded stills of one slot: one at a time, and one more for the moment in which they change places.
struct DecodePool(FramePool);

impl Default for DecodePool {
    fn default() -> Self {
        Self(FramePool::counted(PoolPurpose::Picture, 2))
    }
}

/// A picture that cannot be used, by the code of the media error.
pub(crate) fn unusable(error: &MediaError) -> TaskError {
    TaskError::input(error.kind().code(), error.to_string())
}

fn not_that_size(fixed: (u32, u32), configured: (u32, u32)) -> ContractError {
    ContractError(format!(
        "`input_size` is {}×{}, but the model takes only {}×{}; leave it out",
        configured.0, configured.1, fixed.0, fixed.1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(
        size: Option<(u32, u32)>,
        configured: Option<(u32, u32)>,
        side: u32,
    ) -> Result<PictureInput, ContractError> {
        let port = PicturePort { batch_max: 1, size, element: ElementType::F32 };
        PictureInput::new(
            &port,
            Pixels::YOLO,
            SizeChoice { configured, side, stride: 32, rectangles: true, pictures: &[] },
        )
    }

    #[test]
    fn a_dynamic_input_takes_the_smallest_rectangle_that_holds_the_picture() {
        let input = input(None, None, 640).unwrap();
        let cases = [
            ((1280, 720), (640, 384)),
            ((720, 1280), (384, 640)),
            ((480, 360), (640, 480)),
            ((810, 1080), (480, 640)),
            ((500, 500), (640, 640)),
            ((2560, 1080), (640, 384)),
            ((1500, 1000), (640, 480)),
            ((1000, 980), (640, 640)),
            ((1, 8192), (384, 640)),
        ];
        for (source, size) in cases {
            assert_eq!(input.size_for(source), size, "{source:?}");
            assert!(input.sizes().contains(&size));
        }
    }

    #[test]
    fn pictures_that_are_known_leave_only_the_rectangles_that_they_take() {
        let port = PicturePort { batch_max: 1, size: None, element: ElementType::F32 };
        let sizes = |pictures: &[(u32, u32)]| {
            let choice = SizeChoice { configured: None, side: 640, stride: 32, rectangles: true, pictures };
            PictureInput::new(&port, Pixels::YOLO, choice).unwrap()
        };
        assert_eq!(sizes(&[(1280, 720), (1920, 1080)]).sizes(), [(640, 384)]);
        assert_eq!(sizes(&[(480, 360), (1280, 720)]).sizes(), [(640, 384), (640, 480)]);
        assert_eq!(sizes(&[(1280, 720)]).size_for((720, 1280)), (640, 384), "what was not told of still runs");
        assert_eq!(sizes(&[]).sizes().len(), 5);
    }

    #[test]
    fn a_fixed_input_has_one_size() {
        let input = input(Some((640, 640)), None, 320).unwrap();
        assert_eq!(input.sizes(), [(640, 640)]);
        assert_eq!(input.size_for((1, 2)), (640, 640));
    }

    #[test]
    fn a_size_may_be_configured_where_the_graph_leaves_it_open() {
        assert_eq!(input(None, Some((320, 192)), 640).unwrap().sizes(), [(320, 192)]);
        assert!(input(Some((640, 640)), Some((320, 320)), 640).unwrap_err().0.contains("takes only 640×640"));
        assert!(input(None, Some((321, 192)), 640).unwrap_err().0.contains("multiples of 32"));
        assert!(input(None, None, 1 << 20).is_err());
    }

    #[test]
    fn a_small_side_has_no_shape_twice() {
        assert_eq!(input(None, None, 32).unwrap().sizes(), [(32, 32)]);
    }
}
