//! A turn, a scale and a shift of the plane, and the one that brings points closest to others.

/// `x' = c·x − s·y + shift.0`, `y' = s·x + c·y + shift.1`: angles stay, nothing is mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    c: f64,
    s: f64,
    shift: (f64, f64),
}

impl Similarity {
    /// The one that brings `from` closest to `to`, by the sum of squared distances: Umeyama, "Least-squares estimation of transformation
    /// parameters between two point patterns", 1991, which has a closed form in the plane. None where `from` lies in one place,
    /// where no turn is better than another, and where a coordinate is not a finite number.
    pub fn between<const N: usize>(from: &[(f32, f32); N], to: &[(f32, f32); N]) -> Option<Self> {
        let (from_centre, to_centre) = (centre(from), centre(to));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for (from, to) in from.iter().zip(to) {
            let (x, y) = (f64::from(from.0) - from_centre.0, f64::from(from.1) - from_centre.1);
            let (u, v) = (f64::from(to.0) - to_centre.0, f64::from(to.1) - to_centre.1);
            along += x * u + y * v;
            across += x * v - y * u;
            spread += x * x + y * y;
        }
        let (c, s) = (along / spread, across / spread);
        let turned = Self { c, s, shift: (0.0, 0.0) }.apply(from_centre);
        let shift = (to_centre.0 - turned.0, to_centre.1 - turned.1);
        let found = Self { c, s, shift };
        found.is_sound().then_some(found)
    }

    /// Where a point comes to lie.
    pub fn apply(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.c * x - self.s * y + self.shift.0, self.s * x + self.c * y + self.shift.1)
    }

    /// The way back. None where everything falls onto one point.
    pub fn inverse(&self) -> Option<Self> {
        let scale = self.c * self.c + self.s * self.s;
        let (c, s) = (self.c / scale, -self.s / scale);
        let shift = Self { c, s, shift: (0.0, 0.0) }.apply(self.shift);
        let back = Self { c, s, shift: (-shift.0, -shift.1) };
        back.is_sound().then_some(back)
    }

    /// How much longer lengths become.
    pub fn scale(&self) -> f64 {
        self.c.hypot(self.s)
    }

    fn is_sound(&self) -> bool {
        let finite = [self.c, self.s, self.shift.0, self.shift.1].iter().all(|value| value.is_finite());
        finite && self.scale() > 0.0
    }
}

fn centre(points: &[(f32, f32)]) -> (f64, f64) {
    let sum = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + f64::from(*x), sum.1 + f64::from(*y)));
    (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRIANGLE: [(f32, f32); 3] = [(0.0, 0.0), (2.0, 0.0), (0.0, 1.0)];

    fn close(found: (f64, f64), wanted: (f64, f64)) -> bool {
        (found.0 - wanted.0).abs() < 1e-4 && (found.1 - wanted.1).abs() < 1e-4
    }

    #[test]
    fn a_quarter_turn_at_double_size_is_found() {
        let found = Similarity::between(&TRIANGLE, &[(10.0, 20.0), (10.0, 24.0), (8.0, 20.0)]).unwrap();
        assert!((found.scale() - 2.0).abs() < 1e-12);
        assert!(close(found.apply((1.0, 1.0)), (8.0, 22.0)));
    }

    #[test]
    fn points_that_tell_no_direction_have_none() {
        assert_eq!(Similarity::between(&[(3.0, 3.0); 3], &TRIANGLE), None);
        assert_eq!(Similarity::between(&TRIANGLE, &[(3.0, 3.0); 3]), None);
        assert_eq!(Similarity::between(&[(f32::NAN, 0.0), (1.0, 0.0), (0.0, 1.0)], &TRIANGLE), None);
        assert_eq!(Similarity::between(&[(f32::INFINITY, 0.0), (1.0, 0.0), (0.0, 1.0)], &TRIANGLE), None);
        // A corner and its mirror image: every turn is as good as any other.
        let corners = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)];
        assert_eq!(Similarity::between(&corners, &[(1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0)]), None);
    }

    proptest! {
        #[test]
        fn what_made_the_points_is_found_and_undone(
            angle in 0.0..std::f64::consts::TAU, scale in 0.01..100.0, x in -1e3..1e3, y in -1e3..1e3,
        ) {
            let made = Similarity { c: scale * f64::cos(angle), s: scale * f64::sin(angle), shift: (x, y) };
            let from = [(0.0, 0.0), (30.0, 5.0), (10.0, 40.0), (-20.0, 8.0)];
            let to = from.map(|(x, y): (f32, f32)| {
                let (x, y) = made.apply((f64::from(x), f64::from(y)));
                (x as f32, y as f32)
            });
            let found = Similarity::between(&from, &to).unwrap();
            let (moved, wanted) = (found.apply((7.0, 9.0)), made.apply((7.0, 9.0)));
            prop_assert!((moved.0 - wanted.0).abs() < 1e-2 && (moved.1 - wanted.1).abs() < 1e-2);
            prop_assert!(close(found.inverse().unwrap().apply(found.apply((7.0, 9.0))), (7.0, 9.0)));
        }
    }
}
