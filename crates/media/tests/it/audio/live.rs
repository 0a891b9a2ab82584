//! Live chunks: cut anywhere they give the same samples, and what waits is bounded.

use super::made::{Noise, ffmpeg, largest_difference, pcm16, read, tone, wav16};
use crate::video::{media, program};
use bytes::Bytes;
use samovar_media::{
    AudioError, AudioErrorKind, AudioLimits, ChannelChoice, LiveAudio, LiveCoding, LiveFormat, PcmEncoding,
};
use std::time::{Duration, Instant};

fn pcm(encoding: PcmEncoding, rate_hz: u32, channels: u16) -> LiveAudio {
    LiveAudio::new(LiveFormat::Pcm { encoding, rate_hz, channels }, ChannelChoice::Mean, &AudioLimits::default())
        .unwrap()
}

/// All that comes of chunks that are pushed one after the other.
fn through(live: &mut LiveAudio, chunks: impl IntoIterator<Item = Bytes>) -> Result<Vec<f32>, AudioError> {
    let mut samples = Vec::new();
    for chunk in chunks {
        live.push(chunk)?;
        take(live, &mut samples)?;
    }
    live.finish()?;
    while take(live, &mut samples)? {}
    Ok(samples)
}

fn take(live: &mut LiveAudio, samples: &mut Vec<f32>) -> Result<bool, AudioError> {
    let Some(block) = live.pull()? else { return Ok(false) };
    assert_eq!(block.start, samples.len() as u64);
    samples.extend(block.mono());
    Ok(true)
}

#[test]
fn a_cut_at_every_offset_gives_the_same_bits() {
    for (rate_hz, channels) in [(8_000, 1), (16_000, 1), (48_000, 1), (44_100, 2)] {
        let wave = tone(rate_hz, 440.0, 0.4, 0.1 * f64::from(channels));
        let bytes = Bytes::from(pcm16(&wave));
        let whole = read(wav16(rate_hz, channels, &wave));
        let step = if bytes.len() > 4_000 { 7 } else { 1 };
        for cut in (0..=bytes.len()).step_by(step) {
            let chunks = [bytes.slice(..cut), bytes.slice(cut..)];
            let samples = through(&mut pcm(PcmEncoding::S16, rate_hz, channels), chunks).unwrap();
            assert!(samples == whole, "{rate_hz} {channels} {cut}");
        }
        let mut noise = Noise(5);
        let mut rest = bytes.clone();
        let pieces = std::iter::from_fn(|| (!rest.is_empty()).then(|| rest.split_to(rest.len().min(noise.below(700)))));
        assert!(through(&mut pcm(PcmEncoding::S16, rate_hz, channels), pieces).unwrap() == whole);
        let single = bytes.chunks(1).map(Bytes::copy_from_slice);
        assert!(through(&mut pcm(PcmEncoding::S16, rate_hz, channels), single).unwrap() == whole);
    }
}

#[test]
fn half_a_sample_at_the_end_is_told() {
    let mut live = pcm(PcmEncoding::S16, 16_000, 1);
    assert_eq!(through(&mut live, [Bytes::from_static(&[0, 64, 7])]).unwrap(), [0.5]);
    assert!(live.is_damaged());
}

#[test]
fn telephone_codes_are_what_ffmpeg_makes_of_them() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    for (encoding, name) in [(PcmEncoding::MuLaw, "mulaw"), (PcmEncoding::ALaw, "alaw")] {
        let coded = ffmpeg(&program, &speech, &format!("-ar 8000 -f {name}"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        std::fs::write(&path, ffmpeg(&program, &speech, &format!("-ar 8000 -c:a pcm_{name} -f wav"))).unwrap();
        let whole = read(std::fs::read(&path).unwrap());
        let chunks = coded.chunks(160).map(Bytes::copy_from_slice);
        let samples = through(&mut pcm(encoding, 8_000, 1), chunks).unwrap();
        assert!(samples == whole && samples.len() == 176_000, "{name} {} {}", samples.len(), whole.len());
    }
}

#[test]
fn samples_that_nobody_takes_are_refused_and_not_lost() {
    let limits = AudioLimits { held: Duration::from_secs(2), ..AudioLimits::default() };
    let format = LiveFormat::Pcm { encoding: PcmEncoding::S16, rate_hz: 16_000, channels: 1 };
    let mut live = LiveAudio::new(format, ChannelChoice::Mean, &limits).unwrap();
    let second = Bytes::from(vec![1; 32_000]);
    live.push(second.clone()).unwrap();
    live.push(second.clone()).unwrap();
    assert_eq!(live.push(second.clone()).unwrap_err().kind(), AudioErrorKind::Overrun);
    assert_eq!(live.pull().unwrap().unwrap().mono().len(), 32_000);
    live.push(second).unwrap();
    let block = live.pull().unwrap().unwrap();
    assert_eq!((block.start, block.mono().len()), (32_000, 16_000));
    let huge = Bytes::from(vec![0; 1 << 20]);
    assert_eq!(live.push(huge).unwrap_err().kind(), AudioErrorKind::TooLarge);
}

#[test]
fn a_layout_over_the_limits_is_refused() {
    for (rate_hz, channels) in [(3_000, 1), (400_000, 1), (16_000, 0), (16_000, 9)] {
        let format = LiveFormat::Pcm { encoding: PcmEncoding::S16, rate_hz, channels };
        let error = LiveAudio::new(format, ChannelChoice::Mean, &AudioLimits::default()).err().unwrap();
        assert_eq!(error.kind(), AudioErrorKind::Layout);
    }
}

fn coded(coding: LiveCoding) -> Option<LiveAudio> {
    let format = LiveFormat::Coded { coding, program: program()? };
    Some(LiveAudio::new(format, ChannelChoice::Mean, &AudioLimits::default()).unwrap())
}

/// What the same file gives as a recording.
fn as_recording(bytes: &[u8]) -> Vec<f32> {
    super::made::open_with(bytes.to_vec(), &program().unwrap()).unwrap().read_to_end(usize::MAX).unwrap()
}

#[test]
fn webm_and_ogg_give_what_they_give_as_recordings() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    for (coding, arguments) in [
        (LiveCoding::WebM, "-c:a libopus -f webm -cluster_time_limit 200"),
        (LiveCoding::Ogg, "-c:a libopus -page_duration 20000 -f ogg"),
        (LiveCoding::Ogg, "-c:a libvorbis -f ogg"),
    ] {
        let bytes = ffmpeg(&program, &speech, arguments);
        let whole = as_recording(&bytes);
        for size in [777, 4_096] {
            let mut live = coded(coding).unwrap();
            let samples = through(&mut live, bytes.chunks(size).map(Bytes::copy_from_slice)).unwrap();
            let worst = largest_difference(&samples, &whole);
            println!("{arguments}: {} of {} samples, {worst:.1e}", samples.len(), whole.len());
            assert!(samples.len().abs_diff(whole.len()) <= 400 && worst < 2e-3, "{arguments} {worst}");
            assert!(!live.is_damaged());
        }
    }
}

