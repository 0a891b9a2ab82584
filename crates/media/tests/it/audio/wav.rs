//! WAV in every shape that recorders leave behind.

use super::made::{format, open, pcm16, read, tone, tracks, wav_of, wav16};
use samovar_media::{AudioErrorKind, AudioInput, AudioLimits, AudioOptions, AudioReader, ChannelChoice};
use std::time::Duration;

/// A second of a tone at 16 kHz, which needs no resampling: what comes out is what went in.
fn second() -> Vec<f64> {
    tone(16_000, 440.0, 0.5, 1.0)
}

fn rounded(samples: &[f64]) -> Vec<f32> {
    samples.iter().map(|sample| (sample * 32_768.0).round() as f32 / 32_768.0).collect()
}

#[test]
fn plain_samples_come_out_as_they_are() {
    let bytes = wav16(16_000, 1, &second());
    let reader = open(bytes.clone()).unwrap();
    let info = reader.info();
    assert_eq!((info.container.as_str(), info.codec.as_str()), ("wav", "pcm_s16le"));
    assert_eq!((info.rate_hz, info.channels, info.duration_s), (16_000, 1, Some(1.0)));
    assert!(!reader.is_damaged());
    assert!(read(bytes) == rounded(&second()));
}

#[test]
fn every_width_says_the_same() {
    let samples = second();
    let wide = |bytes: usize| -> Vec<u8> {
        let scale = 2_f64.powi(bytes as i32 * 8 - 1);
        let cut = |sample: &f64| ((sample * scale).round() as i64).to_le_bytes()[..bytes].to_vec();
        samples.iter().flat_map(cut).collect()
    };
    let f32s: Vec<u8> = samples.iter().flat_map(|sample| (*sample as f32).to_le_bytes()).collect();
    let f64s: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let eight: Vec<u8> = samples.iter().map(|sample| (sample * 128.0 + 128.0).round() as u8).collect();
    for (tag, bits, data, name, tolerance) in [
        (1, 8, eight, "pcm_u8", 1.0 / 255.0),
        (1, 16, wide(2), "pcm_s16le", 2e-5),
        (1, 24, wide(3), "pcm_s24le", 1e-7),
        (1, 32, wide(4), "pcm_s32le", 1e-7),
        (3, 32, f32s, "pcm_f32le", 0.0_f32),
        (3, 64, f64s, "pcm_f64le", 0.0),
    ] {
        for extensible in [false, true] {
            let mut head = format(if extensible { 0xFFFE } else { tag }, 1, 16_000, bits);
            if extensible {
                head.extend([22, 0, bits as u8, 0, 4, 0, 0, 0, tag as u8, 0]);
                head.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
            }
            let bytes = wav_of(&[(b"fmt ", &head), (b"data", &data)]);
            assert_eq!(open(bytes.clone()).unwrap().info().codec, name);
            let out = read(bytes);
            let worst = out.iter().zip(&samples).map(|(out, sample)| (out - *sample as f32).abs()).fold(0.0, f32::max);
            assert!(out.len() == 16_000 && worst <= tolerance, "{name} {extensible} {worst}");
        }
    }
}

#[test]
fn chunks_of_odd_size_before_the_samples_are_skipped() {
    let (head, data) = (format(1, 1, 16_000, 16), pcm16(&second()));
    let bytes =
        wav_of(&[(b"JUNK", b"odd"), (b"fmt ", &head), (b"LIST", b"INFOx"), (b"bext", &[7; 603]), (b"data", &data)]);
    assert!(read(bytes) == rounded(&second()));
}

/// The size of the data chunk, and of the whole.
fn claim(mut bytes: Vec<u8>, len: u32) -> Vec<u8> {
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    bytes[40..44].copy_from_slice(&len.to_le_bytes());
    bytes
}

#[test]
fn sizes_that_were_never_filled_in_mean_all_that_is_there() {
    for len in [0, u32::MAX] {
        let bytes = claim(wav16(16_000, 1, &second()), len);
        let reader = open(bytes.clone()).unwrap();
        assert_eq!((reader.info().duration_s, reader.is_damaged()), (Some(1.0), false));
        assert!(read(bytes) == rounded(&second()));
    }
}

#[test]
fn a_claim_of_four_gigabytes_is_no_more_than_what_is_there() {
    let bytes = claim(wav16(16_000, 1, &second()), 0xFFFF_FFF0);
    let mut reader = open(bytes).unwrap();
    assert_eq!(reader.info().duration_s, Some(1.0));
    assert!(reader.is_damaged());
    assert!(reader.read_to_end(usize::MAX).unwrap() == rounded(&second()));
}

#[test]
fn rf64_is_read_by_what_is_there() {
    let mut bytes = claim(wav16(16_000, 1, &second()), u32::MAX);
    bytes[..4].copy_from_slice(b"RF64");
    assert!(read(bytes) == rounded(&second()));
}

