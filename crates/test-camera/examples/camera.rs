//! A camera to try a client with: `camera rtsp|mjpeg FFMPEG WIDTH HEIGHT RATE SECONDS [VIDEO]`, then a letter and Enter on standard
//! input: `d` drops, `s` stalls, `g` sends garbage, `n` is normal again, `0` and `1` switch it off and on.
#![expect(clippy::print_stdout, reason = "it tells its address")]

use samovar_test_camera::{Footage, FootageSpec, MjpegCamera, MjpegForm, Mode, RtspCamera, Switch, jpegs};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, ffmpeg, width, height, rate, seconds, video @ ..] = words.as_slice() else {
        return Err("camera rtsp|mjpeg FFMPEG WIDTH HEIGHT RATE SECONDS [VIDEO]".into());
    };
    let rate = rate.parse()?;
    let spec = FootageSpec {
        video: video.first().map(Path::new),
        size: (width.parse()?, height.parse()?),
        rate,
        seconds: seconds.parse()?,
        key_distance: 2 * rate,
        ..FootageSpec::new(Path::new(ffmpeg))
    };
    if kind == "rtsp" {
        let camera = RtspCamera::start(Footage::make(&spec)?)?;
        println!("{}", camera.url());
        obey(camera.switch())
    } else {
        let camera = MjpegCamera::start(jpegs(&spec)?, rate, MjpegForm::Multipart)?;
        println!("{}", camera.url());
        obey(camera.switch())
    }
}

/// Obeys until standard input ends.
fn obey(switch: &Switch) -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lines() {
        match line?.as_str() {
            "d" => switch.drop_connections(),
            "s" => switch.set_mode(Mode::Stall),
            "g" => switch.set_mode(Mode::GarbagePictures),
            "n" => switch.set_mode(Mode::Normal),
            "0" => switch.turn_off(),
            "1" => switch.turn_on(),
            _ => {}
        }
    }
    Ok(())
}
