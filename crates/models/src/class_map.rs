//! What a segmentation model sees: the class of every pixel, and what follows from it.

use crate::Labels;
use crate::outline::outlines;
use crate::simplify::simplified;

/// The class of every pixel of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMap {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `[height, width]`: the index of each pixel's class.
    pub classes: Vec<u8>,
    /// The names of the classes.
    pub labels: Labels,
    /// Positions of the model's output with a value that is not a finite number; the pixels there are of class 0.
    pub not_finite: u32,
}

/// Neighbouring pixels of one class, in reading order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Index of the class.
    pub class: u8,
    /// How many pixels, at least one.
    pub length: u32,
}

/// Pixels of one class that hang together by their sides, as a polygon with holes. Rings are closed: the last point is joined
/// to the first. Coordinates are corners of pixels: `[0, 0]` is the picture's top left, `[width, height]` its bottom right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polygon {
    /// Index of the class.
    pub class: u8,
    /// The outer ring, clockwise as seen on a screen.
    pub outer: Vec<[u32; 2]>,
    /// What is cut out of it, each ring anticlockwise.
    pub holes: Vec<Vec<[u32; 2]>>,
}

/// Corners that the edges of a map's regions may have for [`ClassMap::polygons`]. Streets of 9 megapixels have 20,000 to 45,000.
pub const CORNERS_MAX: usize = 1 << 20;

impl ClassMap {
    /// The share of the picture that each class of the model has, 0–1, by class.
    pub fn areas(&self) -> Vec<f32> {
        let mut counts = [0_u64; 256];
        self.classes.iter().for_each(|class| counts[usize::from(*class)] += 1);
        let all = self.classes.len().max(1) as f64;
        counts.iter().take(self.labels.len()).map(|count| (*count as f64 / all) as f32).collect()
    }

    /// The whole map as run lengths: row by row from the top left, runs going on from one row into the next. The lengths sum
    /// to `width × height`, and no two neighbouring runs are of one class.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        let runs = self.classes.chunk_by(|a, b| a == b);
        runs.map(|run| Run { class: run[0], length: run.len() as u32 })
    }

    /// One polygon for each connected region (pixels that touch at a corner alone are apart), by the position of its first
    /// pixel. Rings follow the edges of pixels. `simplify_px` is how far, in pixels, a ring may leave them to have fewer
    /// points (Douglas and Peucker, 1973); 0 follows them exactly, and filling the polygons then gives the map. Rings that
    /// simplification leaves without an area are dropped. None where the edges have more than [`CORNERS_MAX`] corners: such a
    /// map is noise, and would cost seconds and hundreds of megabytes.
    pub fn polygons(&self, simplify_px: f32) -> Option<Vec<Polygon>> {
        let outlines = outlines(&self.classes, self.width as usize, CORNERS_MAX)?;
        Some(outlines.into_iter().filter_map(|outline| outline.simplified(simplify_px)).collect())
    }
}

impl Polygon {
    fn simplified(self, tolerance_px: f32) -> Option<Self> {
        let outer = simplified(self.outer, tolerance_px)?;
        let holes = self.holes.into_iter().filter_map(|hole| simplified(hole, tolerance_px)).collect();
        Some(Self { class: self.class, outer, holes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(width: u32, classes: &[u8]) -> ClassMap {
        let labels = Labels::new(&["ground", "water", "sky"]);
        ClassMap { width, height: classes.len() as u32 / width, classes: classes.to_vec(), labels, not_finite: 0 }
    }

    /// Fills by the even-odd rule at pixel centres.
    fn fill(polygons: &[Polygon], width: u32, height: u32) -> Vec<u8> {
        let mut filled = vec![u8::MAX; (width * height) as usize];
        for polygon in polygons {
            for (at, pixel) in filled.iter_mut().enumerate() {
                let (x, y) = (at as u32 % width, at as u32 / width);
                let rings = std::iter::once(&polygon.outer).chain(&polygon.holes);
                if rings.map(|ring| crossings(ring, x, y)).sum::<usize>() % 2 == 1 {
                    assert_eq!(*pixel, u8::MAX, "polygons do not overlap");
                    *pixel = polygon.class;
                }
            }
        }
        filled
    }

    /// How often a ring of upright and level lines crosses the way from the pixel's centre to the left.
    fn crossings(ring: &[[u32; 2]], x: u32, y: u32) -> usize {
        let next = ring.iter().cycle().skip(1);
        let upright = ring.iter().zip(next).filter(|(a, b)| a[0] == b[0] && a[0] <= x);
        upright.filter(|(a, b)| a[1].min(b[1]) <= y && y < a[1].max(b[1])).count()
    }

    /// Twice the area; positive where the ring is clockwise on a screen.
    fn area(ring: &[[u32; 2]]) -> i64 {
        let next = ring.iter().cycle().skip(1);
        ring.iter().zip(next).map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])).sum()
    }

