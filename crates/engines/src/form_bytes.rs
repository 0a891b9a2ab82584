//! The bytes of a compiled form: a small one is read into memory, a large one is mapped from its file.
//!
//! A mapped form lies in the page cache, where the system takes pages away that nobody needs: of a large transformer that is most of
//! them, since its kernels read the weights that they have packed for themselves. What is read changes no more whatever becomes of the
//! file; what is mapped is as safe as the engine's own library, which is mapped too: the file is read-only, in a folder of Samovar's,
//! and another one takes its place by a rename.
#![expect(unsafe_code, reason = "a file is mapped, and its pages are given back")]

use memmap2::{Mmap, UncheckedAdvice};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;

/// Forms of so many bytes or more are mapped.
pub(crate) const MAPPED_FROM: u64 = 4 << 20;

/// A mapped form is looked through in pieces of so many bytes.
const PIECE_BYTES: usize = 4 << 20;

/// What a form is read from. It lends the bytes that were sealed.
pub(crate) struct FormBytes {
    held: Held,
    /// How many of them are the form's: the seal is behind.
    len: usize,
}

enum Held {
    Read(Vec<u8>),
    Mapped(Mmap),
}

impl FormBytes {
    /// Takes up `size` bytes of `file`, the seal included.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn of(file: File, size: u64) -> io::Result<Self> {
        let held = if size < MAPPED_FROM {
            let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(io::Error::other)?);
            file.take(size).read_to_end(&mut bytes)?;
            Held::Read(bytes)
        } else {
            // SAFETY: nobody writes to the file while it is mapped: it is read-only, and whoever keeps another form renames it into place.
            Held::Mapped(unsafe { Mmap::map(&file) }?)
        };
        let len = held.bytes().len();
        Ok(Self { held, len })
    }

    /// Cuts what comes after the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Shows all bytes in order, piece by piece. The pages behind are let go: to look through a form takes the memory of one piece.
    pub(crate) fn look_through(&self, mut see: impl FnMut(&[u8])) {
        for (index, piece) in self.chunks(PIECE_BYTES).enumerate() {
            see(piece);
            self.give_back_range(index * PIECE_BYTES, piece.len());
        }
    }

    /// Lets mapped pages go; those that are needed after all come back from the file.
    pub(crate) fn give_back(&self) {
        self.give_back_range(0, self.len);
    }

    fn give_back_range(&self, from: usize, len: usize) {
        if let Held::Mapped(map) = &self.held {
            // SAFETY: the map is of a file and was never written to, so that every page comes back as it was.
            let given = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, from, len) };
            if let Err(error) = given {
                tracing::debug!(%error, "the pages of a compiled form cannot be given back");
            }
        }
    }
}

impl Held {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Read(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl Deref for FormBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.held.bytes()[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn a_large_form_is_mapped_and_the_same_after_its_pages_were_given_back() {
        let mut file = tempfile::tempfile().unwrap();
        // A hole takes no room on the disk.
        file.seek(io::SeekFrom::Start(MAPPED_FROM)).unwrap();
        file.write_all(b"form and seal").unwrap();
        let mut bytes = FormBytes::of(file, MAPPED_FROM + 13).unwrap();
        bytes.truncate(MAPPED_FROM as usize + 4);
        assert!(matches!(bytes.held, Held::Mapped(_)));
        for _ in 0..2 {
            assert_eq!(&bytes[MAPPED_FROM as usize..], b"form");
            bytes.give_back();
        }
    }

    /// Bytes of the mapping that are in memory for this process.
    #[cfg(target_os = "linux")]
    fn resident(bytes: &FormBytes) -> usize {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let begins = format!("{:x}-", bytes.as_ptr() as usize);
        let of_map = maps.lines().skip_while(|line| !line.starts_with(&begins));
        let line = of_map.map(|line| line.strip_prefix("Rss:")).find_map(|line| line).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn to_look_through_a_mapped_form_leaves_nothing_of_it_in_memory() {
        let size = MAPPED_FROM as usize + 5;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; size]).unwrap();
        let bytes = FormBytes::of(file, size as u64).unwrap();
        let read = |bytes: &[u8]| bytes.iter().map(|&byte| usize::from(byte)).sum::<usize>();
        assert_eq!((read(&bytes), resident(&bytes) >= size), (size, true));
        let (mut seen, mut most) = (0, 0);
        bytes.look_through(|piece| {
            seen += read(piece);
            most = most.max(piece.len());
        });
        assert_eq!((seen, most), (size, PIECE_BYTES));
        // A fault maps its neighbours too, some of which may lie in the piece before.
        assert!(resident(&bytes) < PIECE_BYTES / 4, "{}", resident(&bytes));
    }

    #[test]
    fn a_small_form_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"form").unwrap();
        file.rewind().unwrap();
        let bytes = FormBytes::of(file.try_clone().unwrap(), 4).unwrap();
        file.set_len(0).unwrap();
        bytes.give_back();
        assert_eq!(*bytes, *b"form", "what was read stays as it was");
    }
}
