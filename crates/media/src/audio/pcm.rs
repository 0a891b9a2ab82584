//! Samples as they lie in WAV files and live chunks, and what they are in ±1.

/// How one sample is written. All are little-endian, as in WAV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PcmEncoding {
    /// 8 bits, 128 is silence.
    U8,
    /// 16 bits.
    S16,
    /// 24 bits in three bytes.
    S24,
    /// 32 bits.
    S32,
    /// 32-bit floating point, full scale is ±1.
    F32,
    /// 64-bit floating point, full scale is ±1.
    F64,
    /// G.711 A-law, as European telephony has it.
    ALaw,
    /// G.711 µ-law, as American telephony has it.
    MuLaw,
}

/// Where samples beyond full scale are held: far above what any decoder overshoots, far below what makes a sum of squares
/// overflow.
const LOUDEST: f32 = 16.0;

impl PcmEncoding {
    /// Bytes of one sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::ALaw | Self::MuLaw => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// FFmpeg's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "pcm_u8",
            Self::S16 => "pcm_s16le",
            Self::S24 => "pcm_s24le",
            Self::S32 => "pcm_s32le",
            Self::F32 => "pcm_f32le",
            Self::F64 => "pcm_f64le",
            Self::ALaw => "pcm_alaw",
            Self::MuLaw => "pcm_mulaw",
        }
    }

    /// Appends the samples in `bytes`, in ±1; what is left of a sample at the end is dropped. Floating-point samples that
    /// are no numbers become silence, and none leaves ±16.
    pub(super) fn decode(self, bytes: &[u8], into: &mut Vec<f32>) {
        match self {
            Self::U8 => into.extend(bytes.iter().map(|byte| (f32::from(*byte) - 128.0) / 128.0)),
            Self::S16 => into.extend(parts(bytes).map(|part| f32::from(i16::from_le_bytes(part)) / 32_768.0)),
            Self::S24 => into.extend(parts(bytes).map(|[low, middle, high]| {
                // In the upper bytes the sign is where it belongs.
                (i32::from_le_bytes([0, low, middle, high]) >> 8) as f32 / 8_388_608.0
            })),
            Self::S32 => into.extend(parts(bytes).map(|part| i32::from_le_bytes(part) as f32 / 2_147_483_648.0)),
            Self::F32 => into.extend(parts(bytes).map(|part| tamed(f32::from_le_bytes(part)))),
            Self::F64 => into.extend(parts(bytes).map(|part| tamed(f64::from_le_bytes(part) as f32))),
            Self::ALaw => into.extend(bytes.iter().map(|byte| f32::from(a_law(*byte)) / 32_768.0)),
            Self::MuLaw => into.extend(bytes.iter().map(|byte| f32::from(mu_law(*byte)) / 32_768.0)),
        }
    }
}

/// A sample that arithmetic can go on with.
pub(super) fn tamed(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-LOUDEST, LOUDEST) }
}

fn parts<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// ITU-T G.711, table 1, scaled to 16 bits.
fn a_law(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let exponent = (code >> 4) & 7;
    let mantissa = (i16::from(code & 15) << 4) + 8;
    let magnitude = if exponent == 0 { mantissa } else { (mantissa + 0x100) << (exponent - 1) };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// ITU-T G.711, table 2, scaled to 16 bits.
fn mu_law(byte: u8) -> i16 {
    let code = !byte;
    let exponent = (code >> 4) & 7;
    let magnitude = (((i16::from(code & 15) << 3) + 0x84) << exponent) - 0x84;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: PcmEncoding, bytes: &[u8]) -> Vec<f32> {
        let mut samples = Vec::new();
        encoding.decode(bytes, &mut samples);
        samples
    }

    #[test]
    fn full_scale_is_one_in_every_encoding() {
        assert_eq!(decoded(PcmEncoding::U8, &[0, 128, 192]), [-1.0, 0.0, 0.5]);
        assert_eq!(decoded(PcmEncoding::S16, &[0, 0x80, 0, 0x40]), [-1.0, 0.5]);
        assert_eq!(
            decoded(PcmEncoding::S24, &[0, 0, 0x80, 0, 0, 0x40, 0xFF, 0xFF, 0xFF]),
            [-1.0, 0.5, -1.0 / 8_388_608.0]
        );
        assert_eq!(decoded(PcmEncoding::S32, &[0, 0, 0, 0x80, 0, 0, 0, 0x40]), [-1.0, 0.5]);
        assert_eq!(decoded(PcmEncoding::F32, &0.25_f32.to_le_bytes()), [0.25]);
        assert_eq!(decoded(PcmEncoding::F64, &0.25_f64.to_le_bytes()), [0.25]);
        assert_eq!(decoded(PcmEncoding::S16, &[1]), []);
    }

    #[test]
    fn what_is_no_number_is_silence() {
        let bytes: Vec<u8> =
            [f32::NAN, f32::INFINITY, -3e38, 1.5].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(decoded(PcmEncoding::F32, &bytes), [0.0, 16.0, -16.0, 1.5]);
    }

    /// Some points of the tables of G.711, in 16 bits.
    #[test]
    fn telephone_codes_are_those_of_the_standard() {
        assert_eq!([0x00, 0x7F, 0x80, 0xFF, 0xD5].map(mu_law), [-32_124, 0, 32_124, 0, 716]);
        assert_eq!([0x55, 0xD5, 0x2A, 0xAA, 0x80].map(a_law), [-8, 8, -32_256, 32_256, 5_504]);
    }
}
