//! What nobody should send, and what everybody may: nothing, silence, constants, clipping, and samples that are no numbers.

use crate::made::{Chance, each, made, noise, tone};
use samovar_acoustics::{AcousticsErrorKind, FIGURES, VoiceAnalyser, VoiceFigures};
use std::collections::BTreeSet;

#[test]
fn nothing_tells_nothing() {
    let mut analyser = VoiceAnalyser::new();
    assert!(analyser.push(&[]).is_empty());
    assert_eq!(analyser.finish(), None);
    for samples in [1, 159] {
        let mut analyser = VoiceAnalyser::new();
        assert!(analyser.push(&vec![0.5; samples]).is_empty());
        assert_eq!(analyser.finish(), None);
    }
}

#[test]
fn every_length_ends_well() {
    let sound = made("voice:120:0.03:0.0").unwrap();
    for length in (160..sound.len()).step_by(1_237).chain([16_863, 16_864, 16_865, 32_863]) {
        let mut analyser = VoiceAnalyser::new();
        let told = analyser.push(&sound[..length]).len();
        let last = analyser.finish().unwrap();
        assert!(last.duration_s <= 3.0 + 1e-9 && last.at_s <= length as f64 / 16_000.0, "{length}: {last:?}");
        assert_eq!(told, length.saturating_sub(432 + 16_000) / 16_000 + usize::from(length >= 16_432));
        check(&last);
    }
}

#[test]
fn silence_and_what_is_constant_sound_alike() {
    for level in [0.0, 0.5, -1.0, 1e-30] {
        let last = last(&vec![level; 48_000]);
        assert_eq!(last.values["voiced_share"], 0.0);
        assert_eq!(last.values["pause_share"], 1.0);
        assert_eq!(last.values["longest_pause_s"], 3.0);
        for absent in ["pitch_hz", "loudness_dbfs", "centroid_hz", "hnr_db", "jitter", "speech_rate_hz", "distress"] {
            assert!(!last.values.contains_key(absent), "{absent} of a constant {level}");
        }
        assert_eq!(last.distress, None);
    }
}

#[test]
fn what_is_no_number_counts_as_silence() {
    let good = tone(220.0, 3.0);
    let with = |bad: f32| -> Vec<f32> {
        good.iter().enumerate().map(|(n, &sample)| if n % 400 == 17 { bad } else { sample }).collect()
    };
    let silent = last(&with(0.0));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(last(&with(bad)), silent);
    }
    assert!((silent.values["pitch_hz"] / 220.0 - 1.0).abs() < 0.01);
    check(&last(&vec![f32::NAN; 48_000]));
    check(&last(&with(f32::MAX)));
    check(&last(&with(f32::MIN_POSITIVE)));
}

#[test]
fn clipping_is_counted_and_leaves_the_pitch() {
    let loud: Vec<f32> = tone(180.0, 3.0).iter().map(|sample| sample * 10.0).collect();
    let last = last(&loud);
    assert!((last.values["pitch_hz"] / 180.0 - 1.0).abs() < 0.01);
    // A sine of three times full scale is beyond it in all but 2·asin(1/3)/π of its time.
    assert!((last.values["clipped_share"] - (1.0 - 2.0 * (1.0_f64 / 3.0).asin() / std::f64::consts::PI)).abs() < 0.01);
}

#[test]
fn wild_samples_tell_finite_figures() {
    let mut chance = Chance(1);
    let wild: Vec<f32> = (0..80_000).map(|_| f32::from_bits((chance.next() * 4_294_967_295.0) as u32)).collect();
    for window in windows(&wild) {
        check(&window);
    }
}

#[test]
fn every_figure_of_the_table_can_be_told() {
    let mut told = BTreeSet::new();
    for window in windows(&breathing_speaker(15)) {
        check(&window);
        told.extend(window.values.into_keys());
    }
    assert_eq!(told, FIGURES.iter().map(|figure| figure.name).collect());
}

#[test]
fn breaths_are_counted() {
    let last = last(&breathing_speaker(30));
    let rate = last.values["breaths_per_minute"];
    assert!((rate - 20.0).abs() <= 2.0, "a breath every three seconds was told as {rate} per minute");
    let without: Vec<f32> = tone(200.0, 20.0);
    assert_eq!(windows(&without).pop().unwrap().values["breaths_per_minute"], 0.0);
    assert!(
        !windows(&without[..112_000]).pop().unwrap().values.contains_key("breaths_per_minute"),
        "too early to tell"
    );
}

#[test]
fn pauses_have_their_share() {
    let sound = each(3.0, |t| if (1.0..2.2).contains(&t) { 0.0 } else { 0.3 * (t * 1_300.0).sin() });
    let last = last(&sound);
    assert!((last.values["pause_share"] - 0.4).abs() < 0.02, "{last:?}");
    assert!((last.values["longest_pause_s"] - 1.2).abs() < 0.05, "{last:?}");
}

#[test]
fn beats_are_counted_as_syllables() {
    let beats = each(3.0, |t| (0.52 - 0.48 * (t * std::f64::consts::TAU * 4.0).cos()) * 0.4 * (t * 1_300.0).sin());
    let rate = last(&beats).values["speech_rate_hz"];
    assert!((rate - 4.0).abs() < 0.4, "{rate}");
}

#[test]
fn windows_have_lengths_that_are_kept() {
    for seconds in [0, 61, usize::MAX] {
        let error = VoiceAnalyser::with_window(seconds).err().unwrap();
        assert_eq!(error.kind(), AcousticsErrorKind::InvalidWindow);
        assert_eq!(error.kind().code(), "invalid_window");
    }
}

/// Every three seconds: a voice for 1.8 s, a gap, a breath of half a second, and a gap.
fn breathing_speaker(seconds: usize) -> Vec<f32> {
    let hiss = noise(seconds as f64, 0.02);
    each(seconds as f64, |t| {
        let at = t % 3.0;
        let voice: f64 = (1..9).map(|k| 0.1 * (t * 1_300.0 * f64::from(k)).sin() / f64::from(k)).sum();
        match at {
            at if at < 1.8 => voice,
            at if (2.1..2.6).contains(&at) => f64::from(hiss[(t * 16_000.0) as usize]),
            _ => 0.0,
        }
    })
}

fn windows(samples: &[f32]) -> Vec<VoiceFigures> {
    let mut analyser = VoiceAnalyser::new();
    let mut windows = analyser.push(samples);
    windows.extend(analyser.finish());
    windows
}

fn last(samples: &[f32]) -> VoiceFigures {
    let last = windows(samples).pop().unwrap();
    check(&last);
    last
}

/// What holds for every window.
fn check(window: &VoiceFigures) {
    for (name, value) in &window.values {
        assert!(value.is_finite(), "{name} is {value}");
        let figure = FIGURES.iter().find(|figure| figure.name == *name).unwrap();
        let is_share = name.ends_with("_share") || *name == "distress";
        assert!(!is_share || (0.0..=1.0).contains(value), "{} is {value}", figure.name);
    }
    assert_eq!(window.values.get("distress").copied(), window.distress.as_ref().map(|distress| distress.score));
}
