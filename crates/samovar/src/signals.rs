//! Ctrl-C and SIGTERM: the first asks to end, the second hastens.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears of the signals that ask a process to end.
pub struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl EndSignals {
    /// Begins to listen; from now on the signals do not end the process by themselves. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Where the system lets nobody listen.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one. Safe to cancel.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