/// The packets of an Ogg file with one stream.
fn packets(ogg: &[u8]) -> Vec<Bytes> {
    let (mut packets, mut packet, mut at) = (Vec::new(), Vec::new(), 0);
    while at < ogg.len() {
        let table = &ogg[at + 27..at + 27 + usize::from(ogg[at + 26])];
        at += 27 + table.len();
        for len in table {
            packet.extend(&ogg[at..at + usize::from(*len)]);
            at += usize::from(*len);
            if *len < 255 {
                packets.push(Bytes::from(std::mem::take(&mut packet)));
            }
        }
    }
    packets
}

#[test]
fn bare_packets_of_opus_give_what_their_file_gives() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    let ogg = ffmpeg(&program, &speech, "-c:a libopus -f ogg");
    let whole = as_recording(&ogg);
    let packets = packets(&ogg).split_off(2);
    let samples = through(&mut coded(LiveCoding::OpusPackets).unwrap(), packets).unwrap();
    // The file says how much of the beginning is the encoder's own delay: 312 samples at 48 kHz.
    let worst = largest_difference(&samples[104 + 1_600..], &whole[1_600..]);
    println!("{} of {} samples, {worst:.1e}", samples.len(), whole.len());
    assert!(worst < 2e-3 && samples.len() >= whole.len(), "{worst}");
    let mut live = coded(LiveCoding::OpusPackets).unwrap();
    assert_eq!(live.push(Bytes::from_static(&[0b0000_0011])).unwrap_err().kind(), AudioErrorKind::Damaged);
}

#[test]
fn a_live_stream_is_heard_before_its_end() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    for (coding, arguments) in [
        (LiveCoding::WebM, "-c:a libopus -f webm -cluster_time_limit 100"),
        (LiveCoding::Ogg, "-c:a libopus -page_duration 20000 -f ogg"),
    ] {
        let bytes = ffmpeg(&program, &speech, arguments);
        let mut live = coded(coding).unwrap();
        let half = bytes.len() / 2;
        live.push(Bytes::copy_from_slice(&bytes[..half])).unwrap();
        let mut samples = Vec::new();
        let since = Instant::now();
        // All but the last tenth of a second or two of what was sent.
        while samples.len() < 80_000 {
            take(&mut live, &mut samples).unwrap();
            assert!(since.elapsed() < Duration::from_secs(30), "{arguments}: {}", samples.len());
            std::thread::sleep(Duration::from_millis(5));
        }
        println!("{arguments}: {} samples of half the stream", samples.len());
    }
}

#[test]
fn rubbish_is_refused_and_nothing_hangs() {
    for coding in [LiveCoding::WebM, LiveCoding::Ogg] {
        let Some(mut live) = coded(coding) else { return };
        let rubbish = std::iter::repeat_n(Bytes::from(vec![0x5A; 4_096]), 20);
        let error = through(&mut live, rubbish).unwrap_err();
        assert!([AudioErrorKind::Unsupported, AudioErrorKind::Damaged].contains(&error.kind()), "{error}");
        let mut nothing = coded(coding).unwrap();
        assert!(through(&mut nothing, []).is_err());
        drop(coded(coding));
    }
}

#[test]
fn a_queue_that_nobody_empties_is_bounded() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    let bytes = Bytes::from(ffmpeg(&program, &speech, "-c:a flac -f ogg"));
    let mut live = coded(LiveCoding::Ogg).unwrap();
    let refused = (0..2_000).find_map(|_| live.push(bytes.clone()).err()).unwrap();
    assert_eq!(refused.kind(), AudioErrorKind::Overrun);
}
