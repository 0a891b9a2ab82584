//! Made sounds: the same, sample for sample, as those of `tools/reference/acoustics.py`.

use std::f64::consts::TAU;

pub(crate) const RATE: usize = 16_000;

/// Numbers from 0 to 1 by the linear congruence of Numerical Recipes.
pub(crate) struct Chance(pub(crate) u32);

impl Chance {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0) / 4_294_967_296.0
    }

    /// −1 to 1.
    pub(crate) fn around(&mut self) -> f64 {
        2.0 * self.next() - 1.0
    }
}

/// The sound of a name such as `voice:120:0.03:0.0`; none for another kind of name.
pub(crate) fn made(name: &str) -> Option<Vec<f32>> {
    let mut words = name.split(':');
    let kind = words.next()?;
    let numbers: Vec<f64> = words.map_while(|word| word.parse().ok()).collect();
    let sound = match (kind, numbers.as_slice()) {
        ("tone", &[hz]) => tone(hz, 2.0),
        ("voice", &[hz, jitter, shimmer]) => voice(hz, jitter, shimmer),
        ("harmonics", &[hz, hnr_db]) => harmonics(hz, hnr_db),
        ("sweep", &[low, high]) => sweep(low, high),
        ("noise", []) => noise(2.0, 0.2),
        ("silence", []) => vec![0.0; 2 * RATE],
        _ => return None,
    };
    Some(sound)
}

pub(crate) fn tone(hz: f64, seconds: f64) -> Vec<f32> {
    each(seconds, |t| 0.3 * (TAU * hz * t).sin())
}

pub(crate) fn noise(seconds: f64, level: f64) -> Vec<f32> {
    let mut chance = Chance(3);
    each(seconds, |_| level * chance.around())
}

/// The samples of a function of time in seconds.
pub(crate) fn each(seconds: f64, mut level: impl FnMut(f64) -> f64) -> Vec<f32> {
    (0..(seconds * RATE as f64) as usize).map(|n| level(n as f64 / RATE as f64) as f32).collect()
}

/// Pulses that ring at 700 Hz and die away, with periods and amplitudes that vary evenly by so much.
fn voice(hz: f64, jitter: f64, shimmer: f64) -> Vec<f32> {
    let mut sound = vec![0.0_f64; 3 * RATE];
    let mut chance = Chance(7);
    let mut at = 0.01;
    while at < 2.98 {
        let amplitude = 0.4 * (1.0 + shimmer * chance.around());
        let first = (at * RATE as f64).ceil() as usize;
        for n in first..(first + 320).min(sound.len()) {
            let after = n as f64 / RATE as f64 - at;
            sound[n] += amplitude * (-1500.0 * after).exp() * (TAU * 700.0 * after).sin();
        }
        at += (1.0 + jitter * chance.around()) / hz;
    }
    sound.into_iter().map(|sample| sample as f32).collect()
}

/// Eight harmonics, with even white noise so many decibels below them.
fn harmonics(hz: f64, hnr_db: f64) -> Vec<f32> {
    let power: f64 = (1..9).map(|k| 0.02 / f64::from(k * k)).sum();
    let scale = (3.0 * power / 10_f64.powf(hnr_db / 10.0)).sqrt();
    let mut chance = Chance(11);
    each(3.0, |t| {
        let voice: f64 = (1..9).map(|k| 0.2 * (TAU * hz * f64::from(k) * t).sin() / f64::from(k)).sum();
        voice + scale * chance.around()
    })
}

fn sweep(low: f64, high: f64) -> Vec<f32> {
    each(3.0, |t| {
        let phase = TAU * (low * t + (high - low) * t * t / 6.0);
        0.15 * (phase.sin() + (2.0 * phase).sin() / 2.0 + (3.0 * phase).sin() / 3.0)
    })
}
