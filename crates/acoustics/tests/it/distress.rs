//! The score on voices that are calm, that rise, and that scream.

use crate::made::each;
use crate::recordings::recording;
use samovar_acoustics::{Distress, VoiceAnalyser};
use std::f64::consts::TAU;

#[test]
fn a_voice_that_begins_to_scream_scores() {
    let scores = scores(&each(20.0, |t| if t < 10.0 { calm(t) } else { scream(t) }));
    let before: Vec<f64> = scores[..9].iter().flatten().map(|distress| distress.score).collect();
    assert!(before.iter().all(|&score| score < 0.1), "{before:?}");
    let after = scores.last().unwrap().as_ref().unwrap();
    assert!(after.score > 0.7, "{after:?}");
    let part = |name: &str| after.parts.iter().find(|part| part.figure == name).unwrap();
    assert!((part("pitch_hz").usual.unwrap() / 120.0 - 1.0).abs() < 0.02, "{after:?}");
    for name in ["pitch_hz", "roughness", "scream_share", "loudness_dbfs"] {
        assert!(part(name).contribution > 0.5 * part(name).weight, "{name} in {after:?}");
    }
}

#[test]
fn a_scream_scores_from_its_first_second() {
    let scores = scores(&each(3.0, scream));
    let first = scores[0].as_ref().unwrap();
    assert!(first.score > 0.5, "{first:?}");
    assert!(first.parts.iter().all(|part| part.usual.is_none()), "nothing is usual yet: {first:?}");
}

#[test]
fn parts_add_up_to_the_score_and_the_largest_come_first() {
    for distress in scores(&each(12.0, |t| if t < 7.0 { calm(t) } else { scream(t) })).into_iter().flatten() {
        let sum: f64 = distress.parts.iter().map(|part| part.contribution).sum();
        assert!((distress.score - sum).abs() < 1e-9);
        assert!(distress.parts.is_sorted_by(|a, b| a.contribution >= b.contribution));
        for part in &distress.parts {
            assert!((0.0..=part.weight).contains(&part.contribution), "{part:?}");
        }
    }
}

#[test]
fn a_speech_is_no_scream() {
    let Some(sound) = recording("jfk.wav") else { return };
    for distress in scores(&sound).into_iter().flatten() {
        assert!(distress.score < 0.35, "{distress:?}");
    }
}

fn scores(samples: &[f32]) -> Vec<Option<Distress>> {
    let mut analyser = VoiceAnalyser::new();
    let mut windows = analyser.push(samples);
    windows.extend(analyser.finish());
    windows.into_iter().map(|window| window.distress).collect()
}

/// A low, even voice with falling harmonics.
fn calm(t: f64) -> f64 {
    (1..9).map(|k| 0.05 * (TAU * 120.0 * f64::from(k) * t).sin() / f64::from(k)).sum()
}

/// A high, loud voice whose energy lies above 1 kHz and whose amplitude trembles at 70 Hz.
fn scream(t: f64) -> f64 {
    let voice: f64 = [(1, 0.3), (2, 0.6), (3, 1.0), (4, 1.0), (5, 0.6)]
        .map(|(k, level)| level * (TAU * 520.0 * f64::from(k) * t).sin())
        .iter()
        .sum();
    0.25 * voice * (1.0 + 0.7 * (TAU * 70.0 * t).sin())
}