    #[test]
    fn areas_are_shares_of_the_picture_for_every_class_of_the_model() {
        assert_eq!(map(4, &[0, 0, 0, 1, 1, 0, 0, 0]).areas(), [0.75, 0.25, 0.0]);
    }

    #[test]
    fn runs_go_on_from_row_to_row() {
        let run = |class, length| Run { class, length };
        assert_eq!(
            map(3, &[0, 1, 1, 1, 2, 0]).runs().collect::<Vec<_>>(),
            [run(0, 1), run(1, 3), run(2, 1), run(0, 1)]
        );
    }

    #[test]
    fn a_ring_has_an_outer_and_a_hole_and_what_lies_in_it() {
        let polygons = map(3, &[1, 1, 1, 1, 2, 1, 1, 1, 1]).polygons(0.0).unwrap();
        let hole = [[1, 1], [1, 2], [2, 2], [2, 1]];
        assert_eq!(polygons.len(), 2);
        assert_eq!((polygons[0].class, &polygons[0].outer), (1, &vec![[0, 0], [3, 0], [3, 3], [0, 3]]));
        assert_eq!((polygons[0].holes.len(), area(&polygons[0].holes[0])), (1, -2));
        assert!(hole.iter().all(|point| polygons[0].holes[0].contains(point)));
        assert_eq!((polygons[1].class, polygons[1].outer.len(), polygons[1].holes.len()), (2, 4, 0));
    }

    #[test]
    fn simplifying_straightens_stairs_and_drops_specks() {
        let side = 40;
        let stairs: Vec<u8> = (0..side * side).map(|at| u8::from(at % side > at / side)).collect();
        let mut with_speck = stairs;
        with_speck[(side * (side - 2) + 2) as usize] = 2;
        let map = map(side, &with_speck);
        let exact = map.polygons(0.0).unwrap();
        let simple = map.polygons(1.5).unwrap();
        assert_eq!((exact.len(), simple.len()), (3, 2));
        let points = |polygons: &[Polygon]| polygons.iter().map(|polygon| polygon.outer.len()).sum::<usize>();
        assert!(points(&exact) > 150 && points(&simple) <= 10, "{} {}", points(&exact), points(&simple));
    }

    #[test]
    fn noise_has_no_polygons() {
        let checkers = |side: u32| {
            let classes: Vec<u8> = (0..side * side).map(|at| ((at / side + at % side) % 2) as u8).collect();
            map(side, &classes)
        };
        // Every pixel is a region of four corners.
        assert_eq!(checkers(512).polygons(0.0).unwrap().len(), 512 * 512);
        assert!(checkers(513).polygons(0.0).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn filling_the_polygons_gives_the_map_back(
            width in 1_u32..14,
            pixels in prop::collection::vec(0_u8..3, 1..150),
        ) {
            let height = pixels.len() as u32 / width;
            prop_assume!(height > 0);
            let map = map(width, &pixels[..(width * height) as usize]);
            let polygons = map.polygons(0.0).unwrap();
            prop_assert_eq!(fill(&polygons, width, height), map.classes.clone());
            prop_assert!(polygons.iter().all(|polygon| area(&polygon.outer) > 0));
            prop_assert!(polygons.iter().flat_map(|polygon| &polygon.holes).all(|hole| area(hole) < 0));
            let lengths: u32 = map.runs().map(|run| run.length).sum();
            prop_assert_eq!(lengths, width * height);
        }

        #[test]
        fn simplified_rings_stay_within_the_picture_and_have_an_area(
            pixels in prop::collection::vec(0_u8..2, 144),
            tolerance in 0.0_f32..5.0,
        ) {
            for polygon in map(12, &pixels).polygons(tolerance).unwrap() {
                for ring in std::iter::once(&polygon.outer).chain(&polygon.holes) {
                    prop_assert!(ring.len() >= 3 && area(ring) != 0);
                    prop_assert!(ring.iter().flatten().all(|side| *side <= 12));
                }
            }
        }
    }
}
