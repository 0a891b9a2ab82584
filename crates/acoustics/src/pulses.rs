//! Pulses: one mark per cycle of the voice, set by matching the waveform around a mark with itself one period on. Their distances are
//! the periods that jitter and shimmer are made from.

use crate::frames::{HOP, MARGIN};
use crate::intake::SAMPLE_RATE;
use crate::pitch::vertex;

/// The marks of `sound`, in samples from its beginning and finer than a sample: one list per stretch of unbroken voice. `pitches` has the
/// pitch of every hop, the first of which begins at [`MARGIN`].
pub(crate) fn pulses(sound: &[f32], pitches: &[Option<f64>]) -> Vec<Vec<f64>> {
    let mut found = Vec::new();
    let mut hop = 0;
    while hop < pitches.len() {
        let length = pitches[hop..].iter().take_while(|pitch| pitch.is_some()).count();
        if length >= HOPS_MIN {
            mark(sound, pitches, hop..hop + length, &mut found);
        }
        hop += length.max(1);
    }
    found
}

/// Marks one voiced stretch of hops, anew after each place where the waveform does not go on.
fn mark(sound: &[f32], pitches: &[Option<f64>], hops: std::ops::Range<usize>, found: &mut Vec<Vec<f64>>) {
    let (start, end) = (MARGIN + hops.start * HOP, MARGIN + hops.end * HOP);
    let period = |at: f64| {
        let hop = (at as usize).saturating_sub(MARGIN) / HOP;
        pitches[hop.clamp(hops.start, hops.end - 1)].map_or(0.0, |hz| SAMPLE_RATE as f64 / hz)
    };
    let mut from = start as f64;
    while from + period(from) < end as f64 {
        let mut at = summit(sound, from as usize, period(from) as usize) as f64;
        let mut marks = vec![at];
        while let Some(next) = next_pulse(sound, at, period(at)).filter(|&next| next < end as f64) {
            marks.push(next);
            at = next;
        }
        from = at + period(at).max(1.0);
        if marks.len() > 2 {
            found.push(marks);
        }
    }
}

/// The sample furthest from zero in one period.
fn summit(sound: &[f32], from: usize, period: usize) -> usize {
    let last = (from + period).min(sound.len() - 1);
    (from..=last).max_by(|&a, &b| sound[a].abs().total_cmp(&sound[b].abs())).unwrap_or(from)
}

/// The mark one period after `at`: where the waveform is most like that around `at`. None where it is not like it, or the sound ends.
fn next_pulse(sound: &[f32], at: f64, period: f64) -> Option<f64> {
    let half = (period / 2.0).round() as usize;
    let middle = at.round() as usize;
    let (near, far) = ((period * NEAR) as usize, (period * FAR).ceil() as usize);
    let first = middle.checked_sub(half)?;
    let here = &sound[first..(middle + half).min(sound.len())];
    if near == 0 || first + far + here.len() > sound.len() {
        return None;
    }
    let likeness: Vec<f64> = (near..=far).map(|lag| alike(here, &sound[first + lag..])).collect();
    let best = (1..likeness.len() - 1).max_by(|&a, &b| likeness[a].total_cmp(&likeness[b]))?;
    (likeness[best] > ALIKE).then(|| at + (near + best) as f64 + vertex(&likeness[best - 1..=best + 1]))
}

/// The correlation of two pieces, −1 to 1, over the length of the first.
fn alike(a: &[f32], b: &[f32]) -> f64 {
    let b = &b[..a.len()];
    let scale = (dot(a, a) * dot(b, b)).sqrt();
    if scale > 0.0 { dot(a, b) / scale } else { 0.0 }
}

/// The sum of products, in lanes that a compiler makes one instruction of.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0_f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    f64::from(lanes.iter().sum::<f32>() + rest)
}

/// Shorter stretches of voice, 30 ms, hold too few periods to compare.
const HOPS_MIN: usize = 3;

/// The next mark is sought between these shares of a period.
const NEAR: f64 = 0.75;
const FAR: f64 = 1.3;

/// Below this correlation the waveform does not go on.
const ALIKE: f64 = 0.3;