#[test]
fn a_cut_within_a_sample_costs_that_sample() {
    let mut bytes = wav16(16_000, 2, &second());
    bytes.truncate(bytes.len() - 3);
    let mut reader = open(bytes).unwrap();
    assert_eq!(reader.read_to_end(usize::MAX).unwrap().len(), 7_999);
    assert!(reader.is_damaged());
}

#[test]
fn what_cannot_be_is_refused_by_the_header() {
    let (head, data) = (|channels, rate_hz| format(1, channels, rate_hz, 16), pcm16(&second()));
    let kind = |bytes: Vec<u8>| open(bytes).err().map(|error| error.kind());
    let of = |head: &[u8]| wav_of(&[(b"fmt ", head), (b"data", &data)]);
    assert_eq!(kind(of(&head(1, 3_999))), Some(AudioErrorKind::Layout));
    assert_eq!(kind(of(&head(1, 384_001))), Some(AudioErrorKind::Layout));
    assert_eq!(kind(of(&head(9, 16_000))), Some(AudioErrorKind::Layout));
    assert_eq!(kind(of(&head(0, 16_000))), Some(AudioErrorKind::Damaged));
    assert_eq!(kind(of(&[1, 0, 1, 0])), Some(AudioErrorKind::Damaged));
    assert_eq!(kind(wav_of(&[(b"data", &data)])), Some(AudioErrorKind::Damaged));
    assert_eq!(kind(wav_of(&[(b"fmt ", &head(1, 16_000))])), Some(AudioErrorKind::Damaged));
    assert_eq!(kind(wav_of(&[(b"fmt ", &head(1, 16_000)), (b"data", &[])])), Some(AudioErrorKind::Empty));
    assert_eq!(kind(Vec::new()), Some(AudioErrorKind::Empty));
    // A codec that the child would have to read.
    assert_eq!(kind(of(&format(2, 1, 16_000, 4))), Some(AudioErrorKind::DecoderMissing));
}

#[test]
fn limits_hold_to_the_sample() {
    let bytes = wav16(16_000, 1, &second());
    let open = |limits: AudioLimits| {
        let input = AudioInput::Bytes(bytes.clone().into());
        AudioReader::open(input, &AudioOptions::default(), &limits).map(drop).map_err(|error| error.kind())
    };
    let long = |us| AudioLimits { duration: Duration::from_micros(us), ..AudioLimits::default() };
    assert_eq!(open(long(1_000_000)), Ok(()));
    assert_eq!(open(long(999_999)), Err(AudioErrorKind::TooLong));
    let large = |bytes| AudioLimits { bytes, ..AudioLimits::default() };
    assert_eq!(open(large(bytes.len() as u64)), Ok(()));
    assert_eq!(open(large(bytes.len() as u64 - 1)), Err(AudioErrorKind::TooLarge));
}

#[test]
fn channels_are_mixed_chosen_or_kept_apart() {
    let frames: Vec<f64> = (0..1_000).flat_map(|_| [0.5, -0.25]).collect();
    let of = |choice| tracks(wav16(16_000, 2, &frames), choice);
    assert!(of(ChannelChoice::Mean).unwrap() == [vec![0.125; 1_000]]);
    assert!(of(ChannelChoice::One(1)).unwrap() == [vec![-0.25; 1_000]]);
    assert!(of(ChannelChoice::Separate).unwrap() == [vec![0.5; 1_000], vec![-0.25; 1_000]]);
    assert_eq!(of(ChannelChoice::One(2)).unwrap_err().kind(), AudioErrorKind::ChannelAbsent);
    let longer = tracks(wav16(48_000, 2, &frames.repeat(60)), ChannelChoice::Separate).unwrap();
    assert_eq!((longer[0].len(), longer[1].len()), (20_000, 20_000));
    assert!((longer[0][10_000] - 0.5).abs() < 1e-5 && (longer[1][10_000] + 0.25).abs() < 1e-5);
}

#[test]
fn silence_noise_and_clipping_come_through() {
    assert!(read(wav16(8_000, 1, &[0.0; 8_000])).iter().all(|sample| *sample == 0.0));
    let clipped: Vec<f64> = tone(16_000, 300.0, 4.0, 1.0).iter().map(|sample| sample.clamp(-1.0, 0.99997)).collect();
    assert!(read(wav16(16_000, 1, &clipped)) == rounded(&clipped));
    let mut noise = super::made::Noise(7);
    let noise: Vec<f64> = (0..44_100).map(|_| noise.next() as i16 as f64 / 32_768.0).collect();
    let out = read(wav16(44_100, 1, &noise));
    assert_eq!(out.len(), 16_000);
    assert!(out.iter().all(|sample| sample.is_finite() && sample.abs() < 4.0));
}

#[test]
fn a_file_that_is_absent_or_no_file_is_told_without_its_name() {
    for path in ["/nonexistent/secret-name.wav", "/dev/zero", "/"] {
        let opened =
            AudioReader::open(AudioInput::File(path.into()), &AudioOptions::default(), &AudioLimits::default());
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), AudioErrorKind::Unreadable, "{path}");
        assert!(!error.to_string().contains("secret-name"));
    }
}
