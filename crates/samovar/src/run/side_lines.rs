//! Lines that stand in no journal, such as those of pictures and failures: kept until the file of results is put together.

use crate::failure::CliError;
use crate::stdout;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Lines on the disk, each of one input.
#[derive(Debug)]
pub struct SideLines {
    path: PathBuf,
    file: File,
    length: u64,
    /// By the input's place among all.
    places: BTreeMap<usize, LinePlace>,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePlace {
    offset: u64,
    length: u64,
}

impl SideLines {
    /// None yet; they will be in a file in that folder.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn in_folder(folder: &Path) -> Result<Self, CliError> {
        let path = folder.join("lines.part");
        let file = File::create(&path).map_err(|error| failed(&path, &error))?;
        Ok(Self { path, file, length: 0, places: BTreeMap::new() })
    }

    /// Keeps the line of the input with that place.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn add(&mut self, index: usize, record: &impl Serialize) -> Result<(), CliError> {
        let written = serde_json::to_vec(record).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line).map(|()| line.len() as u64)
        });
        let length = written.map_err(|error| failed(&self.path, &error))?;
        self.places.insert(index, LinePlace { offset: self.length, length });
        self.length += length;
        Ok(())
    }

    /// The line of an input, where there is one.
    pub fn place(&self, index: usize) -> Option<LinePlace> {
        self.places.get(&index).copied()
    }

    /// The file that places are in.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl LinePlace {
    /// Copies the line from its file.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub fn copy(self, lines: &Path, out: &mut impl Write) -> io::Result<()> {
        let mut file = File::open(lines)?;
        file.seek(SeekFrom::Start(self.offset))?;
        io::copy(&mut file.take(self.length), out).map(drop)
    }
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    stdout::write_error(&path.display().to_string(), error)
}
