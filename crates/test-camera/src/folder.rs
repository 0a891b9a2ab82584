//! A server of the files in one folder, for HLS; it remembers what was asked for.

use crate::house::{House, Mode, Switch, lock};
use crate::http::Request;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Requests that are remembered.
const ASKED_MAX: usize = 10_000;

/// A server at `http://127.0.0.1:…/`. Its threads end when it is dropped.
#[derive(Debug)]
pub struct FolderServer {
    house: House,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FolderServer {
    /// Serves what lies in `folder` now or later, without folders below it.
    ///
    /// # Errors
    /// Where no port can be had.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (inside, folder) = (Arc::clone(&asked), folder.to_owned());
        let house = House::open(move |stream, switch| {
            // A client that goes away is no failure of the server.
            let _ = serve(stream, switch, &folder, &inside);
        })?;
        Ok(Self { house, asked })
    }

    /// The address of a file.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.house.address)
    }

    /// Makes it drop or stall.
    pub fn switch(&self) -> &Switch {
        &self.house.switch
    }

    /// Names that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

fn serve(mut stream: TcpStream, switch: &Switch, folder: &Path, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = Request::read(&mut reader)? {
        let name = request.target.trim_start_matches('/').split('?').next().unwrap_or_default().to_owned();
        let mut list = lock(asked);
        if list.len() < ASKED_MAX {
            list.push(name.clone());
        }
        drop(list);
        while switch.mode() == Mode::Stall && !switch.is_over() {
            std::thread::sleep(crate::house::TICK);
        }
        let found = file_in(folder, &name).and_then(|path| std::fs::read(path).ok());
        let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            media_type(&name),
            body.len()
        )?;
        stream.write_all(&body)?;
    }
    Ok(())
}

/// The file of that name; a name that leads elsewhere has none.
fn file_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let is_plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    is_plain.then(|| folder.join(name))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("ts") => "video/mp2t",
        Some("mp4" | "m4s") => "video/mp4",
        _ => "application/octet-stream",
    }
}
