//! The inner loops of the way into a tensor row: plain loops that the compiler turns into SIMD, compiled for three
//! levels of x86 and chosen at run time.
//!
//! Samples between the passes are 16-bit integers with six fractional bits: 16 or 32 of them in one vector, and
//! exact to 1/64 of a grey level. Nothing here is fused by the compiler, so that every level gives the same bits.

use crate::filter_axis::{WEIGHT_BITS, Window};
use multiversion::multiversion;

/// A grey level of one, between the passes.
pub(crate) const ONE: f32 = 64.0;

/// Half a grey level, in sums of weighed bytes.
pub(crate) const HALF: i32 = 1 << (WEIGHT_BITS - 1);

/// Blends two rows of one plane: `weight` of 2¹⁵ parts of the second.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn blend(first: &[u8], second: &[u8], weight: i16, out: &mut [i16]) {
    for ((out, &first), &second) in out.iter_mut().zip(first).zip(second) {
        *out = between(first, second, weight);
    }
}

/// Blends two rows of RGB pixels and parts the channels.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn blend_rgb(first: &[u8], second: &[u8], weight: i16, out: [&mut [i16]; 3]) {
    let [red, green, blue] = out;
    let (first, _) = first.as_chunks::<3>();
    let (second, _) = second.as_chunks::<3>();
    let channels = red.iter_mut().zip(green).zip(blue);
    for (((red, green), blue), (first, second)) in channels.zip(first.iter().zip(second)) {
        *red = between(first[0], second[0], weight);
        *green = between(first[1], second[1], weight);
        *blue = between(first[2], second[2], weight);
    }
}

/// Means of neighbouring pairs.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn halve(row: &[i16], out: &mut [i16]) {
    let (pairs, _) = row.as_chunks::<2>();
    for (out, pair) in out.iter_mut().zip(pairs) {
        *out = (pair[0] + pair[1]) >> 1;
    }
}

/// Copies the two neighbours of every sampling position side by side. Loads that depend on a table do not turn into
/// SIMD, so they are all that this loop does; the arithmetic is left to [`lerp`].
pub(crate) fn gather(row: &[i16], positions: &[u32], pairs: &mut [[i16; 2]]) {
    for (pair, &at) in pairs.iter_mut().zip(positions) {
        let at = at as usize;
        // One check of bounds for the two loads, which become one.
        if let Some(&[first, second]) = row.get(at..at + 2) {
            *pair = [first, second];
        }
    }
}

/// Blends pairs: `weights` of 2¹⁵ parts of the second.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn lerp(pairs: &[[i16; 2]], weights: &[i16], out: &mut [i16]) {
    for ((out, &[first, second]), &weight) in out.iter_mut().zip(pairs).zip(weights) {
        *out = first + ((i32::from((second - first) << 1) * i32::from(weight)) >> 16) as i16;
    }
}

/// Multiplies and adds: `out = sample × scale + bias`.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn affine(samples: &[i16], scale: f32, bias: f32, out: &mut [f32]) {
    for (out, &sample) in out.iter_mut().zip(samples) {
        *out = f32::from(sample) * scale + bias;
    }
}

/// The same for bytes.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn affine_bytes(bytes: &[u8], scale: f32, bias: f32, out: &mut [f32]) {
    for (out, &byte) in out.iter_mut().zip(bytes) {
        *out = f32::from(byte) * scale + bias;
    }
}

/// Parts the channels of a row of RGB pixels.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn part_channels(line: &[u8], out: [&mut [u8]; 3]) {
    let [red, green, blue] = out;
    let (pixels, _) = line.as_chunks::<3>();
    for (((red, green), blue), pixel) in red.iter_mut().zip(green).zip(blue).zip(pixels) {
        (*red, *green, *blue) = (pixel[0], pixel[1], pixel[2]);
    }
}

