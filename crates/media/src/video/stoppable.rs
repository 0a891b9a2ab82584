//! Pipes to a child whose waits end when somebody says so, whoever still holds the other end: a child that was taken over may
//! have left processes behind.

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;

/// Ends the waits of a [`Stoppable`] when it is dropped.
#[derive(Debug)]
pub(crate) struct Stop {
    _writer: PipeWriter,
}

/// A pipe that is read or written; fails with `ConnectionAborted` once its [`Stop`] is dropped.
#[derive(Debug)]
pub(crate) struct Stoppable<P> {
    pipe: P,
    stop: PipeReader,
}

impl<P: AsFd> Stoppable<P> {
    pub(crate) fn new(pipe: P) -> io::Result<(Self, Stop)> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        let (stop, writer) = io::pipe()?;
        Ok((Self { pipe, stop }, Stop { _writer: writer }))
    }

    fn wait(&self, ready: PollFlags) -> io::Result<()> {
        let mut watched = [PollFd::new(&self.stop, PollFlags::IN), PollFd::new(&self.pipe, ready)];
        match rustix::event::poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if watched[0].revents().is_empty() { Ok(()) } else { Err(ErrorKind::ConnectionAborted.into()) }
    }
}

impl<P: AsFd + Read> Read for Stoppable<P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.pipe.read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl<P: AsFd + Write> Write for Stoppable<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::OUT)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_with_its_stop_and_not_with_the_other_end() {
        let (reader, writer) = io::pipe().unwrap();
        let (mut reader, stop) = Stoppable::new(reader).unwrap();
        let waits = std::thread::spawn(move || reader.read(&mut [0; 8]).unwrap_err().kind());
        drop(stop);
        assert_eq!(waits.join().unwrap(), ErrorKind::ConnectionAborted);
        let (held, full) = io::pipe().unwrap();
        let (mut full, stop) = Stoppable::new(full).unwrap();
        let waits = std::thread::spawn(move || full.write_all(&[0; 1 << 21]).unwrap_err().kind());
        drop(stop);
        assert_eq!(waits.join().unwrap(), ErrorKind::ConnectionAborted);
        drop((held, writer));
    }
}
