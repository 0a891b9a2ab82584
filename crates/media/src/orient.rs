//! Turning a stored RGB picture upright: the eight EXIF orientations.

use crate::{FramePool, ImageHeader, Orientation, PooledBuffer};

/// Turns `stored` (`[height, width, 3]` of the header) upright into a second buffer; does nothing where it stands so.
pub(crate) fn turn_upright(stored: PooledBuffer, header: &ImageHeader, pool: &FramePool) -> PooledBuffer {
    if header.orientation == Orientation::Upright {
        return stored;
    }
    let mut upright = pool.take(stored.len());
    let (from, _) = stored.as_chunks::<3>();
    let (to, _) = upright.as_chunks_mut::<3>();
    let (width, height) = (header.width as usize, header.height as usize);
    if header.orientation.swaps_sides() {
        transpose(from, to, (width, height), header.orientation);
    } else {
        mirror(from, to, width, header.orientation);
    }
    upright
}

fn mirror(from: &[[u8; 3]], to: &mut [[u8; 3]], width: usize, orientation: Orientation) {
    let (columns_reversed, rows_reversed) = orientation.reversed();
    let height = from.len() / width;
    for (y, row) in to.chunks_exact_mut(width).enumerate() {
        let source = if rows_reversed { height - 1 - y } else { y };
        row.copy_from_slice(&from[source * width..][..width]);
        if columns_reversed {
            row.reverse();
        }
    }
}

/// Upright row `y` is stored column `y`. Done in squares, so that the columns that are read stay in the cache.
fn transpose(from: &[[u8; 3]], to: &mut [[u8; 3]], (width, height): (usize, usize), orientation: Orientation) {
    const SQUARE: usize = 32;
    let (columns_reversed, rows_reversed) = orientation.reversed();
    for (band, rows) in to.chunks_mut(SQUARE * height).enumerate() {
        for left in (0..height).step_by(SQUARE) {
            for (y, row) in rows.chunks_exact_mut(height).enumerate() {
                let y = band * SQUARE + y;
                let column = if columns_reversed { width - 1 - y } else { y };
                let end = (left + SQUARE).min(height);
                for (x, pixel) in row[left..end].iter_mut().enumerate() {
                    let x = left + x;
                    let source_row = if rows_reversed { height - 1 - x } else { x };
                    *pixel = from[source_row * width + column];
                }
            }
        }
    }
}
