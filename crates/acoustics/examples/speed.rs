//! How many seconds of sound one core analyses in a second.
//!
//!     cargo run --release -p samovar-acoustics --example speed

use samovar_acoustics::VoiceAnalyser;
use std::time::Instant;

fn main() {
    let seconds = 120;
    let sound: Vec<f32> = (0..seconds * samovar_acoustics::SAMPLE_RATE).map(voice).collect();
    let mut analyser = VoiceAnalyser::new();
    let start = Instant::now();
    let windows: usize = sound.chunks(320).map(|piece| analyser.push(piece).len()).sum();
    let took = start.elapsed().as_secs_f64();
    println!("{seconds} s of voice in {took:.3} s, {windows} windows: {:.0} x real time", seconds as f64 / took);
}

/// A voice of 110 to 210 Hz that never pauses: the dearest kind of sound.
fn voice(n: usize) -> f32 {
    let t = n as f32 / samovar_acoustics::SAMPLE_RATE as f32;
    let phase = std::f32::consts::TAU * (160.0 * t - 40.0 * (0.2 * t).cos());
    (1..9).map(|k| 0.1 * (phase * k as f32).sin() / k as f32).sum()
}
