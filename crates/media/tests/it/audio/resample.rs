//! Resampling against soxr, and what the filter keeps and what it keeps out, by tones.

use super::made::{Noise, format, read, tone, wav_of};
use serde_json::Value;
use std::f64::consts::TAU;

/// A WAV file of 64-bit samples, so that nothing is rounded before the resampler.
fn wav64(rate_hz: u32, samples: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    wav_of(&[(b"fmt ", &format(3, 1, rate_hz, 64)), (b"data", &data)])
}

#[test]
fn tones_come_out_as_soxr_gives_them() {
    let fixture: Value = serde_json::from_str(include_str!("../../fixtures/resampled.json")).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let rate_hz = case["rate_hz"].as_u64().unwrap() as u32;
        let mut samples = vec![0.0; rate_hz as usize];
        for parts in fixture["tones_hz"].as_array().unwrap() {
            let tone = tone(rate_hz, parts[0].as_f64().unwrap(), parts[1].as_f64().unwrap(), 1.0);
            samples.iter_mut().zip(tone).for_each(|(sum, sample)| *sum += sample);
        }
        let out = read(wav64(rate_hz, &samples));
        assert_eq!(out.len(), 16_000, "{rate_hz}");
        let start = case["start"].as_u64().unwrap() as usize;
        let expected = case["samples"].as_array().unwrap().iter().map(|sample| sample.as_f64().unwrap());
        let worst = out[start..].iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        println!("{rate_hz} Hz: at most {worst:.1e} from soxr");
        // A rate in no simple ratio comes a fraction of a sample early or late.
        let tolerance = if rate_hz == 44_101 { 1e-3 } else { 2e-6 };
        assert!(worst < tolerance, "{rate_hz}: {worst}");
    }
}

/// How loud a tone of that frequency is in the middle of `samples`, in dB of full scale: by least squares, and all that is left.
fn level_db(samples: &[f32], hz: f64) -> (f64, f64) {
    let middle = &samples[2_000..samples.len() - 2_000];
    let count = middle.len() as f64;
    let (mut sine, mut cosine) = (0.0, 0.0);
    let window = |at: usize| 1.0 - (TAU * (at as f64 + 0.5) / count).cos();
    for (at, sample) in middle.iter().enumerate() {
        let angle = TAU * hz * at as f64 / 16_000.0;
        sine += f64::from(*sample) * angle.sin() * window(at);
        cosine += f64::from(*sample) * angle.cos() * window(at);
    }
    let (sine, cosine) = (2.0 * sine / count, 2.0 * cosine / count);
    let rest = middle.iter().enumerate().map(|(at, sample)| {
        let angle = TAU * hz * at as f64 / 16_000.0;
        (f64::from(*sample) - sine * angle.sin() - cosine * angle.cos()).powi(2)
    });
    (decibels(sine.hypot(cosine)), decibels((2.0 * rest.sum::<f64>() / count).sqrt()))
}

fn decibels(level: f64) -> f64 {
    20.0 * level.max(1e-12).log10()
}

#[test]
fn the_band_of_speech_is_flat_and_nothing_folds_into_it() {
    for rate_hz in [8_000, 11_025, 22_050, 24_000, 44_100, 48_000, 96_000, 192_000, 384_000, 44_101] {
        let nyquist = f64::from(rate_hz.min(16_000)) / 2.0;
        let (mut ripple, mut distortion) = (0.0_f64, f64::MIN);
        for step in 1..=15 {
            let hz = nyquist * 0.94 * f64::from(step) / 15.0;
            let (level, rest) = level_db(&read(wav64(rate_hz, &tone(rate_hz, hz, 1.0, 1.0))), hz);
            ripple = ripple.max(level.abs());
            distortion = distortion.max(rest);
        }
        let above: Vec<f64> = [1.001, 1.02, 1.1, 1.37, 1.5].iter().map(|share| share * 8_000.0).collect();
        let folded = above.iter().filter(|hz| **hz < f64::from(rate_hz) / 2.0).map(|hz| {
            let out = read(wav64(rate_hz, &tone(rate_hz, *hz, 1.0, 1.0)));
            decibels(f64::from(out[2_000..14_000].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()))))
        });
        let folded = folded.fold(-200.0, f64::max);
        println!("{rate_hz} Hz: ripple {ripple:.5} dB, distortion {distortion:.0} dB, alias {folded:.0} dB");
        assert!(ripple < 0.001 && distortion < -120.0 && folded < -115.0, "{rate_hz}: {ripple} {distortion} {folded}");
    }
}

#[test]
fn the_first_sample_stays_the_first_and_the_length_is_rounded_up() {
    let mut noise = Noise(3);
    for rate_hz in [8_000, 11_025, 44_100, 48_000, 192_000, 44_101] {
        for count in [1, 2, 100, 1_151, 5_000, rate_hz as usize + noise.below(100)] {
            let mut samples = vec![0.0; count];
            // A slow bump around a tenth of the way.
            let middle = count as f64 / 10.0;
            let width = f64::from(rate_hz) / 1_000.0;
            samples.iter_mut().enumerate().for_each(|(at, sample)| {
                *sample = 0.5 * (-((at as f64 - middle) / width).powi(2)).exp();
            });
            let out = read(wav64(rate_hz, &samples));
            assert_eq!(out.len() as u64, (count as u64 * 16_000).div_ceil(u64::from(rate_hz)), "{rate_hz} {count}");
            if count > 4_000 {
                let center = out.iter().enumerate().map(|(at, sample)| at as f64 * f64::from(*sample)).sum::<f64>()
                    / out.iter().map(|sample| f64::from(*sample)).sum::<f64>();
                let expected = middle * 16_000.0 / f64::from(rate_hz);
                assert!((center - expected).abs() < 0.01, "{rate_hz} {count}: {center} {expected}");
            }
        }
    }
}