/// For each window its bytes times their weights, of [`WEIGHT_BITS`] fractional bits, as a byte. `bytes` begin at sample `start`.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn weigh(bytes: &[u8], start: u32, (windows, weights): (&[Window], &[i32]), out: &mut [u8]) {
    for (out, window) in out.iter_mut().zip(windows) {
        let len = window.len as usize;
        let bytes = &bytes[(window.first - start) as usize..][..len];
        let weights = &weights[window.weights as usize..][..len];
        let sum: i32 = bytes.iter().zip(weights).map(|(byte, weight)| i32::from(*byte) * weight).sum();
        *out = settled(sum + HALF);
    }
}

/// Adds a row of bytes times one weight to sums.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn add_weighed(bytes: &[u8], weight: i32, sums: &mut [i32]) {
    for (sum, &byte) in sums.iter_mut().zip(bytes) {
        *sum += i32::from(byte) * weight;
    }
}

/// Sums of weighed bytes, with a half added, as bytes.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn settle(sums: &[i32], bytes: &mut [u8]) {
    for (byte, &sum) in bytes.iter_mut().zip(sums) {
        *byte = settled(sum);
    }
}

#[inline(always)]
fn settled(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

/// Rounds to bytes, see [`to_byte`].
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn round(values: &[f32], out: &mut [u8]) {
    for (out, &value) in out.iter_mut().zip(values) {
        *out = to_byte(value);
    }
}

/// The nearest byte, ties to even; values outside 0–255 are clipped. A float of 2²³ has no fraction left, so adding
/// it rounds and leaves the byte in the lowest bits: a plain cast saturates lane by lane and is many times slower.
#[inline(always)]
pub(crate) fn to_byte(value: f32) -> u8 {
    const NO_FRACTION: f32 = 8_388_608.0;
    (value.clamp(0.0, 255.0) + NO_FRACTION).to_bits() as u8
}

/// Joins three planes into pixels.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn interleave(planes: [&[u8]; 3], pixels: &mut [[u8; 3]]) {
    let [red, green, blue] = planes;
    for (((pixel, &red), &green), &blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = [red, green, blue];
    }
}

/// One output channel out of the three planes, before it is clipped to 0–255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mix {
    pub luma: f32,
    pub blue: f32,
    pub red: f32,
    pub offset: f32,
    /// Applied after clipping.
    pub scale: f32,
    /// Applied after clipping.
    pub bias: f32,
}

/// Turns a row of Y, U and V samples into one channel of RGB, clipped as a byte would be.
#[multiversion(targets("x86_64+avx2+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn mix(planes: [&[i16]; 3], mix: Mix, out: &mut [f32]) {
    let [luma, blue, red] = planes;
    for (((out, &luma), &blue), &red) in out.iter_mut().zip(luma).zip(blue).zip(red) {
        let level = f32::from(luma) * mix.luma + f32::from(blue) * mix.blue + f32::from(red) * mix.red + mix.offset;
        *out = level.clamp(0.0, 255.0) * mix.scale + mix.bias;
    }
}

/// The product is taken as the upper half of 16 × 16 bits, one instruction in every SIMD set.
#[inline(always)]
fn between(first: u8, second: u8, weight: i16) -> i16 {
    let (first, second) = (i16::from(first), i16::from(second));
    (first << 6) + ((i32::from((second - first) << 7) * i32::from(weight)) >> 16) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rounded_and_clipped() {
        let cases = [(0.49, 0), (0.5, 0), (1.5, 2), (254.6, 255), (255.0, 255), (300.0, 255), (-7.0, 0), (128.4, 128)];
        for (value, byte) in cases {
            assert_eq!(to_byte(value), byte, "{value}");
        }
    }

    #[test]
    fn blending_is_exact_to_a_64th() {
        for (first, second, weight) in [(0_u8, 255_u8, 1 << 14), (255, 0, 12_345), (17, 17, 32_767), (3, 250, 1)] {
            let share = f64::from(weight) / 32_768.0;
            let exact = (f64::from(first) * (1.0 - share) + f64::from(second) * share) * 64.0;
            assert!((f64::from(between(first, second, weight)) - exact).abs() <= 1.0, "{first} {second} {weight}");
        }
    }
}
