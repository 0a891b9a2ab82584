//! Ctrl-C and SIGTERM: the first asks to end, the second hastens.

use crate::failure::{CliError, Exit};
use std::fmt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A signal that asks a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSignal {
    /// Ctrl-C: a person waits for the end.
    Interrupt,
    /// What service managers and orchestrators send, with time allowed for the end.
    Terminate,
}

impl fmt::Display for EndSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

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
    pub async fn next(&mut self) -> EndSignal {
        tokio::select! {
            _ = self.interrupt.recv() => EndSignal::Interrupt,
            _ = self.terminate.recv() => EndSignal::Terminate,
        }
    }
}

/// Cancelled by the first Ctrl-C or SIGTERM; the second ends the process. Must be called within a tokio runtime.
///
/// # Errors
/// Where the system lets nobody listen.
pub fn cancel_on_signal() -> Result<CancellationToken, CliError> {
    let mut signals = EndSignals::listen()
        .map_err(|error| CliError::new("internal", format!("the system tells no signals: {error}")))?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        cancelled.cancel();
        signals.next().await;
        #[expect(clippy::exit, reason = "who asks a second time wants the process gone, whatever it still holds")]
        std::process::exit(Exit::Interrupted as i32);
    });
    Ok(token)
}
