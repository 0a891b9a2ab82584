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
pub(crate) const MAPPED_FROM: u64 = 16 << 20;

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

    /// Lets mapped pages go; those that are needed after all come back from the file.
    pub(crate) fn give_back(&self) {
        if let Held::Mapped(map) = &self.held {
            // SAFETY: the map is of a file and was never written to, so that every page comes back as it was.
            let given = unsafe { map.unchecked_advise(UncheckedAdvice::DontNeed) };
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
