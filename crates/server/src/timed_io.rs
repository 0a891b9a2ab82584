//! The socket of one connection, which tells the connection's clock what comes and goes, and lingers at its end.

use crate::connection_clock::ConnectionClock;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket that tells a clock.
pub(crate) struct TimedIo<S> {
    socket: S,
    clock: Arc<ConnectionClock>,
    /// Bytes that are still read and thrown away when the connection ends.
    linger_bytes: usize,
}

/// What a client may still be sending when its request was refused: closing a socket with unread input resets the
/// connection, and the client would lose the answer that says why. The clock bounds the time.
const LINGER_BYTES: usize = 1 << 20;

impl<S> TimedIo<S> {
    pub(crate) const fn new(socket: S, clock: Arc<ConnectionClock>) -> Self {
        Self { socket, clock, linger_bytes: LINGER_BYTES }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        self.clock.received(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.clock.wrote(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.clock.wrote(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    /// Ends the output, then reads on for a while so that the client gets to see it.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_shutdown(context))?;
        self.clock.lingers();
        let mut waste = [0; 4096];
        while self.linger_bytes > 0 {
            let mut buffer = ReadBuf::new(&mut waste);
            let read = ready!(Pin::new(&mut self.socket).poll_read(context, &mut buffer));
            let count = buffer.filled().len();
            if read.is_err() || count == 0 {
                break;
            }
            self.linger_bytes = self.linger_bytes.saturating_sub(count);
        }
        Poll::Ready(Ok(()))
    }
}
