//! Recordings made here: WAV of any rate and layout, out of samples.

/// A WAV of 16-bit samples, interleaved.
pub(crate) fn wav16(rate_hz: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> =
        samples.iter().flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes()).collect();
    [&header(rate_hz, channels, 16, data.len() as u32)[..], &data].concat()
}

/// The head of a WAV that claims `data_bytes` of integer samples.
pub(crate) fn header(rate_hz: u32, channels: u16, bits: u16, data_bytes: u32) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut head = b"RIFF".to_vec();
    head.extend(data_bytes.saturating_add(36).to_le_bytes());
    head.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    head.extend(channels.to_le_bytes());
    head.extend(rate_hz.to_le_bytes());
    head.extend((rate_hz * u32::from(frame)).to_le_bytes());
    head.extend(frame.to_le_bytes());
    head.extend(bits.to_le_bytes());
    head.extend(b"data");
    head.extend(data_bytes.to_le_bytes());
    head
}

/// At another rate, `times` as many samples: straight lines between those that are there.
pub(crate) fn faster(samples: &[f32], times: usize) -> Vec<f32> {
    let next = samples.iter().skip(1).chain(samples.last());
    let pairs = samples.iter().zip(next);
    pairs.flat_map(|(a, b)| (0..times).map(move |step| a + (b - a) * step as f32 / times as f32)).collect()
}

/// At half the rate, of what has nothing in its upper half.
pub(crate) fn halved(samples: &[f32]) -> Vec<f32> {
    samples.iter().step_by(2).copied().collect()
}

/// Without the upper half of its band: a low pass of 63 taps.
pub(crate) fn muffled(samples: &[f32]) -> Vec<f32> {
    const REACH: i64 = 31;
    let tap = |at: i64| {
        let (x, cut) = (at as f64 * std::f64::consts::PI, 0.45);
        let sinc = if at == 0 { cut } else { (cut * x).sin() / x };
        sinc * (0.54 + 0.46 * (x / REACH as f64).cos())
    };
    let taps: Vec<f64> = (-REACH..=REACH).map(tap).collect();
    let sample = |at: i64| usize::try_from(at).ok().and_then(|at| samples.get(at)).copied().unwrap_or(0.0);
    let weighed = |at: i64| (-REACH..=REACH).zip(&taps).map(|(by, tap)| tap * f64::from(sample(at + by))).sum::<f64>();
    (0..samples.len() as i64).map(|at| weighed(at) as f32).collect()
}

/// Two channels, interleaved.
pub(crate) fn stereo(left: &[f32], right: &[f32]) -> Vec<f32> {
    left.iter().zip(right).flat_map(|(left, right)| [*left, *right]).collect()
}

/// The same noise whenever it is asked for, from -`level` to `level`.
pub(crate) fn noise(samples: usize, level: f32) -> Vec<f32> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    (0..samples).map(|_| (2.0 * next() - 1.0) * level).collect()
}
