//! What all cameras share: a listener on loopback with a thread for each connection, and the switch that makes them fail.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often threads look at the switch.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// What a camera does with whoever is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It sends pictures.
    #[default]
    Normal,
    /// Connections stay open and silent.
    Stall,
    /// Random bytes in the place of pictures, within an intact protocol.
    GarbagePictures,
    /// Random bytes in the place of the protocol itself.
    GarbageProtocol,
}

/// The hand on a camera's switch, and what it counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    mode: Mutex<Mode>,
    open: Mutex<Vec<TcpStream>>,
    is_off: AtomicBool,
    is_over: AtomicBool,
    accepted: AtomicU64,
    sent: AtomicU64,
}

impl Switch {
    /// Does from now on what `mode` says.
    pub fn set_mode(&self, mode: Mode) {
        *lock(&self.shared.mode) = mode;
    }

    /// What it does.
    pub fn mode(&self) -> Mode {
        *lock(&self.shared.mode)
    }

    /// Cuts all connections; new ones are welcome.
    pub fn drop_connections(&self) {
        for stream in lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts all connections and refuses new ones, until it is switched on again at the same port.
    pub fn turn_off(&self) {
        self.shared.is_off.store(true, Ordering::SeqCst);
        self.drop_connections();
    }

    /// Welcomes connections again.
    pub fn turn_on(&self) {
        self.shared.is_off.store(false, Ordering::SeqCst);
    }

    /// Connections accepted since the beginning.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Pictures sent since the beginning, over all connections.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    pub(crate) fn count_sent(&self) {
        self.shared.sent.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether connections must end.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.is_over.load(Ordering::SeqCst)
    }

    fn is_off(&self) -> bool {
        self.shared.is_off.load(Ordering::SeqCst)
    }

    fn welcome(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        // A reader that does not read must not hold the thread for ever.
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        let mut open = lock(&self.shared.open);
        open.retain(|stream| stream.peer_addr().is_ok());
        open.push(stream.try_clone()?);
        self.shared.accepted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A listener with its threads; all end when it is dropped.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) switch: Switch,
    thread: Option<JoinHandle<()>>,
}

impl House {
    /// Listens on a free port of loopback; `serve` has a thread for each connection and ends with it.
    pub(crate) fn open(serve: impl Fn(TcpStream, &Switch) + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let switch = Switch::default();
        let inside = switch.clone();
        let accept = move || accept(listener, address, &inside, &Arc::new(serve));
        let thread = std::thread::Builder::new().name("test-camera".into()).spawn(accept)?;
        Ok(Self { address, switch, thread: Some(thread) })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.switch.shared.is_over.store(true, Ordering::SeqCst);
        self.switch.drop_connections();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept<F>(listener: TcpListener, address: SocketAddr, switch: &Switch, serve: &Arc<F>)
where
    F: Fn(TcpStream, &Switch) + Send + Sync + 'static,
{
    let mut listener = Some(listener);
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while !switch.is_over() {
        if switch.is_off() {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).ok();
        }
        if let Some(listener) = &listener {
            threads.extend(accept_one(listener, switch, serve));
        }
        threads.retain(|thread| !thread.is_finished());
        std::thread::sleep(TICK);
    }
    switch.drop_connections();
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

fn accept_one<F>(listener: &TcpListener, switch: &Switch, serve: &Arc<F>) -> Option<JoinHandle<()>>
where
    F: Fn(TcpStream, &Switch) + Send + Sync + 'static,
{
    listener.set_nonblocking(true).ok()?;
    let (stream, _) = listener.accept().ok()?;
    switch.welcome(&stream).ok()?;
    let (serve, switch) = (Arc::clone(serve), switch.clone());
    std::thread::Builder::new().name("test-camera-client".into()).spawn(move || serve(stream, &switch)).ok()
}

/// A panic of another thread leaves nothing half done here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that mean nothing, the same for the same `seed`.
pub(crate) fn garbage(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}
