//! The addresses of a host's name, asked for on a thread that may wait.
//!
//! A resolver that does not answer keeps its thread for half a minute, whoever has given up waiting. Looks come each second, and the
//! threads are shared with everything else, so a source has one question open at most.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One source's questions for names: one at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    is_open: Arc<AtomicBool>,
}

impl Lookup {
    /// The addresses of a name or of a literal; `WouldBlock` while the last question is still open.
    pub(super) async fn find(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        match host.parse::<IpAddr>() {
            Ok(literal) => Ok(vec![(literal, port).into()]),
            Err(_) => self.ask(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect)).await,
        }
    }

    async fn ask<T: Send + 'static>(&self, question: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
        if self.is_open.swap(true, Ordering::AcqRel) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let is_open = Arc::clone(&self.is_open);
        let asked = tokio::task::spawn_blocking(move || {
            let answer = question();
            is_open.store(false, Ordering::Release);
            answer
        });
        asked.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[tokio::test]
    async fn a_resolver_that_hangs_keeps_one_thread_however_often_it_is_asked() {
        let (lookup, (answer, waits)) = (Lookup::default(), channel::<u32>());
        let first = lookup.clone();
        let asked = tokio::spawn(async move { first.ask(move || waits.recv().map_err(io::Error::other)).await });
        while !lookup.is_open.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        for _ in 0..1_000 {
            assert_eq!(lookup.ask(|| Ok(1)).await.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
        answer.send(7).unwrap();
        assert_eq!(asked.await.unwrap().unwrap(), 7);
        assert_eq!(lookup.ask(|| Ok(2)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn literals_are_asked_of_nobody() {
        let lookup = Lookup { is_open: Arc::new(AtomicBool::new(true)) };
        assert_eq!(lookup.find("::1".into(), 554).await.unwrap(), ["[::1]:554".parse().unwrap()]);
    }
}
