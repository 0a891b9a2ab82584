//! A camera that sends JPEG pictures over HTTP, in parts or one behind the other.

use crate::house::{House, Mode, Switch, TICK, garbage, lock};
use crate::http::Request;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How pictures are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MjpegForm {
    /// `multipart/x-mixed-replace`, as most cameras do.
    Multipart,
    /// One JPEG behind the other.
    Bare,
}

/// A camera at `http://127.0.0.1:…/video`. Its threads end when it is dropped.
#[derive(Debug)]
pub struct MjpegCamera {
    house: House,
    pictures: Arc<Mutex<Arc<Vec<Vec<u8>>>>>,
}

impl MjpegCamera {
    /// Starts a camera that shows `pictures` over and over, `rate` a second.
    ///
    /// # Errors
    /// Where no port can be had.
    pub fn start(pictures: Vec<Vec<u8>>, rate: u32, form: MjpegForm) -> io::Result<Self> {
        let pictures = Arc::new(Mutex::new(Arc::new(pictures)));
        let inside = Arc::clone(&pictures);
        let house = House::open(move |stream, switch| {
            // A client that goes away is no failure of the camera.
            let _ = play(stream, switch, &inside, rate, form);
        })?;
        Ok(Self { house, pictures })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}/video", self.house.address)
    }

    /// Makes it drop, stall, send garbage.
    pub fn switch(&self) -> &Switch {
        &self.house.switch
    }

    /// Shows other pictures from the next one on.
    pub fn show(&self, pictures: Vec<Vec<u8>>) {
        *lock(&self.pictures) = Arc::new(pictures);
    }
}

type Shown = Mutex<Arc<Vec<Vec<u8>>>>;

fn play(mut stream: TcpStream, switch: &Switch, pictures: &Shown, rate: u32, form: MjpegForm) -> io::Result<()> {
    if Request::read(&mut BufReader::new(stream.try_clone()?))?.is_none() {
        return Ok(());
    }
    let kind = match form {
        MjpegForm::Multipart => "multipart/x-mixed-replace;boundary=frame",
        MjpegForm::Bare => "video/x-motion-jpeg",
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n")?;
    let (mut index, mut due) = (0, Instant::now());
    while !switch.is_over() {
        let shown = Arc::clone(&lock(pictures));
        let picture = &shown[index % shown.len()];
        match switch.mode() {
            Mode::Normal => send(&mut stream, picture, form)?,
            Mode::Stall => {}
            Mode::GarbagePictures => send(&mut stream, &garbage(index as u64, picture.len()), form)?,
            Mode::GarbageProtocol => stream.write_all(&garbage(index as u64, 4_000))?,
        }
        if switch.mode() != Mode::Stall {
            switch.count_sent();
        }
        index += 1;
        due += Duration::from_secs(1) / rate;
        while Instant::now() < due && !switch.is_over() {
            std::thread::sleep(TICK.min(due.saturating_duration_since(Instant::now())));
        }
    }
    Ok(())
}

fn send(stream: &mut TcpStream, picture: &[u8], form: MjpegForm) -> io::Result<()> {
    if form == MjpegForm::Bare {
        return stream.write_all(picture);
    }
    write!(stream, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len())?;
    stream.write_all(picture)?;
    stream.write_all(b"\r\n")
}
