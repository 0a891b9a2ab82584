//! Figures against Praat's and librosa's, on made sounds and on recordings.

use crate::made::made;
use crate::recordings::recording;
use samovar_acoustics::VoiceAnalyser;
use serde_json::Value;
use std::collections::BTreeMap;

/// How far a figure may lie from the reference.
#[derive(Clone, Copy)]
enum Within {
    Share(f64),
    Absolute(f64),
}

/// A figure, which reference tells it, and the tolerance.
type Check = (&'static str, &'static str, Within);

#[test]
fn made_sounds_are_told_as_praat_and_librosa_tell_them() {
    let checks: &[Check] = &[
        ("pitch_hz", "praat", Within::Share(0.01)),
        ("centroid_hz", "librosa", Within::Share(0.01)),
        ("flux", "librosa", Within::Share(0.02)),
        ("loudness_dbfs", "librosa", Within::Absolute(0.1)),
    ];
    let mut problems = Vec::new();
    for sound in sounds("made") {
        compare(&sound, checks, &mut problems);
        let name = sound.name.as_str();
        if name.starts_with("harmonics") {
            compare(&sound, &[("hnr_db", "true", Within::Absolute(1.0))], &mut problems);
            compare(&sound, &[("hnr_db", "praat", Within::Absolute(1.0))], &mut problems);
        }
        if name.starts_with("voice") {
            compare(&sound, &[("hnr_db", "praat", Within::Absolute(1.5))], &mut problems);
            // What varies by nothing has no share to be within.
            let within = |varies: bool, floor| if varies { Within::Share(0.1) } else { Within::Absolute(floor) };
            let varies = |figure: &str| sound.reference["true"][figure].as_f64().unwrap() > 0.001;
            compare(&sound, &[("jitter", "true", within(varies("jitter"), 0.001))], &mut problems);
            compare(&sound, &[("shimmer", "praat", within(varies("shimmer"), 0.01))], &mut problems);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn recordings_are_told_as_praat_and_librosa_tell_them() {
    let checks: &[Check] = &[
        ("pitch_hz", "praat", Within::Share(0.025)),
        ("hnr_db", "praat", Within::Absolute(1.6)),
        // Praat also marks creaky ends of words, where YIN hears no voice and where periods change most.
        ("jitter", "praat", Within::Absolute(0.008)),
        ("shimmer", "praat", Within::Absolute(0.045)),
        ("speech_rate_hz", "praat", Within::Absolute(0.7)),
        ("centroid_hz", "librosa", Within::Share(0.01)),
        ("flux", "librosa", Within::Share(0.02)),
        ("loudness_dbfs", "librosa", Within::Absolute(0.1)),
    ];
    let mut problems = Vec::new();
    for sound in sounds("media") {
        compare(&sound, checks, &mut problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_repeats_not_has_no_pitch() {
    for name in ["noise", "silence"] {
        let told = told(&made(name).unwrap());
        assert!(told["voiced_share"] < 0.02, "{name}: {told:?}");
        assert!(!told.contains_key("jitter") && !told.contains_key("shimmer"), "{name}: {told:?}");
    }
}

#[test]
fn low_tones_have_their_pitch() {
    for hz in [62.0, 70.0, 700.0, 790.0] {
        let found = told(&crate::made::tone(hz, 1.0))["pitch_hz"];
        assert!((found / hz - 1.0).abs() < 0.005, "{hz} Hz was told as {found}");
    }
}

struct Sound {
    name: String,
    told: BTreeMap<&'static str, f64>,
    reference: Value,
}

/// The sounds of the fixture that are made, or that lie under `media/` where that is present.
fn sounds(kind: &str) -> Vec<Sound> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/acoustics.json")).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    let all = fixture["sounds"].as_array().unwrap().iter();
    let load = |reference: &Value| {
        let name = reference["sound"].as_str().unwrap();
        let samples = match name.strip_prefix("media:") {
            Some(path) => (kind == "media").then(|| recording(path)).flatten(),
            None => (kind == "made").then(|| made(name).unwrap()),
        };
        samples.map(|samples| Sound { name: name.into(), told: told(&samples), reference: reference.clone() })
    };
    all.filter_map(load).collect()
}

/// The figures of a whole sound.
fn told(samples: &[f32]) -> BTreeMap<&'static str, f64> {
    let mut analyser = VoiceAnalyser::with_window(60).unwrap();
    let mut windows = analyser.push(samples);
    windows.extend(analyser.finish());
    windows.pop().unwrap().values
}

/// Notes what lies outside; what the reference cannot tell is not compared.
fn compare(sound: &Sound, checks: &[Check], problems: &mut Vec<String>) {
    for &(figure, reference, within) in checks {
        let Some(expected) = sound.reference[reference][figure].as_f64() else { continue };
        let Some(&found) = sound.told.get(figure) else {
            problems.push(format!("{}: no {figure}, {reference} has {expected}", sound.name));
            continue;
        };
        let is_within = match within {
            Within::Share(share) => (found / expected - 1.0).abs() <= share,
            Within::Absolute(most) => (found - expected).abs() <= most,
        };
        if !is_within {
            problems.push(format!("{}: {figure} {found:.5}, {reference} has {expected:.5}", sound.name));
        }
    }
}
