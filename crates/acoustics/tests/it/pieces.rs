//! The same samples in pieces of any length: the same figures, bit for bit.

use crate::made::{Chance, each, made};
use crate::recordings::recording;
use samovar_acoustics::{Summary, VoiceAnalyser, VoiceFigures};

#[test]
fn pieces_of_any_length_tell_the_same() {
    let sound: Vec<f32> = [made("voice:200:0.02:0.1"), made("noise"), made("silence"), made("sweep:100:400")]
        .into_iter()
        .flat_map(Option::unwrap)
        .chain(each(0.537, |t| (t * 900.0).sin()))
        .collect();
    let whole = analyse([sound.as_slice()].into_iter());
    assert_eq!(whole.len(), 11, "ten full seconds and what remains");
    for length in [1, 7, 159, 160, 161, 432, 1_024, 15_999, 16_432, 16_864] {
        assert_same(&whole, &analyse(sound.chunks(length)));
    }
    let mut chance = Chance(99);
    for _ in 0..5 {
        let mut rest = sound.as_slice();
        let uneven = std::iter::from_fn(|| {
            let (piece, others) = rest.split_at(((chance.next() * 3_000.0) as usize).min(rest.len()));
            rest = others;
            (!piece.is_empty() || !rest.is_empty()).then_some(piece)
        });
        assert_same(&whole, &analyse(uneven));
    }
}

#[test]
fn seconds_follow_each_other() {
    let Some(sound) = recording("jfk.wav") else { return };
    let mut analyser = VoiceAnalyser::new();
    let windows = analyser.push(&sound);
    assert_eq!(windows.len(), sound.len().saturating_sub(432) / 16_000);
    for (second, window) in windows.iter().enumerate() {
        assert_eq!(window.at_s, (second + 1) as f64);
        assert!((window.duration_s - (second as f64 + 1.0).min(3.0)).abs() < 1e-9);
    }
}

#[test]
fn a_summary_has_the_extremes() {
    let Some(sound) = recording("jfk.wav") else { return };
    let windows = analyse([sound.as_slice()].into_iter());
    let mut summary = Summary::default();
    windows.iter().for_each(|window| summary.add(window));
    let loudness = summary.figures()["loudness_dbfs"];
    let told: Vec<f64> = windows.iter().map(|window| window.values["loudness_dbfs"]).collect();
    assert_eq!(loudness.windows, windows.len());
    assert_eq!(loudness.high, told.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    assert_eq!(loudness.low, told.iter().copied().fold(f64::INFINITY, f64::min));
    assert!((loudness.mean - told.iter().sum::<f64>() / told.len() as f64).abs() < 1e-9);
    assert!(windows.iter().any(|window| window.at_s == loudness.high_at_s));
}

fn analyse<'a>(pieces: impl Iterator<Item = &'a [f32]>) -> Vec<VoiceFigures> {
    let mut analyser = VoiceAnalyser::new();
    let mut windows = Vec::new();
    for piece in pieces {
        windows.extend(analyser.push(piece));
    }
    windows.extend(analyser.finish());
    windows
}

fn assert_same(a: &[VoiceFigures], b: &[VoiceFigures]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        let bits = |window: &VoiceFigures| -> Vec<_> {
            window.values.iter().map(|(name, value)| (*name, value.to_bits())).collect()
        };
        assert_eq!(bits(a), bits(b), "at {} s", a.at_s);
        assert_eq!(a.distress, b.distress);
    }
}
