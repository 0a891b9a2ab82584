//! The outlines of connected regions of one class, along the edges of their pixels.
//!
//! A ring is walked with the region on its right hand. Where two of its pixels touch at a corner alone, the walk stays with
//! the one it is at, so that regions hang together by sides. Every ring goes along the upper edge of some pixel from left to
//! right; those edges are the only ones that are marked, and the places at which rings are found.

use crate::Polygon;
use std::collections::HashMap;

/// One polygon for each region of a map that is `width` pixels wide, in the order of their first pixels. None where their
/// rings have more than `corners_max` corners.
pub(crate) fn outlines(classes: &[u8], width: usize, corners_max: usize) -> Option<Vec<Polygon>> {
    let grid = Grid { classes, width: width.max(1) };
    let mut regions = Regions::of(&grid);
    let mut walked = vec![false; classes.len()];
    let mut corners_left = corners_max;
    for at in 0..classes.len() {
        if !walked[at] && grid.is_upper_edge(at) {
            let ring = grid.walk(at, &mut walked, corners_left)?;
            corners_left -= ring.len();
            regions.add(at, classes[at], ring);
        }
    }
    Some(regions.polygons)
}

struct Grid<'a> {
    classes: &'a [u8],
    width: usize,
}

/// A corner of pixels, and a way along an edge: east, south, west, north as steps of (x, y).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Walker {
    corner: (i64, i64),
    step: (i64, i64),
}

impl Walker {
    /// The pixel ahead at the right hand or at the left, by its top left corner.
    const fn ahead(&self, right: bool) -> (i64, i64) {
        let ((x, y), (dx, dy)) = (self.corner, self.step);
        // Right of east is south: (dx, dy) turns into (-dy, dx).
        let (sx, sy) = if right { (dx - dy, dx + dy) } else { (dx + dy, dy - dx) };
        (x + (sx - 1) / 2, y + (sy - 1) / 2)
    }

    const fn turn_right(&mut self) {
        self.step = (-self.step.1, self.step.0);
    }

    const fn turn_left(&mut self) {
        self.step = (self.step.1, -self.step.0);
    }
}

impl Grid<'_> {
    fn class_at(&self, (x, y): (i64, i64)) -> Option<u8> {
        let x = usize::try_from(x).ok().filter(|x| *x < self.width)?;
        self.classes.get(usize::try_from(y).ok()? * self.width + x).copied()
    }

    fn is_upper_edge(&self, at: usize) -> bool {
        at.checked_sub(self.width).is_none_or(|above| self.classes[above] != self.classes[at])
    }

    /// The corners of the ring that goes along the upper edge of pixel `start`; none where there are more than `corners_max`.
    fn walk(&self, start: usize, walked: &mut [bool], corners_max: usize) -> Option<Vec<[u32; 2]>> {
        let class = Some(self.classes[start]);
        let first = Walker { corner: ((start % self.width) as i64, (start / self.width) as i64), step: (1, 0) };
        let mut walker = first;
        let mut ring = Vec::new();
        loop {
            if walker.step == (1, 0) {
                walked[walker.corner.1 as usize * self.width + walker.corner.0 as usize] = true;
            }
            walker.corner = (walker.corner.0 + walker.step.0, walker.corner.1 + walker.step.1);
            let before = walker.step;
            if self.class_at(walker.ahead(true)) != class {
                walker.turn_right();
            } else if self.class_at(walker.ahead(false)) == class {
                walker.turn_left();
            }
            if walker.step != before {
                if ring.len() == corners_max {
                    return None;
                }
                ring.push([walker.corner.0 as u32, walker.corner.1 as u32]);
            }
            if walker == first {
                // A ring that begins at a corner names it last; it belongs in front.
                ring.rotate_right(usize::from(walker.step != before));
                return Some(ring);
            }
        }
    }
}

/// Which region each pixel belongs to, by the stretches of one class within a line, and what has been found of each.
struct Regions {
    polygons: Vec<Polygon>,
    /// The polygon of a region, by the region's first stretch.
    found: HashMap<u32, usize>,
    /// The first pixel of every stretch, in order.
    starts: Vec<u32>,
    /// For each stretch an earlier one of its region; itself where it is the first.
    earlier: Vec<u32>,
}

impl Regions {
    fn of(grid: &Grid<'_>) -> Self {
        let begins = |at: &usize| at.is_multiple_of(grid.width) || grid.classes[*at] != grid.classes[at - 1];
        let starts: Vec<u32> = (0..grid.classes.len()).filter(begins).map(|at| at as u32).collect();
        let earlier = (0..starts.len() as u32).collect();
        let mut regions = Self { polygons: Vec::new(), found: HashMap::new(), starts, earlier };
        for stretch in 0..regions.starts.len() {
            regions.join_above(grid, stretch);
        }
        regions
    }

    /// Joins a stretch to those of its class that lie on it.
    fn join_above(&mut self, grid: &Grid<'_>, stretch: usize) {
        let start = self.starts[stretch] as usize;
        let Some(first) = start.checked_sub(grid.width) else { return };
        let next_line = (start / grid.width + 1) * grid.width;
        let end = self.starts.get(stretch + 1).map_or(next_line, |next| *next as usize) - grid.width;
        let mut above = self.stretch_at(first);
        while above < stretch && (self.starts[above] as usize) < end {
            if grid.classes[self.starts[above] as usize] == grid.classes[start] {
                self.join(above as u32, stretch as u32);
            }
            above += 1;
        }
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.first(a), self.first(b));
        self.earlier[a.max(b) as usize] = a.min(b);
    }

    /// The first stretch of a stretch's region; shortens the way there.
    fn first(&mut self, mut stretch: u32) -> u32 {
        while self.earlier[stretch as usize] != stretch {
            let two_before = self.earlier[self.earlier[stretch as usize] as usize];
            self.earlier[stretch as usize] = two_before;
            stretch = two_before;
        }
        stretch
    }

    fn stretch_at(&self, pixel: usize) -> usize {
        self.starts.partition_point(|start| *start as usize <= pixel) - 1
    }

    /// A region's first ring is its outer one, for that runs along the first of its pixels; all others are holes.
    fn add(&mut self, pixel: usize, class: u8, ring: Vec<[u32; 2]>) {
        let region = self.first(self.stretch_at(pixel) as u32);
        if let Some(&polygon) = self.found.get(&region) {
            self.polygons[polygon].holes.push(ring);
        } else {
            self.found.insert(region, self.polygons.len());
            self.polygons.push(Polygon { class, outer: ring, holes: Vec::new() });
        }
    }
}
