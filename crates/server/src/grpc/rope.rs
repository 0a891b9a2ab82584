//! Bytes as they came from the socket, read as if they were one piece.

use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;

/// Pieces in a row. Taking bytes out of it slices the pieces and copies nothing.
///
/// Small pieces behind the first are put together: a client that sends byte by byte must not make the server keep a handle and a
/// socket's buffer for each.
#[derive(Debug, Default)]
pub(super) struct Rope {
    pieces: VecDeque<Bytes>,
    /// What comes behind the pieces.
    tail: BytesMut,
    length: usize,
}

/// Smaller pieces are copied.
const SMALL_BYTES: usize = 2 << 10;
/// What is put together of small pieces.
const TAIL_BYTES: usize = 32 << 10;

impl Rope {
    /// Puts a piece behind the others.
    pub(super) fn push(&mut self, piece: Bytes) {
        let small = piece.len() < SMALL_BYTES && self.length > 0;
        self.length += piece.len();
        if small {
            self.tail.extend_from_slice(&piece);
        }
        if !small || self.tail.len() >= TAIL_BYTES {
            self.seal();
        }
        if !small && !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Takes the first `length` bytes out, in the pieces that they are in. There must be as many.
    pub(super) fn take_pieces(&mut self, mut length: usize) -> Vec<Bytes> {
        assert!(length <= self.length, "a rope gives no more than it has");
        let mut taken = Vec::new();
        while length > 0 {
            let piece = self.take_piece(length);
            length -= piece.len();
            taken.push(piece);
        }
        taken
    }

    /// The first piece, or `most` bytes of it.
    fn take_piece(&mut self, most: usize) -> Bytes {
        if self.pieces.is_empty() {
            self.seal();
        }
        let Some(first) = self.pieces.front_mut() else { return Bytes::new() };
        let piece = first.split_to(most.min(first.len()));
        if first.is_empty() {
            self.pieces.pop_front();
        }
        self.length -= piece.len();
        piece
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
    }
}

impl FromIterator<Bytes> for Rope {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut rope = Self::default();
        pieces.into_iter().for_each(|piece| rope.push(piece));
        rope
    }
}

impl Buf for Rope {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&self.tail, |piece| piece)
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.length, "a rope gives no more than it has");
        while count > 0 {
            count -= self.take_piece(count).len();
        }
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        let mut pieces = self.take_pieces(length);
        match pieces.len() {
            0 => Bytes::new(),
            1 => pieces.remove(0),
            _ => pieces.concat().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope() -> Rope {
        [&b"ab"[..], b"", b"cde", b"f"].into_iter().map(Bytes::from_static).collect()
    }

    #[test]
    fn it_reads_as_one_piece() {
        let mut rope = rope();
        assert_eq!((rope.remaining(), rope.get_u8()), (6, b'a'));
        assert_eq!(rope.copy_to_bytes(3), "bcd");
        rope.advance(1);
        assert_eq!((rope.chunk(), rope.remaining()), (&b"f"[..], 1));
    }

    #[test]
    fn bytes_that_come_one_by_one_are_put_together() {
        let mut rope: Rope = (0..100_000_u32).map(|number| Bytes::copy_from_slice(&[number as u8])).collect();
        assert!(rope.pieces.len() <= 5, "{}", rope.pieces.len());
        let pieces = rope.take_pieces(100_000).concat();
        assert!(pieces.iter().enumerate().all(|(at, byte)| *byte == at as u8));
        assert_eq!(rope.remaining(), 0);
    }

    #[test]
    fn pieces_are_slices_of_what_came() {
        let whole = Bytes::from(vec![7; 10_000]);
        let mut rope: Rope = [whole.slice(..6_000), whole.slice(6_000..)].into_iter().collect();
        rope.advance(10);
        let pieces = rope.take_pieces(7_000);
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [5_990, 1_010]);
        assert_eq!(pieces[0].as_ptr(), whole[10..].as_ptr(), "not copied");
        assert_eq!(rope.remaining(), 2_990);
    }
}
