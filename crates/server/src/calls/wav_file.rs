//! A WAV file that grows: its header is true after each piece, so that what a crash leaves can be heard.

use super::CallSettings;
use super::free_space::free_bytes;
use super::wave::{RATE_HZ, Wave};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A WAV file that grows.
pub(super) struct WavFile {
    file: File,
    name: String,
    data_bytes: u64,
}

/// Bytes before the samples.
const HEADER_BYTES: u64 = 44;
/// What a header can tell.
const DATA_BYTES_MAX: u64 = u32::MAX as u64 - HEADER_BYTES;

impl WavFile {
    /// An empty one.
    pub(super) const fn new(file: File, name: String) -> Self {
        Self { file, name, data_bytes: 0 }
    }

    /// Its name in its folder.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its size.
    pub(super) const fn bytes(&self) -> u64 {
        HEADER_BYTES + self.data_bytes
    }

    /// Whether there is no sound in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.data_bytes == 0
    }

    /// Writes a piece behind what is there, and silence for what was lost before it.
    ///
    /// # Errors
    /// `StorageFull` and `FileTooLarge` where the limits are reached; those of the disk.
    pub(super) fn append(&mut self, wave: &Wave, settings: &CallSettings) -> io::Result<()> {
        let at = self.data_bytes.saturating_add(wave.lost_bytes());
        let data_bytes = at.saturating_add(wave.bytes().len() as u64);
        if data_bytes > settings.audio_bytes_max.min(DATA_BYTES_MAX) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if free_bytes(&settings.folder)? < settings.free_bytes_min {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // What is passed over reads as zeros, which are silence.
        self.file.set_len(HEADER_BYTES + data_bytes)?;
        self.file.write_all_at(wave.bytes(), HEADER_BYTES + at)?;
        self.file.write_all_at(&header(data_bytes), 0)?;
        self.data_bytes = data_bytes;
        Ok(())
    }
}

/// Whether a file has sound in it.
pub(super) fn has_sound(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.len() > HEADER_BYTES)
}

/// Mono, 16 bits.
fn header(data_bytes: u64) -> [u8; HEADER_BYTES as usize] {
    let data = u32::try_from(data_bytes).unwrap_or(u32::MAX);
    let mut header = [0; HEADER_BYTES as usize];
    let parts: [&[u8]; 13] = [
        b"RIFF",
        &data.saturating_add(36).to_le_bytes(),
        b"WAVEfmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &RATE_HZ.to_le_bytes(),
        &(RATE_HZ * 2).to_le_bytes(),
        &2_u16.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &data.to_le_bytes(),
        b"",
    ];
    let bytes = parts.into_iter().flatten();
    header.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};

    #[test]
    fn what_is_there_after_each_piece_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let settings = CallSettings { free_bytes_min: 0, audio_bytes_max: 100_000, ..CallSettings::new(folder.path()) };
        let path = folder.path().join("a.wav");
        let mut file = WavFile::new(File::create_new(&path).unwrap(), "a.wav".to_owned());
        assert!(!has_sound(&path));
        let mut second = Wave::default();
        second.push(&vec![0.25; RATE_HZ as usize]);
        for seconds in 1..=3_u32 {
            file.append(&second, &settings).unwrap();
            let input = AudioInput::File(path.clone());
            let reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
            assert_eq!(reader.info().duration_s, Some(f64::from(seconds)));
        }
        assert_eq!(file.append(&second, &settings).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(has_sound(&path));
        assert_eq!(file.bytes(), std::fs::metadata(&path).unwrap().len());
        let full = CallSettings { free_bytes_min: u64::MAX, ..settings };
        let mut other = WavFile::new(File::create_new(folder.path().join("b.wav")).unwrap(), String::new());
        assert_eq!(other.append(&second, &full).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
