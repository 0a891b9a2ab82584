//! Lines on a picture: skeletons of people, outlines of zones.

use crate::Canvas;
use crate::draw::Rgb;

/// Points and limbs of one skeleton at most; no skeleton in use has half of it.
const POINTS_MAX: usize = 512;

impl Canvas {
    /// Draws a skeleton: `points` as `[x, y, score]` in pixels, `limbs` as pairs of indices into them. Points below `score_min`
    /// are left out, and limbs that need one, and indices beyond the points.
    pub fn draw_pose(&mut self, points: &[[f32; 3]], limbs: &[(usize, usize)], color: [u8; 3], score_min: f32) {
        let seen = |index: usize| points.get(index).filter(|point| point[2] >= score_min).map(|[x, y, _]| [*x, *y]);
        let thickness = self.line;
        for (from, to) in limbs.iter().take(POINTS_MAX).filter_map(|(from, to)| seen(*from).zip(seen(*to))) {
            self.draw_line(from, to, thickness, color);
        }
        let dots = (0..points.len().min(POINTS_MAX)).filter_map(seen);
        for [x, y] in dots.filter(|[x, y]| x.is_finite() && y.is_finite()) {
            self.draw_dot((x.round() as i64, y.round() as i64), self.line + 1, [255; 3]);
            self.draw_dot((x.round() as i64, y.round() as i64), self.line, color);
        }
    }

    /// Draws the closed outline of a polygon, corners as `[x, y]` in pixels.
    pub fn draw_polygon(&mut self, corners: &[[f32; 2]], color: [u8; 3]) {
        let next = corners.iter().cycle().skip(1);
        let thickness = self.line;
        for (from, to) in corners.iter().zip(next).take(POINTS_MAX) {
            self.draw_line(*from, *to, thickness, color);
        }
    }

    /// A line of square dots; as many as the picture is long at most, since it is cut to the picture first.
    fn draw_line(&mut self, from: [f32; 2], to: [f32; 2], thickness: i64, color: Rgb) {
        let sides = [self.frame().width() as f32, self.frame().height() as f32];
        let Some((from, to)) = cut(from, to, sides, thickness as f32) else { return };
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
        let half = thickness / 2;
        for step in 0..=steps as u32 {
            let share = step as f32 / steps;
            let (x, y) = ((from[0] + dx * share).round() as i64, (from[1] + dy * share).round() as i64);
            self.fill([x - half, y - half, x - half + thickness, y - half + thickness], color);
        }
    }

    fn draw_dot(&mut self, (x, y): (i64, i64), radius: i64, color: Rgb) {
        for row in -radius..=radius {
            let half = ((radius * radius - row * row) as f32).sqrt().round() as i64;
            let top = y.saturating_add(row);
            self.fill([x.saturating_sub(half), top, x.saturating_add(half + 1), top.saturating_add(1)], color);
        }
    }
}

/// The part of a line that lies within the picture or a margin around it (Liang and Barsky, 1984); none where nothing does.
fn cut(from: [f32; 2], to: [f32; 2], sides: [f32; 2], margin: f32) -> Option<([f32; 2], [f32; 2])> {
    if !from.iter().chain(&to).all(|value| value.is_finite()) {
        return None;
    }
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    let start = from.map(f64::from);
    let delta = [f64::from(to[0]) - start[0], f64::from(to[1]) - start[1]];
    for axis in 0..2 {
        let (low, high) = (f64::from(-margin) - start[axis], f64::from(sides[axis] + margin) - start[axis]);
        if delta[axis] == 0.0 {
            if low > 0.0 || high < 0.0 {
                return None;
            }
            continue;
        }
        let (a, b) = (low / delta[axis], high / delta[axis]);
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    let at = |share: f64| [0, 1].map(|axis| (start[axis] + delta[axis] * share) as f32);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, FramePool, PixelFormat};
    use std::time::Duration;

    fn black(width: u32, height: u32) -> Canvas {
        let pool = FramePool::new(2);
        let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
        pixels.fill(0);
        Canvas::new(&Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels), &pool)
    }

    fn at(canvas: &Canvas, x: usize, y: usize) -> [u8; 3] {
        let start = (y * canvas.frame().width() as usize + x) * 3;
        canvas.frame().pixels()[start..start + 3].try_into().unwrap()
    }

    #[test]
    fn limbs_join_points_that_are_seen() {
        let mut canvas = black(100, 100);
        let points = [[10.0, 10.0, 0.9], [90.0, 90.0, 0.9], [90.0, 10.0, 0.1]];
        canvas.draw_pose(&points, &[(0, 1), (1, 2), (0, 7)], [0, 200, 0], 0.5);
        assert_eq!((at(&canvas, 50, 50), at(&canvas, 10, 10)), ([0, 200, 0], [0, 200, 0]));
        assert_eq!((at(&canvas, 90, 50), at(&canvas, 90, 10)), ([0; 3], [0; 3]));
    }

    #[test]
    fn a_polygon_is_closed_and_empty_inside() {
        let mut canvas = black(64, 64);
        canvas.draw_polygon(&[[8.0, 8.0], [56.0, 8.0], [56.0, 56.0], [8.0, 56.0]], [9, 8, 7]);
        for (x, y) in [(30, 8), (56, 30), (30, 56), (8, 30)] {
            assert_eq!(at(&canvas, x, y), [9, 8, 7], "{x} {y}");
        }
        assert_eq!(at(&canvas, 32, 32), [0; 3]);
    }

    #[test]
    fn lines_from_anywhere_cost_no_more_than_the_picture_is_long() {
        let mut canvas = black(16, 16);
        for far in [f32::MAX, f32::MIN, f32::NAN, f32::INFINITY, 1e30, -1e9] {
            canvas.draw_polygon(&[[far, 3.0], [4.0, far], [far, far]], [1; 3]);
            canvas.draw_pose(&[[far, far, 1.0], [5.0, far, far]], &[(0, 1)], [1; 3], 0.0);
        }
        let (from, to) = cut([-1e9, 8.0], [1e9, 8.0], [16.0, 16.0], 2.0).unwrap();
        assert_eq!((from, to), ([-2.0, 8.0], [18.0, 8.0]));
        assert_eq!(cut([-9.0, -9.0], [-5.0, 40.0], [16.0, 16.0], 2.0), None);
    }
}
