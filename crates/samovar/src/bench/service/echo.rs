//! The floor: a server that does nothing but send every body back. What it costs is the client, the kernel and two copies.

use super::arguments::EchoArguments;
use crate::failure::{CliError, Exit};
use crate::stderr;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// Serves until it is killed; each connection has a thread.
///
/// # Errors
/// Where the port cannot be opened.
pub fn echo(arguments: &EchoArguments) -> Result<Exit, CliError> {
    let failed = |error: std::io::Error| CliError::new("bind_failed", format!("no port to echo on: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).map_err(failed)?;
    stderr::line(&format!("listens on http://{}", listener.local_addr().map_err(failed)?));
    for socket in listener.incoming().flatten() {
        let thread = std::thread::Builder::new().name("echo".to_owned()).spawn(move || serve(socket));
        thread.map_err(failed)?;
    }
    Ok(Exit::Ok)
}

/// A connection that ends, however it does, is over.
fn serve(mut socket: TcpStream) {
    let _ = socket.set_nodelay(true);
    let mut buffer = Vec::new();
    while answer(&mut socket, &mut buffer).is_some() {}
}

fn answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    buffer.clear();
    let (head, length) = loop {
        read_more(socket, buffer, READ_BYTES)?;
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break (head + 4, declared(&buffer[..head])?);
        }
    };
    while buffer.len() < head + length {
        let missing = head + length - buffer.len();
        read_more(socket, buffer, missing)?;
    }
    let said = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    if length < READ_BYTES {
        return socket.write_all(&[said.as_bytes(), &buffer[head..]].concat()).ok();
    }
    socket.write_all(said.as_bytes()).ok()?;
    socket.write_all(&buffer[head..]).ok()
}

const READ_BYTES: usize = 64 << 10;

fn read_more(socket: &mut TcpStream, buffer: &mut Vec<u8>, bytes: usize) -> Option<()> {
    let filled = buffer.len();
    buffer.resize(filled + bytes, 0);
    let read = socket.read(&mut buffer[filled..]).ok()?;
    buffer.truncate(filled + read);
    (read > 0).then_some(())
}

fn declared(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Some(length.unwrap_or(0))
}
