//! Boxes with labels and coloured regions on a picture, for people to look at.

use crate::{Frame, FramePool, MediaError, MediaErrorKind, font, to_rgb};

/// A picture that is drawn on. Everything scales with the picture and is clipped to it.
#[derive(Debug)]
pub struct Canvas {
    pub(crate) frame: Frame,
    /// Pixels across a line.
    pub(crate) line: i64,
    /// Pixels of one dot of the font.
    dot: i64,
}

/// A colour: red, green, blue.
pub(crate) type Rgb = [u8; 3];

/// Left, top, right, bottom; the last two are outside.
type Area = [i64; 4];

impl Canvas {
    /// A canvas over a copy of `frame`, in RGB whatever its format.
    pub fn new(frame: &Frame, pool: &FramePool) -> Self {
        // Three thousandths of the mean side, as ultralytics draws.
        let line = ((frame.width() + frame.height()) as f32 * 0.0015).round().max(2.0) as i64;
        Self { frame: to_rgb(frame, pool), line, dot: (2 * line / 3).max(2) }
    }

    /// Draws a box `[left, top, right, bottom]` in pixels, in the colour of its class, and a label above it, or inside
    /// where there is no room above.
    pub fn draw_box(&mut self, corners: [f32; 4], label: &str, class: usize) {
        self.draw_colored_box(corners, label, class_color(class));
    }

    /// The same in a colour (red, green, blue) of the caller's choice.
    pub fn draw_colored_box(&mut self, corners: [f32; 4], label: &str, color: [u8; 3]) {
        let [left, top, right, bottom] = corners.map(|side| side.round() as i64);
        let line = self.line;
        self.fill([left, top, right, top.saturating_add(line)], color);
        self.fill([left, bottom.saturating_sub(line), right, bottom], color);
        self.fill([left, top, left.saturating_add(line), bottom], color);
        self.fill([right.saturating_sub(line), top, right, bottom], color);
        if !label.is_empty() {
            self.draw_label((left, top), label, color);
        }
    }

    /// Lays the colours of a class map over the picture: `classes` `[height, width]` of the picture's own size, `palette` a
    /// colour for each class (classes beyond it keep the picture), `alpha` the share of the colour in 0..=1. Class `clear`,
    /// where there is one, keeps the picture.
    ///
    /// # Errors
    /// `Corrupt` where the map is not of the picture's size.
    pub fn blend(
        &mut self,
        classes: &[u8],
        palette: &[[u8; 3]],
        alpha: f32,
        clear: Option<u8>,
    ) -> Result<(), MediaError> {
        let (pixels, _) = self.frame.pixels_mut().as_chunks_mut::<3>();
        if pixels.len() != classes.len() {
            return Err(MediaError::new(MediaErrorKind::Corrupt, "the class map is not of the picture's size"));
        }
        let tints = tints(palette, alpha, clear);
        for (pixel, class) in pixels.iter_mut().zip(classes) {
            let Tint { kept, added } = tints[usize::from(*class)];
            for (value, added) in pixel.iter_mut().zip(added) {
                *value = ((u32::from(*value) * kept + added) >> 8) as u8;
            }
        }
        Ok(())
    }

    /// The picture with everything drawn so far.
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Gives the picture back.
    pub fn into_frame(self) -> Frame {
        self.frame
    }

    /// Text on a plate of the box's colour, moved so that it lies inside the picture where it can.
    fn draw_label(&mut self, (left, box_top): (i64, i64), label: &str, color: Rgb) {
        let advance = (font::WIDTH as i64 + 1) * self.dot;
        // No picture is wider than this, so the rest could not be seen.
        let characters = label.chars().take(256);
        let width = characters.clone().count() as i64 * advance + self.dot;
        let height = (font::HEIGHT as i64 + 2) * self.dot;
        let left = left.min(i64::from(self.frame.width()) - width).max(0);
        let above = box_top.saturating_sub(height);
        let top = if above < 0 { box_top.max(0) } else { above };
        self.fill([left, top, left + width, top.saturating_add(height)], color);
        let ink = readable_on(color);
        for (index, character) in characters.enumerate() {
            let at = (left + self.dot + index as i64 * advance, top.saturating_add(self.dot));
            self.draw_glyph(at, character, ink);
        }
    }

    fn draw_glyph(&mut self, (left, top): (i64, i64), character: char, ink: Rgb) {
        for row in 0..font::HEIGHT {
            for column in (0..font::WIDTH).filter(|column| font::has_ink(character, *column, row)) {
                let (x, y) = (left + column as i64 * self.dot, top.saturating_add(row as i64 * self.dot));
                self.fill([x, y, x + self.dot, y.saturating_add(self.dot)], ink);
            }
        }
    }

