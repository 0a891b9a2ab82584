//! Bytes as they came from a socket, in pieces.

use bytes::{Bytes, BytesMut};

/// Bytes as they came from the socket: pieces that are not put together before they are written where they belong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByteChunks(pub Vec<Bytes>);

/// Collects pieces. Small ones are put together, so that a million pieces of one byte take about a million bytes.
#[derive(Debug, Default)]
pub struct ByteCollector {
    chunks: Vec<Bytes>,
    small: BytesMut,
    len: usize,
}

impl ByteChunks {
    /// Bytes in all pieces.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// Takes the first `len` bytes off, without copying; fewer where there are fewer.
    #[must_use]
    pub fn split_to(&mut self, len: usize) -> Self {
        let mut left = len;
        let whole = self.0.iter().take_while(|chunk| take_whole(&mut left, chunk.len())).count();
        let mut taken: Vec<Bytes> = self.0.drain(..whole).collect();
        if let Some(next) = self.0.first_mut().filter(|_| left > 0) {
            taken.push(next.split_to(left.min(next.len())));
        }
        Self(taken)
    }

    /// All bytes in one piece: a copy only where there is more than one.
    pub fn joined(mut self) -> Bytes {
        if self.0.len() <= 1 {
            return self.0.pop().unwrap_or_default();
        }
        self.0.concat().into()
    }

    /// Copies the first bytes into `into`; tells whether there were as many.
    pub fn copy_to(&self, mut into: &mut [u8]) -> bool {
        for chunk in &self.0 {
            let (head, rest) = into.split_at_mut(chunk.len().min(into.len()));
            head.copy_from_slice(&chunk[..head.len()]);
            into = rest;
        }
        into.is_empty()
    }
}

impl From<Bytes> for ByteChunks {
    fn from(bytes: Bytes) -> Self {
        Self(vec![bytes])
    }
}

impl ByteCollector {
    /// Smaller pieces are put together: keeping one costs more than copying it.
    const SMALL: usize = 4 << 10;
    /// What small pieces are put together to.
    const JOINED: usize = 64 << 10;

    /// One more piece.
    pub fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len();
        if chunk.len() >= Self::SMALL {
            self.end_small();
            self.chunks.push(chunk);
            return;
        }
        if self.small.len() + chunk.len() > Self::JOINED {
            self.end_small();
        }
        self.small.extend_from_slice(&chunk);
    }

    /// Bytes so far.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no byte so far.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was collected.
    pub fn end(mut self) -> ByteChunks {
        self.end_small();
        ByteChunks(self.chunks)
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.chunks.push(std::mem::take(&mut self.small).freeze());
        }
    }
}

fn take_whole(left: &mut usize, len: usize) -> bool {
    let fits = len <= *left;
    *left -= if fits { len } else { 0 };
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(parts: &[&'static str]) -> ByteChunks {
        ByteChunks(parts.iter().map(|part| Bytes::from_static(part.as_bytes())).collect())
    }

    #[test]
    fn a_part_is_taken_off_wherever_the_pieces_end() {
        for len in 0..=8 {
            let mut rest = chunks(&["ab", "", "cde", "f"]);
            let taken = rest.split_to(len);
            let cut = len.min(6);
            assert_eq!(
                (taken.joined(), rest.joined()),
                (Bytes::from(&b"abcdef"[..cut]), Bytes::from(&b"abcdef"[cut..]))
            );
        }
    }

    #[test]
    fn pieces_fill_a_slice_that_is_no_longer_than_they_are() {
        let mut into = [0; 5];
        assert!(chunks(&["ab", "cde", "f"]).copy_to(&mut into));
        assert_eq!(&into, b"abcde");
        assert!(!chunks(&["ab"]).copy_to(&mut into));
    }

    #[test]
    fn a_million_small_pieces_become_few() {
        let mut collector = ByteCollector::default();
        let piece = Bytes::from_static(b"x");
        (0..1_000_000).for_each(|_| collector.push(piece.clone()));
        collector.push(vec![b'y'; 5_000].into());
        collector.push(piece);
        let chunks = collector.end();
        assert_eq!(chunks.len(), 1_005_001);
        assert!(chunks.0.len() <= 18, "{}", chunks.0.len());
    }
}
