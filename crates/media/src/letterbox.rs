//! Where a picture lies inside a model's input, and the way back from input pixels to picture pixels.
//!
//! The numbers are those of the training code: ultralytics' `LetterBox` for the centred one, Megvii's YOLOX
//! `preproc` for the one at the top left. Half-pixel ties are rounded to even, as Python's `round` does.

/// How a source picture is laid into a target of fixed size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    /// Width and height of the source picture, in pixels.
    pub source: (u32, u32),
    /// Width and height of the model's input, in pixels.
    pub target: (u32, u32),
    /// Width and height that the picture takes within the target, in pixels.
    pub content: (u32, u32),
    /// Target pixels left of the picture.
    pub pad_left: u32,
    /// Target pixels above the picture.
    pub pad_top: u32,
    /// Target pixels per source pixel, across.
    pub scale_x: f32,
    /// Target pixels per source pixel, down; differs from `scale_x` by the rounding of `content`, or where the picture is
    /// stretched.
    pub scale_y: f32,
}

impl Letterbox {
    /// Scaled (up too) to fit, in the middle: ultralytics' `LetterBox(auto=False, center=True)`. Sizes are
    /// (width, height) and not zero.
    pub fn centered(source: (u32, u32), target: (u32, u32)) -> Self {
        let scale = fit(source, target);
        let content = scaled(source, scale, target, f64::round_ties_even);
        // The tenth decides which side gets the odd pixel.
        let pad = |target: u32, content: u32| (f64::from(target - content) / 2.0 - 0.1).round_ties_even().max(0.0);
        let (pad_left, pad_top) = (pad(target.0, content.0) as u32, pad(target.1, content.1) as u32);
        // Each axis by its rounded size, as `scale_boxes` has it: the common scale is off by up to a source pixel.
        let (scale_x, scale_y) = (ratio(content.0, source.0), ratio(content.1, source.1));
        Self { source, target, content, pad_left, pad_top, scale_x, scale_y }
    }

    /// Scaled to fit, at the top left, padded to the right and below: YOLOX.
    pub fn top_left(source: (u32, u32), target: (u32, u32)) -> Self {
        let scale = fit(source, target);
        let content = scaled(source, scale, target, f64::trunc);
        let scale = scale as f32;
        Self { source, target, content, pad_left: 0, pad_top: 0, scale_x: scale, scale_y: scale }
    }

    /// The same, but a picture that is smaller than the target keeps its size.
    pub fn top_left_shrunk(source: (u32, u32), target: (u32, u32)) -> Self {
        if source.0 > target.0 || source.1 > target.1 {
            return Self::top_left(source, target);
        }
        Self { source, target, content: source, pad_left: 0, pad_top: 0, scale_x: 1.0, scale_y: 1.0 }
    }

    /// Resized to the target without regard to the aspect.
    pub fn stretch(source: (u32, u32), target: (u32, u32)) -> Self {
        let (scale_x, scale_y) = (ratio(target.0, source.0), ratio(target.1, source.1));
        Self { source, target, content: target, pad_left: 0, pad_top: 0, scale_x, scale_y }
    }

    /// The smallest (width, height) in multiples of `stride` that holds a picture of `source` whose longer side is scaled
    /// to `side`: ultralytics' `rect`, 640×384 for 16:9 at 640 and stride 32.
    pub fn rectangle(source: (u32, u32), side: u32, stride: u32) -> (u32, u32) {
        let stride = stride.max(1);
        let (width, height) = scaled(source, fit(source, (side, side)), (side, side), f64::round_ties_even);
        (width.next_multiple_of(stride), height.next_multiple_of(stride))
    }

    /// A point of the target, in pixels of the source. Not clipped.
    pub fn to_source(&self, x: f32, y: f32) -> (f32, f32) {
        ((x - self.pad_left as f32) / self.scale_x, (y - self.pad_top as f32) / self.scale_y)
    }

    /// A box `[left, top, right, bottom]` of the target, in pixels of the source, clipped to it.
    pub fn box_to_source(&self, [left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
        let (left, top) = self.clip(self.to_source(left, top));
        let (right, bottom) = self.clip(self.to_source(right, bottom));
        [left, top, right, bottom]
    }

    fn clip(&self, (x, y): (f32, f32)) -> (f32, f32) {
        (x.clamp(0.0, self.source.0 as f32), y.clamp(0.0, self.source.1 as f32))
    }
}

fn ratio(target: u32, source: u32) -> f32 {
    (f64::from(target) / f64::from(source)) as f32
}

fn fit(source: (u32, u32), target: (u32, u32)) -> f64 {
    (f64::from(target.1) / f64::from(source.1)).min(f64::from(target.0) / f64::from(source.0))
}

/// The scaled size: at least one pixel, which a very long and thin picture would otherwise lose.
fn scaled(source: (u32, u32), scale: f64, target: (u32, u32), round: fn(f64) -> f64) -> (u32, u32) {
    let side = |source: u32, target: u32| (round(f64::from(source) * scale) as u32).clamp(1, target);
    (side(source.0, target.0), side(source.1, target.1))
}