    /// Fills what of an area lies within the picture.
    pub(crate) fn fill(&mut self, [left, top, right, bottom]: Area, color: Rgb) {
        let (width, height) = (i64::from(self.frame.width()), i64::from(self.frame.height()));
        let [left, right] = [left, right].map(|x| x.clamp(0, width) as usize);
        let [top, bottom] = [top, bottom].map(|y| y.clamp(0, height) as usize);
        if left >= right || top >= bottom {
            return;
        }
        let (pixels, _) = self.frame.pixels_mut().as_chunks_mut::<3>();
        for row in pixels.chunks_exact_mut(width as usize).take(bottom).skip(top) {
            row[left..right].fill(color);
        }
    }
}

/// A bright colour (red, green, blue) for each class, as [`Canvas::draw_box`] takes it; neighbours lie far apart on the colour circle, by steps of the golden ratio.
pub fn class_color(class: usize) -> [u8; 3] {
    const GOLDEN: f32 = 0.618_034;
    let hue = ((class % 1_000) as f32 * GOLDEN).fract() * 6.0;
    [0.0, 4.0, 2.0].map(|phase: f32| {
        let distance = ((hue + phase) % 6.0 - 3.0).abs();
        (255.0 * (0.2 + 0.8 * (distance - 1.0).clamp(0.0, 1.0))) as u8
    })
}

/// What a class does to a pixel: 256ths of it that are kept, and what is added in 256ths of a level.
#[derive(Clone, Copy)]
struct Tint {
    kept: u32,
    added: [u32; 3],
}

fn tints(palette: &[Rgb], alpha: f32, clear: Option<u8>) -> [Tint; 256] {
    let share = (alpha.clamp(0.0, 1.0) * 256.0).round() as u32;
    let mut tints = [Tint { kept: 256, added: [0; 3] }; 256];
    for (index, (tint, color)) in tints.iter_mut().zip(palette).enumerate() {
        if clear.is_none_or(|clear| usize::from(clear) != index) {
            // Just under half a level, so that the shift rounds and white stays within a byte.
            *tint = Tint { kept: 256 - share, added: color.map(|value| u32::from(value) * share + 127) };
        }
    }
    tints
}

/// Black on light, white on dark.
fn readable_on([red, green, blue]: Rgb) -> Rgb {
    let brightness = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    if brightness > 128_000 { [0; 3] } else { [255; 3] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PixelFormat;
    use std::time::Duration;

    fn black(pool: &FramePool, width: u32, height: u32) -> Frame {
        let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
        pixels.fill(0);
        Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels)
    }

    #[test]
    fn a_box_has_its_colour_on_its_edges_and_nothing_inside() {
        let pool = FramePool::new(2);
        let mut canvas = Canvas::new(&black(&pool, 100, 80), &pool);
        canvas.draw_box([10.0, 30.0, 60.0, 70.0], "", 3);
        let at = |x: usize, y: usize| canvas.frame().pixels()[(y * 100 + x) * 3..][..3].to_vec();
        assert_eq!(at(10, 30), class_color(3));
        assert_eq!(at(59, 69), class_color(3));
        assert_eq!((at(35, 50), at(60, 70), at(9, 30)), (vec![0; 3], vec![0; 3], vec![0; 3]));
    }

    #[test]
    fn a_class_map_tints_the_picture_and_leaves_the_clear_class() {
        let pool = FramePool::new(2);
        let mut frame = black(&pool, 4, 1);
        frame.pixels_mut().fill(200);
        let mut canvas = Canvas::new(&frame, &pool);
        let palette = [[0, 0, 0], [255, 0, 100], [255; 3]];
        canvas.blend(&[0, 1, 2, 9], &palette, 0.5, Some(0)).unwrap();
        assert_eq!(canvas.frame().pixels(), [200, 200, 200, 227, 100, 150, 227, 227, 227, 200, 200, 200]);
        canvas.blend(&[0, 1, 2, 2], &palette, 1.0, None).unwrap();
        assert_eq!(canvas.frame().pixels(), [0, 0, 0, 255, 0, 100, 255, 255, 255, 255, 255, 255]);
        canvas.blend(&[0, 1, 2, 2], &palette, f32::NAN, None).unwrap();
        assert_eq!(canvas.frame().pixels()[3..6], [255, 0, 100]);
        assert_eq!(canvas.blend(&[0; 5], &palette, 0.5, None).unwrap_err().kind(), MediaErrorKind::Corrupt);
    }

    #[test]
    fn anything_may_be_drawn_anywhere() {
        let pool = FramePool::new(2);
        for side in [1, 3, 64] {
            let mut canvas = Canvas::new(&black(&pool, side, side), &pool);
            for corner in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e9, 1e30, 0.0, 5.0] {
                canvas.draw_box([corner, 0.0, 2.0, corner], "a long label, über alles", usize::MAX);
                canvas.draw_box([0.0, corner, corner, 2.0], "", 0);
            }
        }
    }

    #[test]
    fn neighbouring_classes_are_told_apart() {
        for class in 0..80 {
            let (a, b) = (class_color(class), class_color(class + 1));
            let distance: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b))).sum();
            assert!(distance > 150, "class {class}: {a:?} {b:?}");
        }
    }
}
