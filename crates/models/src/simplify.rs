//! Rings with fewer points: Douglas and Peucker, "Algorithms for the reduction of the number of points required to represent
//! a digitized line or its caricature", 1973.

/// The points of a closed ring that are needed for no point to lie farther than `tolerance_px` from it, and every
/// [`PIECE`]th; all of them for a tolerance that is not above zero. None where nothing with an area is left.
pub(crate) fn simplified(ring: Vec<[u32; 2]>, tolerance_px: f32) -> Option<Vec<[u32; 2]>> {
    if tolerance_px.is_nan() || tolerance_px <= 0.0 || ring.len() < 4 {
        return Some(ring);
    }
    // A ring has no ends: it is parted at two points that lie far from each other.
    let far = farthest(&ring, ring[0], ring[0], 1..ring.len())?.0;
    let mut kept = vec![false; ring.len() + 1];
    let closed: Vec<[u32; 2]> = ring.iter().chain(ring.first()).copied().collect();
    for (from, until) in pieces(0, far).chain(pieces(far, ring.len())) {
        kept[from] = true;
        keep_needed(&closed, (from, until), f64::from(tolerance_px), &mut kept);
    }
    let simple: Vec<_> = ring.into_iter().zip(kept).filter_map(|(point, kept)| kept.then_some(point)).collect();
    has_area(&simple).then_some(simple)
}

/// Points that are looked at together. The work may grow with their square, which a comb or noise makes of a picture.
const PIECE: usize = 256;

/// From `from` until `until` in pieces.
fn pieces(from: usize, until: usize) -> impl Iterator<Item = (usize, usize)> {
    (from..until).step_by(PIECE).map(move |from| (from, until.min(from + PIECE)))
}

/// Marks what is needed between two points that are kept.
fn keep_needed(points: &[[u32; 2]], part: (usize, usize), tolerance_px: f64, kept: &mut [bool]) {
    let mut parts = vec![part];
    while let Some((from, until)) = parts.pop() {
        let farthest = farthest(points, points[from], points[until], from + 1..until);
        if let Some((at, _)) = farthest.filter(|(_, distance)| *distance > tolerance_px) {
            kept[at] = true;
            parts.extend([(from, at), (at, until)]);
        }
    }
}

/// The point that lies farthest from the line between `a` and `b`, and how far.
fn farthest(points: &[[u32; 2]], a: [u32; 2], b: [u32; 2], among: std::ops::Range<usize>) -> Option<(usize, f64)> {
    let distances = among.map(|at| (at, distance(points[at], a, b)));
    distances.max_by(|first, second| first.1.total_cmp(&second.1))
}

/// From a point to the line from `a` to `b`, or to their common place.
fn distance(point: [u32; 2], a: [u32; 2], b: [u32; 2]) -> f64 {
    let minus = |p: [u32; 2], q: [u32; 2]| [f64::from(p[0]) - f64::from(q[0]), f64::from(p[1]) - f64::from(q[1])];
    let ([x, y], [along_x, along_y]) = (minus(point, a), minus(b, a));
    let length = along_x.hypot(along_y);
    if length > 0.0 { (along_x * y - along_y * x).abs() / length } else { x.hypot(y) }
}

fn has_area(ring: &[[u32; 2]]) -> bool {
    let next = ring.iter().cycle().skip(1);
    let product = |a: u32, b: u32| i64::from(a) * i64::from(b);
    ring.iter().zip(next).map(|(a, b)| product(a[0], b[1]) - product(b[0], a[1])).sum::<i64>() != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_within_the_tolerance_go_and_others_stay() {
        let ring = vec![[0, 0], [10, 1], [20, 0], [20, 20], [10, 14], [0, 20]];
        assert_eq!(simplified(ring.clone(), 2.0).unwrap(), [[0, 0], [20, 0], [20, 20], [10, 14], [0, 20]]);
        assert_eq!(simplified(ring.clone(), 0.0).unwrap(), ring);
        assert_eq!(simplified(ring.clone(), f32::NAN).unwrap(), ring);
    }

    #[test]
    fn a_long_ring_is_taken_in_pieces_that_bound_the_work() {
        let teeth = |tooth: u32| [[2 * tooth, 0], [2 * tooth, 9], [2 * tooth + 1, 9], [2 * tooth + 1, 0]];
        let comb: Vec<[u32; 2]> = (0..1_000).flat_map(teeth).chain([[2_000, 20], [0, 20]]).collect();
        let simple = simplified(comb.clone(), 100.0).unwrap();
        let places: Vec<usize> =
            simple.iter().map(|kept| comb.iter().position(|point| point == kept).unwrap()).collect();
        assert!(places.windows(2).all(|two| (1..=PIECE).contains(&(two[1] - two[0]))), "{places:?}");
        assert!(simple.len() < 30, "{}", simple.len());
    }

    #[test]
    fn a_ring_that_is_within_the_tolerance_of_a_line_goes() {
        assert_eq!(simplified(vec![[0, 0], [9, 0], [9, 1], [0, 1]], 2.0), None);
        assert!(simplified(vec![[0, 0], [9, 0], [9, 1], [0, 1]], 0.5).is_some());
    }
}
