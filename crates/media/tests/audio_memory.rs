//! What reading audio holds in memory: as much for ten hours as for a minute, and never what a damaged header asks for.
//!
//! A binary of its own, because the heap's counters are those of the whole process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(unsafe_code, reason = "an allocator has no safe interface")]

use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, which knows how much is held and was held at most, and the largest piece that was asked for.
struct Meter;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static HEAP: Meter = Meter;

// SAFETY: every call goes on to `System` with the arguments as they came, and what it gives is given back unchanged.
unsafe impl GlobalAlloc for Meter {
    // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract, which is `System`'s.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: the caller gives back a block of this allocator, with its layout.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `block` came from `System` by way of this allocator, with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Bytes that were held at most while `work` ran, beyond what was held before.
fn most_held(work: impl FnOnce()) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    LARGEST.store(0, Ordering::Relaxed);
    work();
    MOST.load(Ordering::Relaxed) - before
}

/// A WAV file of that many seconds at 16 kHz, stereo, that takes no place on the disk: all but its header is a hole.
fn hole(path: &Path, seconds: u64) {
    let len = seconds * 64_000;
    let mut file = std::fs::File::create(path).unwrap();
    let claimed = u32::try_from(len).unwrap();
    file.write_all(b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x02\0\x80\x3E\0\0\0\xFA\0\0\x04\0\x10\0data")
        .unwrap();
    file.write_all(&claimed.to_le_bytes()).unwrap();
    file.set_len(44 + len).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
}

fn read(input: AudioInput) -> Option<usize> {
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).ok()?;
    let mut count = 0;
    while let Ok(Some(block)) = reader.next_block() {
        count += block.mono().len();
    }
    Some(count)
}

/// One test, since the counters are those of the process.
#[test]
fn memory_depends_on_nothing_that_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    let mut held = Vec::new();
    for seconds in [60, 36_000] {
        hole(&path, seconds);
        let input = AudioInput::File(path.clone());
        held.push(most_held(|| assert_eq!(read(input), Some(seconds as usize * 16_000))));
    }
    println!("a minute: {} bytes at most, ten hours: {}", held[0], held[1]);
    assert!(held[1] <= held[0] + 4_096 && held[1] < 2 << 20, "{held:?}");

    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/samples/call.flac");
    let flac = std::fs::read(sample).unwrap();
    let flac_held = most_held(|| assert_eq!(read(AudioInput::Bytes(flac.clone().into())), Some(240_000)));
    println!("a FLAC of {} bytes: {flac_held} bytes at most", flac.len());
    assert!(flac_held < 4 << 20);

    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut worst = 0;
    for _ in 0..2_000 {
        let mut damaged = flac[..4_096].to_vec();
        for _ in 0..6 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let reach = if state & 1 == 0 { 64 } else { damaged.len() };
            let at = (state >> 8) as usize % reach;
            damaged[at] = (state >> 40) as u8;
        }
        most_held(|| {
            read(AudioInput::Bytes(damaged.into()));
        });
        worst = worst.max(LARGEST.load(Ordering::Relaxed));
    }
    println!("the largest piece for damaged bytes: {worst} bytes");
    assert!(worst <= 32 << 20, "{worst}");
}
