//! Bytes that were flipped or cut: an error or a clean end, never a panic.

use super::made::{Noise, ffmpeg, open, tone, wav16};
use crate::video::{media, program};

/// Reads to the end whatever comes; samples that came out are numbers.
fn survives(bytes: Vec<u8>) {
    let Ok(mut reader) = open(bytes) else { return };
    while let Ok(Some(block)) = reader.next_block() {
        assert!(block.mono().iter().all(|sample| sample.is_finite()));
    }
}

fn short_files() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("wav".to_owned(), wav16(16_000, 1, &tone(16_000, 440.0, 0.5, 0.2)))];
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return files };
    for arguments in ["-c:a flac -f flac", "-c:a libmp3lame -f mp3", "-c:a aac -f adts", "-c:a libvorbis -f ogg"] {
        files.push((arguments.to_owned(), ffmpeg(&program, &speech, &format!("-t 0.3 {arguments}"))));
    }
    files
}

#[test]
fn every_cut_ends_well() {
    for (name, bytes) in short_files() {
        println!("{name}: {} bytes", bytes.len());
        let step = (bytes.len() / 600).max(1);
        for len in (0..bytes.len()).filter(|len| *len < 200 || len % step == 0) {
            survives(bytes[..len].to_vec());
        }
    }
}

#[test]
fn flipped_bits_end_well() {
    let mut noise = Noise(99);
    for (_, bytes) in short_files() {
        for round in 0..400 {
            let mut bytes = bytes.clone();
            // Half of the rounds in the headers, where it hurts most.
            let reach = if round % 2 == 0 { bytes.len().min(300) } else { bytes.len() };
            for _ in 0..1 + noise.below(8) {
                let at = noise.below(reach);
                bytes[at] ^= 1 << noise.below(8);
            }
            survives(bytes);
        }
    }
}
